"""Named sets of settings. Each is chosen once for all data sets, without looking at labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.knobs import Value

# Terms and schedules of our own that neither the paper nor the released code has.
WITHOUT_EXTENSIONS: dict[str, Value] = {
    "agreement": 0.0,
    "noisy_agreement": 0.0,
    "balance": 0.0,
    "self_training": 0.0,
    "joint_share": 1.0,
    "decode_every": 1,
    "final_rate": 1.0,
    "second_view": "none",
}
PAPER: dict[str, Value] = {
    **WITHOUT_EXTENSIONS,
    "epochs": 20,
    "least_steps": 500,
    "batch_norm": False,
    "spectral_width": 1024,
    "graph": "batch",
    # Few and near: in a batch of a tenth of the data, three neighbours are about the thirty nearest of all samples.
    "neighbours": 3,
    "relative_bandwidth": 0.6,
    "joint_batch": 1024,
    "joint_epochs": 25,
    "readout": "kmeans",
    "cluster_prior": 0.05,
}
DEFAULT_PRESET = "standard"
RENAMED = {"augment": "standard"}  # of earlier versions


@dataclass(frozen=True)
class Preset:
    """A named set of settings: the defaults with `changes`."""

    name: str
    help: str
    changes: dict[str, Value]

    @property
    def config(self) -> Config:
        """All settings."""
        return Config().replace(**self.changes)


PRESETS: dict[str, Preset] = {
    each.name: each
    for each in (
        Preset(
            "quick",
            "A first result: two passes over the data in stage 1 and one in stage 2, more of a small data set; no "
            "random copies.",
            {"epochs": 2, "joint_epochs": 1, "least_steps": 140, "map_every": 1},
        ),
        Preset(
            "standard",
            "The best clustering. Each image must share its cluster with small random copies of it, slightly shifted, "
            "rotated and scaled, and mirrored where the data admit it. Tables have no copies.",
            {
                "augmented_agreement": 2.5,
                "augmented_target": 0.5,
                "augmented_input": True,
                "augmented_graph": 8,
                "new_cut": 0.7,
            },
        ),
        Preset(
            "no-copies",
            "Like standard, without random copies: for images of which a small shift, rotation or change of size makes "
            "another class.",
            {},
        ),
        Preset(
            "paper",
            "The method as the paper describes it: one graph per batch, K spectral dimensions, k-means on Y.",
            PAPER,
        ),
        Preset(
            "paper-damped",
            "Trained as paper with 2·K spectral dimensions, which are then rotated and damped along one graph of the "
            "whole data set before k-means.",
            {**PAPER, "readout": "damped"},
        ),
        Preset(
            "released-code",
            "The method as the released code computes it: sampling noise, an untrained discriminator of pairs of "
            "latent codes, a softmax before the orthonormal layer.",
            {
                **WITHOUT_EXTENSIONS,
                "batch_norm": False,
                "spectral_width": 1024,
                "latent_dims": 120,
                "noise": "sampling",
                "mi_input": "latent",
                "train_discriminator": False,
                "global_mi": 0.001,
                "local_mi": 0.0,
                "reconstruction": 5.0,
                "relative": 2.5,
                "prior": 1.5,
                "cluster_prior": 1.5,
                "entropy": 1.0,
                "graph": "batch",
                "neighbours": 4,
                "bandwidth": 2.62,
                "affinity": "differentiable",
                "spectral": 1.0,
                "spectral_mean": "samples",
                "orthonormalise": "softmax",
                "readout": "softmax",
                "batch": 1024,
                "joint_batch": 1024,
                "least_steps": 0,
                "batches": 10,
                "epochs": 100,
                "joint_epochs": 500,
                "stopping": "loss",
                "tolerance": 0.0001,
            },
        ),
    )
}


def preset(name: str, **changes: Any) -> Config:
    """The settings of a preset with `changes`; InputError names an unknown preset or setting."""
    if name in RENAMED:
        raise InputError(f"The preset '{name}' is now called '{RENAMED[name]}'.")
    if name not in PRESETS:
        raise InputError(f"Unknown preset '{name}'; the presets are {', '.join(PRESETS)}.")
    return PRESETS[name].config.replace(**changes)

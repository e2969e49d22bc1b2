"""What the quality harness runs: the presets, the steps of the ablation, and what a user would pick instead.

Every method sees the same array and no labels; `observe` only turns clusters into scores that are written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dsc_core import baselines
from dsc_core.cluster import Fitted
from dsc_core.config import PRESETS, Config, preset
from dsc_core.train import fit

PLAIN = {"global_mi": 0.0, "local_mi": 0.0, "relative": 0.0}
# The paper's ablation, whose steps read their clusters from stage 1 alone; "standard" is the last step.
ABLATION = {
    "ablation-ae": PLAIN,
    "ablation-ae-mi": {"relative": 0.0},
    "ablation-ae-relative": {"global_mi": 0.0, "local_mi": 0.0},
    "ablation-ae-both": {},
}
N2D = "n2d"
BASELINES = {
    "k-means": baselines.k_means,
    "spectral": baselines.spectral,
    "umap-mixture": baselines.umap_mixture,
}
DATA = ("digits", "mnist-test", "usps", "fashion-mnist-test", "mnist", "fashion-mnist")
TITLES = {
    "k-means": "k-means on the pixels",
    "spectral": "spectral clustering on the pixels",
    "umap-mixture": "UMAP + Gaussian mixture on the pixels",
    N2D: "autoencoder + UMAP + Gaussian mixture (N2D's recipe)",
    "latent-k-means": "k-means on the latent of `standard`",
    "ablation-ae": "autoencoder alone",
    "ablation-ae-mi": "+ mutual information",
    "ablation-ae-relative": "+ relative reconstruction",
    "ablation-ae-both": "+ both",
    **{name: f"`{name}`" for name in PRESETS},
}


@dataclass
class Outcome:
    """Clusters by name of what they were read from: the method itself is "", further readouts have names."""

    clusters: dict[str, np.ndarray]
    config: dict = field(default_factory=dict)
    note: str = ""


def names() -> tuple[str, ...]:
    """All methods, the baselines first."""
    return (*BASELINES, N2D, *PRESETS, *ABLATION)


def config_of(method: str, clusters: int, seed: int) -> Config | None:
    """The settings that a trained method runs with; None for one that only reads the values."""
    if method in PRESETS:
        return preset(method, clusters=clusters, seed=seed)
    if method in ABLATION:
        return preset("standard", joint_epochs=0, clusters=clusters, seed=seed, **ABLATION[method])
    if method == N2D:  # its code has as many dimensions as clusters
        return preset("standard", joint_epochs=0, latent_dims=clusters, clusters=clusters, seed=seed, **PLAIN)
    return None


def run(method: str, dataset, clusters: int, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Cluster `dataset` (n samples) by `method`; `tell` hears what is going on."""
    config = config_of(method, clusters, seed)
    if config is None:
        found = BASELINES[method](dataset.values().reshape(len(dataset), -1), clusters, seed)
        return Outcome({"": found.clusters}, note=found.note)
    fitted, looks = trained(dataset, config, tell)
    latent = np.asarray(fitted.latent)
    if method == N2D:
        mixture = baselines.umap_mixture(latent, clusters, seed)
        return Outcome(
            {"": mixture.clusters}, config.to_dict(), f"on {latent.shape[1]} codes; {mixture.note}"
        )
    readouts = {"": fitted.labels, "latent-k-means": baselines.k_means(latent, clusters, seed).clusters}
    return Outcome(readouts | looks, config.to_dict())


def trained(dataset, config: Config, tell) -> tuple[Fitted, dict[str, np.ndarray]]:
    """The model, and the clusters that were read from stage 1 before the joint stage began."""
    looks: list[np.ndarray] = []
    steps = fit(
        dataset.samples,
        config,
        observe=lambda found: looks.append(found.copy()) or {},
        scaling=dataset.scaling,
    )
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            # The first look of a whole-data graph comes before the first joint epoch.
            whole = config.joint_epochs and config.graph == "whole"
            return end.value, {"stage-1": looks[0]} if whole else {}
        if event.kind == "epoch":
            tell(f"{event.stage} {event.epoch}/{event.epochs}, {event.images_per_second:.0f} images/s")

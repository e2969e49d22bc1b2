"""What the quality harness runs: the presets, the steps of the ablation, and the usual alternatives.

Every method sees the same array and no labels; labels are used for the scores alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dsc_core.analysis import baselines
from dsc_core.analysis.baselines import BASELINES
from dsc_core.config import Config
from dsc_core.data import Dataset, open_dataset
from dsc_core.model import Fitted
from dsc_core.presets import PRESETS, preset
from dsc_core.training.loop import fit

PLAIN = {"global_mi": 0.0, "local_mi": 0.0, "relative": 0.0}
ONE = {"joint_epochs": 0}
BARE = preset("no-copies", second_view="none")
# The ablation of the paper, and ours. Its first steps end after stage 1; none has random copies or a second view, which
# the presets `no-copies` and `standard`, the last steps, add one after the other.
ABLATION = {
    "ablation-ae": ONE | PLAIN,
    "ablation-ae-mi": ONE | {"relative": 0.0},
    "ablation-ae-relative": ONE | {"global_mi": 0.0, "local_mi": 0.0},
    "ablation-ae-both": ONE,
    "ablation-joint": {"self_training": 0.0, "joint_share": 1.0, "final_rate": 1.0},
    "ablation-self-training": {},
}
# Noise level by weight of both mutual-information terms, with fewer epochs in both stages.
GRID_NOISE, GRID_MI = (0.0, 0.25, 0.5, 1.0, 2.0), (0.0, 0.4, 1.6, 6.4)
SHORT = {"epochs": 4, "joint_epochs": 6}
GRID = {
    f"grid-s{noise:g}-mi{weight:g}": SHORT | {"noise_level": noise, "global_mi": weight, "local_mi": weight}
    for noise in GRID_NOISE
    for weight in GRID_MI
}
# `standard` with other numbers of clusters than classes.
OTHER_K = {
    "standard-k-2": lambda classes: classes - 2,
    "standard-k+2": lambda classes: classes + 2,
    "standard-k20": lambda classes: 20,
    "standard-k40": lambda classes: 40,
}
N2D = "n2d"
UNBALANCED = "-unbalanced"  # after a data set's name: class sizes from a tenth to the whole
DATA = (
    "digits",
    "mnist-test",
    "mnist-test-unbalanced",
    "usps",
    "fashion-mnist-test",
    "mnist",
    "fashion-mnist",
)
TITLES = {
    **{key: f"{each.title}{'' if each.images else ' on the pixels'}" for key, each in BASELINES.items()},
    N2D: "autoencoder + UMAP + Gaussian mixture (N2D's recipe)",
    "latent-k-means": "k-means on the latent of `standard`",
    "ablation-ae": "autoencoder alone",
    "ablation-ae-mi": "+ mutual information",
    "ablation-ae-relative": "+ relative reconstruction",
    "ablation-ae-both": "+ both",
    "ablation-joint": "+ both",
    "ablation-self-training": "+ both",
    "standard-k-2": "`standard`, two clusters too few",
    "standard-k+2": "`standard`, two clusters too many",
    "standard-k20": "`standard`, 20 clusters",
    "standard-k40": "`standard`, 40 clusters",
    **{name: f"`{name}`" for name in PRESETS},
}


@dataclass
class Outcome:
    """The clusters of a method under "", and those read from other sources under their names."""

    clusters: dict[str, np.ndarray]
    config: dict = field(default_factory=dict)
    note: str = ""


# Names that stand for several methods.
SETS = {
    "baselines": (*BASELINES, N2D),
    "presets": tuple(PRESETS),
    "other-k": tuple(OTHER_K),
    "ablation": tuple(ABLATION),
    "grid": tuple(GRID),
}


def names() -> tuple[str, ...]:
    """All methods, the baselines first."""
    return tuple(name for members in SETS.values() for name in members)


def open_data(data: str) -> Dataset:
    """The data set of that name; with the suffix UNBALANCED, a seeded subset of it."""
    if not data.endswith(UNBALANCED):
        return open_dataset(data)
    whole = open_dataset(data.removesuffix(UNBALANCED))
    rows = unbalanced(whole.labels)
    return dataclasses.replace(
        whole, samples=whole.samples[rows], labels=whole.labels[rows], ids=np.asarray(whole.ids)[rows]
    )


def unbalanced(labels: np.ndarray, smallest: float = 0.1) -> np.ndarray:
    """Rows of a subset whose classes keep from `smallest` to all of their samples, in even steps. (n,) → (m,)."""
    rng, classes = np.random.default_rng(0), np.unique(labels)
    kept = []
    for label, share in zip(classes, np.linspace(smallest, 1, len(classes)), strict=True):
        members = np.flatnonzero(labels == label)
        kept.append(rng.permutation(members)[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(kept))


def clusters_of(method: str, classes: int) -> int:
    """The number of clusters that a method makes of data with this many classes."""
    return OTHER_K[method](classes) if method in OTHER_K else classes


def config_of(method: str, clusters: int, seed: int) -> Config | None:
    """The settings of a method that trains; None for a baseline on the values."""
    if method in PRESETS:
        return preset(method, clusters=clusters, seed=seed)
    if method in OTHER_K:
        return preset("standard", clusters=clusters, seed=seed)
    if method in ABLATION or method in GRID:
        return BARE.replace(clusters=clusters, seed=seed, **(ABLATION | GRID)[method])
    if method == N2D:  # its code has as many dimensions as clusters
        return BARE.replace(latent_dims=clusters, clusters=clusters, seed=seed, **ONE, **PLAIN)
    return None


def run(method: str, dataset: Dataset, clusters: int, seed: int, report: Callable[[str], None]) -> Outcome:
    """Cluster `dataset` by `method`; report(sentence) receives the progress."""
    config = config_of(method, clusters, seed)
    if config is None:
        baseline = BASELINES[method].run(dataset.values(), clusters, seed)
        return Outcome({"": baseline.clusters}, note=baseline.note)
    fitted, stage_one = train(dataset, config, report)
    latent = np.asarray(fitted.latent)
    if method == N2D:
        mixture = baselines.umap_mixture(latent, clusters, seed)
        note = f"on {latent.shape[1]} codes; {mixture.note}"
        return Outcome({"": mixture.clusters}, config.to_dict(), note)
    readouts = {"": fitted.labels, "latent-k-means": baselines.k_means(latent, clusters, seed).clusters}
    return Outcome(readouts | stage_one, config.to_dict())


def train(
    dataset: Dataset, config: Config, report: Callable[[str], None]
) -> tuple[Fitted, dict[str, np.ndarray]]:
    """The model, and under "stage-1" the clusters that were read before joint training began."""
    observed: list[np.ndarray] = []

    def observe(clusters: np.ndarray) -> dict[str, float]:
        observed.append(clusters.copy())
        return {}

    steps = fit(dataset.samples, config, observe=observe, scaling=dataset.scaling)
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            # With a graph of the whole data set, the first evaluation comes before the first joint epoch.
            whole = config.joint_epochs and config.graph == "whole"
            return end.value, {"stage-1": observed[0]} if whole else {}
        if event.kind == "epoch":
            report(f"{event.stage} {event.epoch}/{event.epochs}, {event.images_per_second:.0f} images/s")

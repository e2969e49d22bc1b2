"""Standard clustering methods for comparison, on the same values in [0, 1] that training uses and without labels.

To add a baseline, write a function here and decorate it with `baseline`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsc_core.analysis import metrics
from dsc_core.errors import InputError
from dsc_core.sampling import sample_rows

SPECTRAL_SAMPLES = 10_000  # beyond it the eigenvectors of the graph take many minutes
NEIGHBOURS = 10
DIMS = 10


@dataclass(frozen=True)
class Outcome:
    """The clusters (n,) that a baseline found, and a note on how it was run."""

    clusters: np.ndarray
    note: str


Method = Callable[[np.ndarray, int, int], Outcome]  # values (n, d) or (n, C, H, W), number of clusters, seed


@dataclass(frozen=True)
class Baseline:
    """A method by its key and its title. images: it takes images (n, C, H, W), and nothing else."""

    key: str
    title: str
    method: Method
    images: bool = False

    def run(self, values: np.ndarray, clusters: int, seed: int) -> Outcome:
        """Cluster values (n, …) in [0, 1]."""
        return self.method(values if self.images else values.reshape(len(values), -1), clusters, seed)


BASELINES: dict[str, Baseline] = {}


def baseline(key: str, title: str, images: bool = False) -> Callable[[Method], Method]:
    """Register the decorated function as a baseline. images: of images alone, which it takes as (n, C, H, W)."""

    def register(method: Method) -> Method:
        BASELINES[key] = Baseline(key, title, method, images)
        return method

    return register


def compare(
    values: np.ndarray,
    labels: np.ndarray | None,
    clusters: int,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Run every baseline on `values` (n, …), the samples in [0, 1]; those of images alone on images (n, C, H, W).

    labels: (n,), for the scores alone, or None. progress: called with the title of each method before it runs.
    One dict per method: {"method", "note", "acc", "nmi", "ari", "seconds"}, the scores None without labels.
    InputError if there are fewer samples than clusters.
    """
    count = len(values)
    if not 2 <= clusters <= count:
        raise InputError(f"{count} samples can be clustered into 2 to {count} clusters, not {clusters}.")
    rows = []
    for method in applicable(values):
        if progress:
            progress(method.title)
        began = time.monotonic()
        outcome = method.run(values, clusters, seed)
        seconds = round(time.monotonic() - began, 3)
        scores: dict[str, float | None] = dict.fromkeys(("acc", "nmi", "ari"))
        if labels is not None:
            scores |= metrics.scores(labels, outcome.clusters)
        rows.append({"method": method.title, "note": outcome.note, **scores, "seconds": seconds})
    return rows


def applicable(values: np.ndarray) -> list[Baseline]:
    """The baselines that take such values: images with sides of at least SMALLEST pixels, or anything."""
    from dsc_core.method.scattering import SMALLEST

    images = values.ndim == 4 and min(values.shape[2:]) >= SMALLEST
    return [method for method in BASELINES.values() if images or not method.images]


@baseline("k-means", "k-means")
def k_means(values: np.ndarray, clusters: int, seed: int) -> Outcome:
    """k-means on the values (n, d): the best of ten starts, of three above 10,000 samples."""
    from sklearn.cluster import KMeans

    starts = 10 if len(values) <= SPECTRAL_SAMPLES else 3
    labels = KMeans(clusters, n_init=starts, random_state=seed).fit_predict(values)
    return Outcome(labels, f"on the values, the best of {starts} starts")


@baseline("spectral", "spectral clustering")
def spectral(values: np.ndarray, clusters: int, seed: int) -> Outcome:
    """scikit-learn's spectral clustering on a nearest-neighbour graph of at most 10,000 samples."""
    from sklearn.cluster import SpectralClustering

    rows = sample_rows(len(values), max(SPECTRAL_SAMPLES, clusters), seed)
    neighbours = min(NEIGHBOURS, len(rows))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it warns about disconnected graphs, which well-separated clusters give
        labels = SpectralClustering(
            clusters, affinity="nearest_neighbors", n_neighbors=neighbours, random_state=seed
        ).fit_predict(values[rows])
    note = f"{neighbours} neighbours"
    if len(rows) == len(values):
        return Outcome(labels, note)
    note += f"; on a random sample of {len(rows):,}, the others assigned by their nearest neighbours"
    return Outcome(_assign_others(values, rows, labels), note)


def _assign_others(values: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Clusters of all samples (n,) from those of the sample at `rows`, by a vote of five neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(min(5, len(rows)), algorithm="brute").fit(values[rows], labels)
    every = np.empty(len(values), dtype=labels.dtype)
    every[rows] = labels
    others = np.setdiff1d(np.arange(len(values)), rows)
    every[others] = classifier.predict(values[others])
    return every


@baseline("umap-mixture", "UMAP + Gaussian mixture")
def umap_mixture(values: np.ndarray, clusters: int, seed: int) -> Outcome:
    """UMAP and a Gaussian mixture, as N2D clusters its codes (R. McConville et al., arXiv 1908.05968)."""
    from sklearn.mixture import GaussianMixture

    from dsc_core.analysis.umap_map import embed

    points = embed(values, DIMS, seed, neighbours=20, min_dist=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about slow convergence, or fewer distinct points than clusters
        mixture = GaussianMixture(clusters, random_state=seed, reg_covar=1e-4)
        labels = mixture.fit_predict(points.astype(np.float64))
    return Outcome(labels, f"{DIMS} dimensions, 20 neighbours")


@baseline("scattering-k-means", "scattering + k-means", images=True)
def scattering_k_means(values: np.ndarray, clusters: int, seed: int) -> Outcome:
    """k-means on the principal axes of the scattering transform of images (n, C, H, W)."""
    outcome = k_means(_scattered(values, seed), clusters, seed)
    return Outcome(outcome.clusters, outcome.note.replace("values", "principal axes"))


@baseline("scattering-cut", "scattering + cut of the graph", images=True)
def scattering_cut(values: np.ndarray, clusters: int, seed: int) -> Outcome:
    """The graph of the scattering transform of images (n, C, H, W), cut as a run cuts the graph of its codes."""
    import torch

    from dsc_core.config import Config
    from dsc_core.method.cut import cut_graph
    from dsc_core.method.graph import whole_graph

    config = Config().replace(clusters=clusters, seed=seed)
    points = torch.from_numpy(_scattered(values, seed))
    affinity = whole_graph(points, config.neighbours, search=config.search, seed=seed)
    return Outcome(cut_graph(affinity, config).labels, f"{config.neighbours} neighbours, nothing trained")


def _scattered(values: np.ndarray, seed: int) -> np.ndarray:
    """The principal axes of the scattering transform of images (n, C, H, W). → (n, dims)."""
    import torch

    from dsc_core.method import scattering
    from dsc_core.method.feed import Feed

    feed = Feed(values, (0.0, 1.0), torch.device("cpu"))
    return scattering.codes(feed, values.shape[1:], seed).numpy()

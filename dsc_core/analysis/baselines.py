"""What a person would pick instead: k-means, spectral clustering, UMAP with a Gaussian mixture on the values.

They see the same values in [0, 1] that training sees, and no labels; the labels are only used for the scores.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsc_core.analysis import metrics
from dsc_core.errors import InputError
from dsc_core.sampling import sample_rows

SPECTRAL_SAMPLES = 10_000  # beyond it the eigenvectors of the graph take many minutes
NEIGHBOURS = 10
DIMS = 10


@dataclass(frozen=True)
class Baseline:
    """A method's name, the sentence that says how it was run, and its clusters, (n,) integers."""

    name: str
    note: str
    clusters: np.ndarray


def compare(
    dataset, clusters: int, seed: int = 0, progress: Callable[[str], None] | None = None
) -> list[dict]:
    """Run every baseline on `dataset` into `clusters` clusters.

    One dict a method: {"method", "note", "acc", "nmi", "ari", "seconds"}, the scores None without labels.
    InputError where there are fewer samples than clusters. `progress` is told which method runs.
    """
    if not 2 <= clusters <= len(dataset):
        raise InputError(
            f"{len(dataset)} samples can be cut into 2 to {len(dataset)} clusters, not {clusters}."
        )
    values = dataset.values().reshape(len(dataset), -1)
    rows = []
    for method in (k_means, spectral, umap_mixture):
        if progress:
            progress(method.__doc__.split(":")[0])
        began = time.monotonic()
        found = method(values, clusters, seed)
        seconds = round(time.monotonic() - began, 3)
        scores = dict.fromkeys(("acc", "nmi", "ari"))
        if dataset.labels is not None:
            scores = metrics.scores(dataset.labels, found.clusters)
        rows.append({"method": found.name, "note": found.note, **scores, "seconds": seconds})
    return rows


def k_means(values: np.ndarray, clusters: int, seed: int) -> Baseline:
    """k-means: on the values (n, d), the best of ten starts, three above 10,000 samples."""
    from sklearn.cluster import KMeans

    starts = 10 if len(values) <= SPECTRAL_SAMPLES else 3
    found = KMeans(clusters, n_init=starts, random_state=seed).fit_predict(values)
    return Baseline("k-means", f"on the values, the best of {starts} starts", found)


def spectral(values: np.ndarray, clusters: int, seed: int) -> Baseline:
    """Spectral clustering: scikit-learn's, on a nearest-neighbour graph of at most 10,000 samples."""
    from sklearn.cluster import SpectralClustering

    chosen = sample_rows(len(values), max(SPECTRAL_SAMPLES, clusters), seed)
    near = min(NEIGHBOURS, len(chosen))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a graph in several parts, which clusters often are
        part = SpectralClustering(
            clusters, affinity="nearest_neighbors", n_neighbors=near, random_state=seed
        ).fit_predict(values[chosen])
    note = f"{near} neighbours"
    if len(chosen) == len(values):
        return Baseline("spectral clustering", note, part)
    note += f"; on a random sample of {len(chosen):,}, the others placed by their nearest neighbours"
    return Baseline("spectral clustering", note, spread(values, chosen, part))


def spread(values: np.ndarray, chosen: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Clusters of all samples (n,) from those of the sample `chosen`, by the vote of five neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    votes = KNeighborsClassifier(min(5, len(chosen)), algorithm="brute").fit(values[chosen], part)
    found = np.empty(len(values), dtype=part.dtype)
    found[chosen] = part
    rest = np.setdiff1d(np.arange(len(values)), chosen)
    found[rest] = votes.predict(values[rest])
    return found


def umap_mixture(values: np.ndarray, clusters: int, seed: int) -> Baseline:
    """UMAP and a Gaussian mixture: as N2D reads its codes (R. McConville et al., arXiv 1908.05968)."""
    from sklearn.mixture import GaussianMixture

    from dsc_core.analysis.umap_map import embed

    points = embed(values, DIMS, seed, neighbours=20, min_dist=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of slow convergence, or of fewer different points than clusters
        mixture = GaussianMixture(clusters, random_state=seed, reg_covar=1e-4)
        found = mixture.fit_predict(points.astype(np.float64))
    return Baseline("UMAP + Gaussian mixture", f"{DIMS} dimensions, 20 neighbours", found)

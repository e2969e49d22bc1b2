"""Choosing the number of clusters K from the graph of a trained latent, without further training and without labels.

Three figures are compared over a range of K; none is accuracy. The **eigengap** is the drop of the graph's eigenvalues
after the K-th (U. von Luxburg, "A tutorial on spectral clustering", 2007, section 8.3). **Stability** is the mean
adjusted Rand index between clusterings by k-means with different seeds on different subsamples, compared on the same
samples (A. Ben-Hur, A. Elisseeff, I. Guyon, "A stability based method for discovering structure in clustered data",
2002). The **silhouette** is that of these clusterings, on those samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances, silhouette_score

from dsc_core.analysis.label_free import eigengap
from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph
from dsc_core.method.cut import DIMS_PER_CLUSTER, at_scales
from dsc_core.sampling import sample_rows

CLUSTERINGS = 6  # per K, with different seeds and subsamples: 15 pairs to compare
STARTS = 3  # of each k-means
SHARE = 0.8  # of the samples in a subsample
SUBSAMPLE = 5_000  # size of a subsample at most
COMPARED = 2_000  # samples on which clusterings are compared: a silhouette needs all their distances
LOWEST, HIGHEST = 2, 60  # numbers of clusters

Progress = Callable[[str, int, int], None]  # activity, done, total; may raise to cancel


@dataclass(frozen=True)
class Row:
    """The figures of one K.

    stability, lowest: the mean and the minimum over pairs of clusterings. The silhouettes, in [-1, 1], are means over
    the clusterings, None where undefined.
    """

    clusters: int
    stability: float
    lowest: float
    silhouette_latent: float | None
    silhouette_spectral: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def limits(count: int) -> tuple[int, int]:
    """The lowest and the highest K that can be evaluated on `count` samples; InputError if there are too few."""
    high = min(HIGHEST, int(SHARE * count) // 2)
    if high < LOWEST + 1:
        raise InputError(f"{count} samples are too few to compare numbers of clusters.")
    return LOWEST, high


def spectrum(
    affinity: sparse.csr_matrix, high: int, config: Config, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The diffusion map for every K up to `high`: eigenvalues (dims,), vectors (n, dims).

    affinity: the graph of the whole data set, sparse (n, n). `progress` may raise to cancel.
    """
    check = (lambda: progress("Computing eigenvalues of the graph", 0, 0)) if progress else None
    return graph.diffusion_map(affinity, DIMS_PER_CLUSTER * high, config.seed, check)


def sweep(
    latent: np.ndarray,
    eigenvalues: np.ndarray,
    vectors: np.ndarray,
    numbers: Sequence[int],
    config: Config,
    progress: Progress | None = None,
) -> Iterator[Row]:
    """A Row for each K in `numbers`, in their order, as soon as it is computed.

    latent: (n, d). eigenvalues, vectors: from `spectrum`. Seeded by config.seed. `progress` is called before each
    clustering and may raise to cancel.
    """
    compared = sample_rows(len(latent), COMPARED, config.seed)
    latent_distances = _distances(np.asarray(latent, dtype=np.float32)[compared])
    total = len(numbers) * CLUSTERINGS
    for i, clusters in enumerate(numbers):
        dims = DIMS_PER_CLUSTER * clusters
        points = at_scales(eigenvalues[:dims], vectors[:, :dims], config.damping)
        clusterings = []
        for j in range(CLUSTERINGS):
            if progress:
                progress(f"Clustering into {clusters}", i * CLUSTERINGS + j, total)
            clusterings.append(_cluster(points, clusters, compared, config.seed * CLUSTERINGS + j))
        similarities = [adjusted_rand_score(one, other) for one, other in combinations(clusterings, 2)]
        yield Row(
            clusters,
            float(np.mean(similarities)),
            float(np.min(similarities)),
            _mean_silhouette(latent_distances, clusterings),
            _mean_silhouette(_distances(points[compared]), clusterings),
        )


def _distances(points: np.ndarray) -> np.ndarray:
    """All pairwise distances, (m, m), exactly 0 on the diagonal."""
    distances = pairwise_distances(points)
    np.fill_diagonal(distances, 0)
    return distances


def _cluster(points: np.ndarray, clusters: int, compared: np.ndarray, seed: int) -> np.ndarray:
    """The clusters of the samples `compared` (m,), by k-means on a subsample of `points` (n, dims)."""
    size = min(max(int(np.ceil(SHARE * len(points))), clusters), SUBSAMPLE)
    subsample = sample_rows(len(points), size, seed)
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed % 2**32).fit(points[subsample])
    return fitted.predict(points[compared])


def _mean_silhouette(distances: np.ndarray, clusterings: Sequence[np.ndarray]) -> float | None:
    """The mean silhouette of several clusterings (m,) of the same samples, by their distances (m, m)."""
    values = [
        silhouette_score(distances, labels, metric="precomputed")
        for labels in clusterings
        if 2 <= len(np.unique(labels)) < len(labels)
    ]
    return float(np.mean(values)) if values and np.isfinite(values).all() else None


# Recommendation ---------------------------------------------------------------------------------------------------


def best_by_figure(eigenvalues: np.ndarray, rows: Sequence[Row]) -> dict[str, int]:
    """The best K by each figure: "eigengap", "stability", "silhouette_latent", "silhouette_spectral".

    Of equally good ones the larger: small numbers of clusters are stable by themselves. Undefined figures are left out.
    """
    best = {}
    gaps = {row.clusters: eigengap(eigenvalues, row.clusters) for row in rows}
    defined = {clusters: gap for clusters, gap in gaps.items() if gap is not None}
    if defined:
        best["eigengap"] = max(defined, key=lambda clusters: (round(defined[clusters], 6), clusters))
    for name in ("stability", "silhouette_latent", "silhouette_spectral"):
        values = {row.clusters: getattr(row, name) for row in rows if getattr(row, name) is not None}
        if values:
            best[name] = max(values, key=lambda clusters: (round(values[clusters], 3), clusters))
    return best


def recommend(best: dict[str, int]) -> int | None:
    """The K that most figures favour; without a majority that of the first figure, the eigengap if defined."""
    if not best:
        return None
    votes = list(best.values())
    most = max(map(votes.count, votes))
    if most == 1 or votes.count(votes[0]) == most:
        return votes[0]
    return max(votes, key=votes.count)

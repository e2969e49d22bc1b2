"""Scores that need no labels: silhouettes and the eigengap. They are not accuracy and must not be called so."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.sampling import sample_evenly, sample_rows

SILHOUETTE_SAMPLE = 2_000  # a silhouette needs all pairwise distances: 16 MB for 2,000 points
FEWEST_PER_CLUSTER = 10  # points sampled of a cluster, if it has so many


def label_free_scores(
    latent: ArrayLike,
    spectral: ArrayLike,
    clusters: np.ndarray,
    seed: int = 0,
    eigenvalues: ArrayLike | None = None,
) -> dict[str, float | None]:
    """Scores of `clusters` (n,) without labels.

    {"silhouette_latent", "silhouette_spectral"}: mean silhouettes in [-1, 1] in the latent space (n, d) and the
    spectral space (n, K'), of a seeded sample of at most 2,000; None where they are undefined (a single cluster,
    coordinates that are not finite). With the `eigenvalues` of the graph also "eigengap".
    """
    result = {
        "silhouette_latent": silhouette(latent, clusters, seed),
        "silhouette_spectral": silhouette(spectral, clusters, seed),
    }
    if eigenvalues is not None:
        result["eigengap"] = eigengap(eigenvalues, len(np.unique(clusters)))
    return result


def silhouette(points: ArrayLike, clusters: np.ndarray, seed: int = 0) -> float | None:
    """The mean silhouette in [-1, 1] of a seeded sample of at most 2,000 points (n, d), or None if undefined."""
    clusters = np.asarray(clusters)
    rows = sample_rows(len(clusters), SILHOUETTE_SAMPLE, seed)
    sample, clusters = np.asarray(points)[rows].astype(np.float64), clusters[rows]
    if not 2 <= len(np.unique(clusters)) < len(clusters) or not np.isfinite(sample).all():
        return None
    return float(silhouettes(sample.reshape(len(sample), -1), clusters).mean())


def cluster_silhouettes(points: ArrayLike, clusters: np.ndarray, seed: int = 0) -> dict[int, float]:
    """The mean silhouette in [-1, 1] of each cluster of at least two samples, on a seeded sample of about 2,000.

    points: (n, d). {} where silhouettes are undefined: a single cluster, as many clusters as points, coordinates that
    are not finite.
    """
    clusters = np.asarray(clusters)
    distinct = np.unique(clusters)
    samples = sample_evenly(clusters, SILHOUETTE_SAMPLE, FEWEST_PER_CLUSTER, seed)
    rows = np.sort(np.concatenate(samples)) if samples else np.zeros(0, int)
    sample, clusters = np.asarray(points)[rows].astype(np.float64), clusters[rows]
    if not 2 <= len(distinct) < len(clusters) or not np.isfinite(sample).all():
        return {}
    values = silhouettes(sample, clusters)
    return {
        int(cluster): float(values[clusters == cluster].mean())
        for cluster, members in zip(distinct, samples, strict=True)
        if len(members) > 1
    }


def silhouettes(points: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The silhouette of each of the points (n, d) float64, (n,); 0 for the only one of its cluster.

    (b − a) / max(a, b): a is the mean distance to the other points of its cluster, b the lowest mean distance to those
    of another one (P. Rousseeuw, "Silhouettes", 1987). All distances are held at once. As scikit-learn computes them,
    which takes longer to load than this does for 2,000 points.
    """
    distinct, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    squares = (points**2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    np.fill_diagonal(distances, 0)
    to_clusters = distances @ (codes[:, None] == np.arange(len(distinct)))  # (n, K): sums of distances
    rows = np.arange(len(points))
    own = to_clusters[rows, codes] / np.maximum(sizes[codes] - 1, 1)
    others = to_clusters / sizes
    others[rows, codes] = np.inf
    nearest = others.min(1)
    larger = np.maximum(own, nearest)
    return np.where((sizes[codes] > 1) & (larger > 0), (nearest - own) / np.where(larger > 0, larger, 1), 0.0)


def eigengap(eigenvalues: ArrayLike, clusters: int) -> float | None:
    """The drop from the K-th largest eigenvalue of the normalised affinity to the next, or None if there is none."""
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    return float(values[clusters - 1] - values[clusters]) if 1 <= clusters < len(values) else None

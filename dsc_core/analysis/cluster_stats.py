"""Statistics of single clusters: size, silhouette, centre, nearest cluster, members, distinctive columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dsc_core.analysis.label_free import cluster_silhouettes


def overview(
    latent: ArrayLike, spectral: ArrayLike, clusters: ArrayLike, confidence: ArrayLike, seed: int = 0
) -> pd.DataFrame:
    """One row per cluster with members: cluster, size, share, confidence (mean), silhouette, nearest.

    silhouette: in the latent space, NaN where undefined. nearest: the cluster with the nearest centre in the spectral
    space, -1 if there is no other.
    """
    clusters = np.asarray(clusters)
    distinct, sizes = np.unique(clusters, return_counts=True)
    silhouettes, nearest = cluster_silhouettes(latent, clusters, seed), nearest_clusters(spectral, clusters)
    mean = pd.Series(np.asarray(confidence)).groupby(clusters).mean()
    return pd.DataFrame(
        {
            "cluster": distinct.astype(np.int64),
            "size": sizes,
            "share": sizes / max(len(clusters), 1),
            "confidence": mean.reindex(distinct).to_numpy(dtype=float),
            "silhouette": [silhouettes.get(int(cluster), np.nan) for cluster in distinct],
            "nearest": [nearest.get(int(cluster), (-1, 0.0))[0] for cluster in distinct],
        }
    )


def members(clusters: ArrayLike, cluster: int, confidence: ArrayLike) -> np.ndarray:
    """Positions of a cluster's samples, the most confident first; equal ones in input order."""
    own = np.flatnonzero(np.asarray(clusters) == cluster)
    return own[np.argsort(-np.asarray(confidence)[own], kind="stable")]


def mean_sample(values: ArrayLike) -> np.ndarray:
    """The mean of samples (m, …), (…) float32."""
    return np.asarray(values, dtype=np.float64).mean(0).astype(np.float32)


def centres(points: ArrayLike, clusters: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The clusters with members, (k,), and the mean of each one's points, (k, d) float64."""
    distinct, codes, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    points = np.asarray(points, dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    sums = np.add.reduceat(points[order], np.cumsum(sizes) - sizes, axis=0)
    return distinct, sums / sizes[:, None]


def centre_distances(points: ArrayLike, clusters: ArrayLike) -> np.ndarray:
    """The distance of each point (n, d) to the centre of its cluster, (n,) float64."""
    distinct, means = centres(points, clusters)
    own = means[np.searchsorted(distinct, np.asarray(clusters))]
    return np.linalg.norm(np.asarray(points, dtype=np.float64) - own, axis=1)


def nearest_clusters(points: ArrayLike, clusters: ArrayLike) -> dict[int, tuple[int, float]]:
    """{cluster: (the cluster with the nearest centre, distance)}; {} with a single cluster."""
    distinct, means = centres(points, clusters)
    if len(distinct) < 2:
        return {}
    distances = np.linalg.norm(means[:, None] - means[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(1)
    return {
        int(own): (int(distinct[other]), float(distances[i, other]))
        for i, (own, other) in enumerate(zip(distinct, nearest, strict=True))
    }


def distinctive_columns(values: ArrayLike, rows: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """In which columns `rows` (m,) differ most from all others: (columns, effects), the largest effect first.

    values: (n, F). An effect is the difference of the two means over the standard deviation of the column, with its
    sign; 0 for a constant column. Empty if no row or every row is selected.
    """
    values = np.asarray(values, dtype=np.float64)
    mask = np.zeros(len(values), bool)
    mask[np.asarray(rows, dtype=np.int64)] = True
    if mask.all() or not mask.any():
        return np.zeros(0, int), np.zeros(0)
    deviation = values.std(0)
    difference = values[mask].mean(0) - values[~mask].mean(0)
    # A column that is constant except for rounding has no meaningful deviation.
    varies = deviation > 1e-9 * np.maximum(np.abs(values).max(0), 1e-30)
    effect = np.divide(difference, deviation, out=np.zeros_like(difference), where=varies)
    order = np.argsort(-np.abs(effect), kind="stable")
    return order, effect[order]

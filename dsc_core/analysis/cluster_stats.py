"""What can be said of single clusters, and how one is split: arrays in, arrays and tables out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dsc_core.analysis.metrics import SILHOUETTE_SAMPLE
from dsc_core.analysis.selection import centres
from dsc_core.data.dataset import chunks
from dsc_core.data.preprocessing import side_by_side
from dsc_core.errors import InputError

FEWEST = 3  # members of the smallest part that spectral clustering can be asked for
FEWEST_DRAWN = 10  # of a cluster, for its silhouette
RESTARTS = 10


def silhouettes(points, clusters, seed: int = 0) -> dict[int, float]:
    """The mean silhouette in [-1, 1] of each cluster of at least two samples, on a seeded sample of about 2,000.

    points: (n, d). About equally many of each cluster are drawn, so that a small one's figure is no rougher than a
    large one's. {} where it has no meaning: one cluster, as many clusters as points, coordinates that are not finite.
    """
    from sklearn.metrics import silhouette_samples

    clusters, rng = np.asarray(clusters), np.random.default_rng(seed)
    found = np.unique(clusters)
    each = max(SILHOUETTE_SAMPLE // max(len(found), 1), FEWEST_DRAWN)
    drawn = []
    for cluster in found:
        members = np.flatnonzero(clusters == cluster)
        drawn.append(members if len(members) <= each else rng.choice(members, each, replace=False))
    rows = np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, int)
    points, clusters = np.asarray(points)[rows].astype(np.float64), clusters[rows]
    if not 2 <= len(found) < len(clusters) or not np.isfinite(points).all():
        return {}
    values = silhouette_samples(points, clusters)
    return {
        int(cluster): float(values[clusters == cluster].mean())
        for cluster, members in zip(found, drawn, strict=True)
        if len(members) > 1
    }


def nearest_clusters(points, clusters) -> dict[int, tuple[int, float]]:
    """{cluster: (the cluster whose centre is nearest to its own, their distance)}; {} with a single cluster."""
    found, means = centres(points, clusters)
    if len(found) < 2:
        return {}
    away = np.linalg.norm(means[:, None] - means[None], axis=2)
    np.fill_diagonal(away, np.inf)
    near = away.argmin(1)
    return {
        int(own): (int(found[other]), float(away[i, other]))
        for i, (own, other) in enumerate(zip(found, near, strict=True))
    }


def overview(latent, spectral, clusters, confidence, seed: int = 0) -> pd.DataFrame:
    """A row a cluster that has members, by number: size, share, confidence (mean), silhouette, nearest.

    The silhouette is of the latent (NaN where it has no meaning), the nearest cluster that whose centre is
    nearest in the spectral space (-1 where there is no other).
    """
    clusters = np.asarray(clusters)
    found, sizes = np.unique(clusters, return_counts=True)
    shape, near = silhouettes(latent, clusters, seed), nearest_clusters(spectral, clusters)
    mean = pd.Series(np.asarray(confidence)).groupby(clusters).mean()
    return pd.DataFrame(
        {
            "cluster": found.astype(np.int64),
            "size": sizes,
            "share": sizes / max(len(clusters), 1),
            "confidence": mean.reindex(found).to_numpy(dtype=float),
            "silhouette": [shape.get(int(cluster), np.nan) for cluster in found],
            "nearest": [near.get(int(cluster), (-1, 0.0))[0] for cluster in found],
        }
    )


def members(clusters, cluster: int, confidence) -> np.ndarray:
    """Positions of a cluster's samples, the surest first; equal ones in the input's order."""
    own = np.flatnonzero(np.asarray(clusters) == cluster)
    return own[np.argsort(-np.asarray(confidence)[own], kind="stable")]


def mean_of(values) -> np.ndarray:
    """The mean sample, (…) float32, of samples (m, …)."""
    return np.asarray(values, dtype=np.float64).mean(0).astype(np.float32)


def mean_of_all(dataset) -> np.ndarray:
    """The mean of all samples of a data set, (…) float32, a block at a time."""
    total = sum(np.asarray(part, dtype=np.float64).sum(0) for _, part in chunks(dataset.samples))
    offset, factor = dataset.scaling
    return ((total / len(dataset) - offset) * factor).astype(np.float32)


def columns_of(dataset, rows: np.ndarray, mean_of_table: np.ndarray):
    """A cluster of a table's rows, (m,) with the surest first, as a frame of text: a row a column.

    mean: of the rows, for a category the most frequent; all: `mean_of_table`, (F,), in the same way; then the first
    and the last row.
    """
    first, last = dataset.values(rows[[0, -1]])
    means = {"mean": mean_of(dataset.values(rows)), "all": mean_of_table}
    return side_by_side(means | {"most typical": first, "least certain": last}, dataset.preprocessing)


def split(latent, parts: int, seed: int, neighbours: int = 10, damping: float = 8.0) -> np.ndarray:
    """Spectral clustering inside one cluster: part 0 … parts-1 of each of its members, the largest part first.

    latent: (m, d), of the members alone. The graph of their nearest neighbours, its damped diffusion map and
    k-means, the plainest of the cuts of `readout.cut`. InputError where there are too few members, or
    too few that differ, for so many parts.
    """
    import torch
    from sklearn.cluster import KMeans

    from dsc_core.method import graph
    from dsc_core.method.cut import DIMS_A_CLUSTER

    latent = np.ascontiguousarray(latent, dtype=np.float32)
    if parts < 2:
        raise InputError("Split a cluster into two parts or more.")
    if len(latent) < FEWEST * parts:
        raise InputError(
            f"{len(latent)} samples are too few for {parts} parts: a part needs at least {FEWEST} of them."
        )
    if len(np.unique(latent, axis=0)) < parts:
        raise InputError(f"Fewer than {parts} of the samples differ in their codes: nothing to split.")
    affinity = graph.whole_graph(torch.from_numpy(latent), min(neighbours, len(latent) - 1))
    dims = min(DIMS_A_CLUSTER * parts, len(latent) - 2)
    values, vectors = graph.diffusion_map(affinity, dims, seed)
    labels = KMeans(parts, n_init=RESTARTS, random_state=seed).fit_predict(
        graph.damped(values, vectors, damping)
    )
    sizes = np.bincount(labels, minlength=parts)
    if (sizes == 0).any():
        raise InputError(f"The samples do not come apart into {parts} parts: ask for fewer.")
    rank = np.empty(parts, int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(parts)
    return rank[labels]

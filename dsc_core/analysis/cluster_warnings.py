"""Warnings about clusters that look wrong, by simple rules that need no labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from dsc_core.analysis.label_free import cluster_silhouettes

TINY = 0.2  # of an equal share of the samples: a smaller cluster is tiny
DOMINANT = 0.5  # of all samples: a larger cluster dominates
DOMINANT_OF_EQUAL = (
    1.8  # of an equal share, which a dominant cluster must exceed too: it matters at K = 2 and 3
)
LOOSE = 0.05  # mean silhouette in the spectral space, below which a cluster is loose
OVERLAP = 0.1  # of a cluster's edge weight that leads to one other cluster


@dataclass(frozen=True)
class Diagnostics:
    """Figures of each cluster that need no labels.

    sizes: (K,). silhouettes: (K,), in the spectral space, NaN where undefined. overlap: (K, K), the share of the row
    cluster's edge weight in the graph that leads to the column cluster.
    """

    sizes: np.ndarray
    silhouettes: np.ndarray
    overlap: np.ndarray


@dataclass(frozen=True)
class ClusterWarning:
    """A sentence about clusters. kind: "collapsed", "empty", "tiny", "mixed" or "loose"."""

    kind: str
    clusters: tuple[int, ...]
    message: str


def diagnose(
    clusters: np.ndarray, count: int, spectral: np.ndarray, affinity: sparse.spmatrix | None, seed: int = 0
) -> Diagnostics:
    """The Diagnostics of clusters (n,) in 0..count-1. spectral: (n, K'). affinity: sparse (n, n); None: no overlap."""
    clusters = np.asarray(clusters, dtype=np.int64)
    sizes = np.bincount(clusters, minlength=count)
    overlap = np.zeros((count, count)) if affinity is None else edge_weight_shares(clusters, count, affinity)
    means = cluster_silhouettes(spectral, clusters, seed)
    return Diagnostics(sizes, np.array([means.get(cluster, np.nan) for cluster in range(count)]), overlap)


def edge_weight_shares(clusters: np.ndarray, count: int, affinity: sparse.spmatrix) -> np.ndarray:
    """The share of each cluster's edge weight that leads to each cluster, itself included, (K, K)."""
    rows = np.arange(len(clusters))
    member = sparse.csr_matrix((np.ones(len(rows)), (rows, clusters)), shape=(len(rows), count))
    weight = (member.T @ (affinity @ member)).toarray()
    return weight / np.maximum(weight.sum(1, keepdims=True), 1e-12)


def find_warnings(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """All warnings, the most serious first."""
    rules = (_collapsed, _empty, _tiny, _mixed, _loose)
    return [warning for rule in rules for warning in rule(diagnostics)]


def _collapsed(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """A cluster that holds most of the samples."""
    sizes = diagnostics.sizes
    count, share = len(sizes), sizes.max() / max(int(sizes.sum()), 1)
    if count < 2 or share <= max(DOMINANT, DOMINANT_OF_EQUAL / count):
        return []
    largest = int(sizes.argmax())
    message = (
        f"Cluster {largest} contains {share:.0%} of all samples: other clusters may have collapsed into it. "
        "Try a higher balance weight or another number of clusters."
    )
    return [ClusterWarning("collapsed", (largest,), message)]


def _empty(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Clusters without samples."""
    empty = np.flatnonzero(diagnostics.sizes == 0).tolist()
    if not empty:
        return []
    verb = "is" if len(empty) == 1 else "are"
    message = f"{_enumerate(empty)} {verb} empty: use fewer clusters or a higher balance weight."
    return [ClusterWarning("empty", tuple(empty), message)]


def _tiny(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Clusters far below an equal share."""
    equal = diagnostics.sizes.sum() / len(diagnostics.sizes)
    return [
        ClusterWarning(
            "tiny",
            (cluster,),
            f"Cluster {cluster} is tiny: {size:,} sample{'s'[: size != 1]}, compared with {equal:,.0f} for an equal "
            "share. Check whether they are outliers or belong to another cluster.",
        )
        for cluster, size in enumerate(diagnostics.sizes.tolist())
        if 0 < size < TINY * equal
    ]


def _mixed(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Pairs of clusters that overlap in the graph, each pair once."""
    others = diagnostics.overlap * (1 - np.eye(len(diagnostics.sizes)))
    pairs: dict[frozenset[int], tuple[float, int, int]] = {}
    for cluster in np.flatnonzero(diagnostics.sizes).tolist():
        other = int(others[cluster].argmax())
        share, pair = float(others[cluster, other]), frozenset((cluster, other))
        if share > OVERLAP and share > pairs.get(pair, (0.0, 0, 0))[0]:
            pairs[pair] = share, cluster, other
    ordered = sorted(pairs.values(), reverse=True)
    return [
        ClusterWarning(
            "mixed",
            (cluster, other),
            f"{share:.0%} of the graph connections of cluster {cluster} lead to cluster {other}: the two may be one "
            "group, or the border between them may be in the wrong place.",
        )
        for share, cluster, other in ordered
    ]


def _loose(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Clusters with a low silhouette."""
    return [
        ClusterWarning(
            "loose",
            (cluster,),
            f"Cluster {cluster} is loose: its mean silhouette in the spectral space is {value:.2f}. It may be a "
            "mixture of samples that fit nowhere else.",
        )
        for cluster, value in enumerate(diagnostics.silhouettes.tolist())
        if value < LOOSE
    ]


def _enumerate(clusters: list[int]) -> str:
    """ "Cluster 3" or "Clusters 3, 5 and 7"."""
    numbers = [str(cluster) for cluster in clusters]
    if len(numbers) == 1:
        return f"Cluster {numbers[0]}"
    return f"Clusters {', '.join(numbers[:-1])} and {numbers[-1]}"

"""Warnings about clusters that look wrong, judged by their sizes and by the graph. They need no labels.

One comparison tells whether a border is one between groups: what it costs to cut the graph there, and what it costs to
cut it once more on either side. A border between two groups is much cheaper than cuts inside them; a border through
one group costs about the same. A cluster whose cheapest cut is like the first may hold several groups, and two
clusters whose border is like the second may be one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from dsc_core.analysis import conductance
from dsc_core.analysis.conductance import Split

TINY = 0.2  # of the median size of the clusters: a smaller one is tiny
DOMINANT = 0.5  # of all samples: a larger cluster may be a collapse
TIMES_OTHERS = 4  # the median size of the others, which a collapsed cluster must exceed too
# The cost of a border as a share of that of cuts inside, above which two clusters may be one: settled by the labels of
# usps and mnist-test. Nothing is said between `conductance.SEVERAL` and this.
ONE = 0.45


@dataclass(frozen=True)
class Diagnostics:
    """Figures of each cluster that need no labels.

    sizes: (K,). splits: the cheapest cut of each cluster, None where it cannot be cut. between: (K, K), the conductance
    between each two clusters, 0 where the graph does not connect them.
    """

    sizes: np.ndarray
    splits: tuple[Split | None, ...]
    between: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """What it costs to cut a single group inside each cluster, (K,)."""
        return np.array([conductance.ALL if split is None else split.inside_groups for split in self.splits])


@dataclass(frozen=True)
class ClusterWarning:
    """A sentence about clusters. kind: "collapsed", "empty", "tiny", "several" or "one"."""

    kind: str
    clusters: tuple[int, ...]
    message: str


def diagnose(
    clusters: np.ndarray, count: int, affinity: sparse.spmatrix | None, seed: int = 0
) -> Diagnostics:
    """The Diagnostics of clusters (n,) in 0..count-1. affinity: sparse (n, n); None: the sizes alone are judged."""
    clusters = np.asarray(clusters, dtype=np.int64)
    sizes = np.bincount(clusters, minlength=count)
    if affinity is None:
        return Diagnostics(sizes, (None,) * count, np.zeros((count, count)))
    affinity = sparse.csr_matrix(affinity)
    members = [np.flatnonzero(clusters == cluster) for cluster in range(count)]
    splits = tuple(conductance.split(affinity[rows][:, rows], seed) for rows in members)
    return Diagnostics(sizes, splits, conductance.between(clusters, count, affinity))


def find_warnings(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """All warnings, the most serious first."""
    rules = (_collapsed, _empty, _tiny, _several, _one)
    return [warning for rule in rules for warning in rule(diagnostics)]


def _collapsed(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """A cluster that holds most of the samples, and far more than the others."""
    sizes = diagnostics.sizes
    if len(sizes) < 2:
        return []
    largest, share = int(sizes.argmax()), sizes.max() / max(int(sizes.sum()), 1)
    if share <= DOMINANT or sizes.max() <= TIMES_OTHERS * np.median(np.delete(sizes, largest)):
        return []
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
    """Clusters far below the median size."""
    sizes = diagnostics.sizes
    median = float(np.median(sizes[sizes > 0])) if sizes.any() else 0.0
    return [
        ClusterWarning(
            "tiny",
            (cluster,),
            f"Cluster {cluster} is tiny: {size:,} sample{'s'[: size != 1]}, compared with a median of {median:,.0f}. "
            "Check whether they are outliers or belong to another cluster.",
        )
        for cluster, size in enumerate(sizes.tolist())
        if 0 < size < TINY * median
    ]


def _several(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Clusters that the graph parts as cheaply as groups, the clearest first."""
    found = [
        (split.contrast, cluster, split)
        for cluster, split in enumerate(diagnostics.splits)
        if split is not None and split.parts_groups
    ]
    return [
        ClusterWarning(
            "several",
            (cluster,),
            f"Cluster {cluster} may hold several groups: a cut into {split.sizes[0]:,} and {split.sizes[1]:,} samples "
            f"cuts {split.cost:.1%} of the connections of the smaller part, a cut inside them {split.inside:.1%}. "
            "Split it, or use more clusters.",
        )
        for _, cluster, split in sorted(found, key=lambda each: each[:2])
    ]


def _one(diagnostics: Diagnostics) -> list[ClusterWarning]:
    """Pairs of clusters whose border is no cheaper than a cut inside them, the clearest first."""
    inside = diagnostics.inside
    within = (inside[:, None] + inside) / 2
    contrast = np.triu(diagnostics.between / np.maximum(within, 1e-12), 1)
    pairs = np.argwhere(contrast > ONE)
    ordered = pairs[np.argsort(-contrast[tuple(pairs.T)], kind="stable")]
    return [
        ClusterWarning(
            "one",
            (first, second),
            f"Clusters {first} and {second} may be one group: the border between them cuts "
            f"{diagnostics.between[first, second]:.1%} of the connections of the smaller one, a cut inside them "
            f"{within[first, second]:.1%}. Compare their samples; merge them, or use fewer clusters.",
        )
        for first, second in ordered.tolist()
    ]


def _enumerate(clusters: list[int]) -> str:
    """ "Cluster 3" or "Clusters 3, 5 and 7"."""
    numbers = [str(cluster) for cluster in clusters]
    if len(numbers) == 1:
        return f"Cluster {numbers[0]}"
    return f"Clusters {', '.join(numbers[:-1])} and {numbers[-1]}"

"""What it costs to cut a graph: the conductance between groups, and of the cheapest cut inside one.

The conductance of a cut is the weight of the edges between its two sides, as a share of the edge weight of the smaller
side (Shi and Malik, "Normalized cuts and image segmentation", 2000). The cheapest cut is looked for along the first
eigenvectors: of all places where a sorted eigenvector can be cut, the one of least conductance (F. Chung, "Spectral
graph theory", 1997, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from dsc_core.method.dendrogram import weights_between

VECTORS = 4  # eigenvectors after the first that are swept
LEAST_SHARE = 0.1  # of the edge weight that each side of a cut has: a handful of odd samples is no group
FEWEST = 12  # samples that can be cut
ALL = 1.0  # the conductance where nothing can be cut
# The cost of a cut as a share of that of cuts inside its sides, below which these are groups of their own. Settled by
# labels, see docs/results.md; in a chain of samples the share is a half.
SEVERAL = 0.4
LEAST_PART = 25  # samples: the cost of cuts of fewer depends on chance
LEVELS = 3  # of cuts inside cuts: two groups in each of two parts would otherwise look like one


@dataclass(frozen=True)
class Split:
    """The cheapest cut of some samples. cost: its conductance. sizes: of the two parts, the larger first.

    inside: the mean conductance of the cheapest cuts inside the parts, where these hold several groups inside those.
    """

    cost: float
    sizes: tuple[int, int]
    inside: float

    @property
    def contrast(self) -> float:
        """The cost as a share of that of further cuts: small between two groups, near 1 in a single one."""
        return self.cost / max(self.inside, 1e-12)

    @property
    def parts_groups(self) -> bool:
        """Whether the parts seem to be groups of their own: the cut is far cheaper than cuts inside them."""
        return self.contrast < SEVERAL and self.sizes[1] >= LEAST_PART

    @property
    def inside_groups(self) -> float:
        """What it costs to cut a single group among the samples."""
        return self.inside if self.parts_groups else self.cost


def split(affinity: sparse.csr_matrix, seed: int = 0, levels: int = LEVELS) -> Split | None:
    """The cheapest cut of a graph, sparse (n, n), and what cuts inside its two parts cost; None if there is none."""
    cost, side = cheapest_cut(affinity, seed)
    if side is None:
        return None
    parts = [np.flatnonzero(side), np.flatnonzero(~side)]
    inside = [_cost_inside(affinity[part][:, part], seed, levels - 1) for part in parts]
    smaller, larger = sorted(map(len, parts))
    return Split(cost, (larger, smaller), float(np.mean(inside)))


def _cost_inside(affinity: sparse.csr_matrix, seed: int, levels: int) -> float:
    """What it costs to cut a single group in a part, sparse (n, n)."""
    if levels == 0 or affinity.shape[0] < 2 * LEAST_PART:
        return cheapest_cut(affinity, seed)[0]
    found = split(affinity, seed, levels)
    return ALL if found is None else found.inside_groups


def cheapest_cut(affinity: sparse.csr_matrix, seed: int = 0) -> tuple[float, np.ndarray | None]:
    """The least conductance found for a graph, sparse (n, n), and the samples of one side, (n,) bool; ALL and None."""
    from dsc_core.method.graph import diffusion_map

    affinity, count = sparse.csr_matrix(affinity), affinity.shape[0]
    if count < FEWEST:
        return ALL, None
    vectors = diffusion_map(affinity, VECTORS + 1, seed)[1]
    cuts = [_sweep(affinity, vector) for vector in vectors[:, 1:].T]
    return min(cuts, key=lambda cut: cut[0])


def _sweep(affinity: sparse.csr_matrix, vector: np.ndarray) -> tuple[float, np.ndarray | None]:
    """The cheapest of the cuts that part the samples by a threshold on a vector (n,)."""
    order = np.argsort(vector, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    edges = affinity.tocoo()
    ends = rank[edges.row], rank[edges.col]
    # Each edge is cut from its first end to just before its last; both its directions are in the matrix.
    begin = np.bincount(np.minimum(*ends), edges.data / 2, len(order))
    end = np.bincount(np.maximum(*ends), edges.data / 2, len(order))
    cut = (begin - end).cumsum()
    volume = np.asarray(affinity.sum(1), dtype=np.float64).ravel()[order].cumsum()
    smaller = np.minimum(volume, volume[-1] - volume)
    smaller[-1] = 0
    allowed = (smaller > 0) & (smaller >= LEAST_SHARE * volume[-1])
    if not allowed.any():
        return ALL, None
    conductance = np.where(allowed, cut / np.maximum(smaller, 1e-12), np.inf)
    best = int(conductance.argmin())
    return max(float(conductance[best]), 0.0), rank <= best


def between(clusters: np.ndarray, count: int, affinity: sparse.csr_matrix) -> np.ndarray:
    """The conductance between each two clusters, in the graph of these two alone. (n,), sparse (n, n) → (K, K)."""
    weight = weights_between(affinity, clusters, count)
    volume = weight.diagonal()[:, None] + weight
    found = weight / np.maximum(np.minimum(volume, volume.T), 1e-12)
    np.fill_diagonal(found, 0)
    return found

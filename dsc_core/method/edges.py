"""The weights of a graph on a device, the cost of a cut of it, and the refinement of one."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

CPU = torch.device("cpu")
HALVINGS = 2  # of the samples that move at once, while moving them does not lower the cut
# In `cost`. From .15 to .35, cuts of the 1:10 subset of mnist-test find its small classes and those of digits no odd
# handful; of mnist-test and usps themselves every value up to 1 chooses the same cuts.
SMALL_PRICE = 0.3
MOST_REACH = 0.25  # of the mean cluster: more than this is not counted as the neighbourhood of a sample
MEASURED = 100_000  # samples whose neighbours are counted


def to_torch(matrix: sparse.csr_matrix, device: torch.device) -> Tensor:
    """A sparse matrix (n, m) as a sparse float32 tensor on the device."""
    rows, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")  # "in beta state", at the first one
        found = torch.sparse_csr_tensor(
            rows, columns, values.float(), size=matrix.shape, check_invariants=False
        )
    return found.to(device)


class Edges:
    """A graph W, sparse (n, n), symmetric, on a device; what is asked of it are products with labels (n,).

    degree: W(i, all), (n,) float64. neighbours: how many edges of equal weight a sample would have, on the mean.
    """

    def __init__(self, affinity: sparse.csr_matrix, device: torch.device = CPU) -> None:
        self.weights = to_torch(affinity, device)
        self.degree = np.asarray(affinity.sum(1), dtype=np.float64).ravel()
        self.neighbours = neighbours_of(affinity, self.degree)
        self.reach = torch.from_numpy(np.maximum(self.degree, 1e-12)).to(device, torch.float32)
        self.device = device

    def links(self, labels: np.ndarray, clusters: int) -> Tensor:
        """W(i, c), from each sample to each cluster: (n, K) float32."""
        member = torch.zeros(len(labels), clusters, device=self.device)
        member.scatter_(1, torch.from_numpy(labels).to(self.device)[:, None], 1.0)
        return self.weights @ member

    def inside(self, links: Tensor, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """W(c, c) and W(c, all) of each cluster, (K,) float64, the last never 0; links: of these labels."""
        clusters = links.shape[1]
        own = links.gather(1, torch.from_numpy(labels).to(self.device)[:, None])[:, 0].cpu().numpy()
        # In double precision and in the order of the samples: the same sums on every run.
        within = np.bincount(labels, own, minlength=clusters)
        return within, np.maximum(np.bincount(labels, self.degree, minlength=clusters), 1e-12)


def neighbours_of(affinity: sparse.csr_matrix, degree: np.ndarray) -> float:
    """The mean of (Σ_j W_ij)² / Σ_j W_ij² over samples with edges: k where each has k edges of equal weight.

    Of a large graph, samples at equal distances are measured.
    """
    step = -(-affinity.shape[0] // MEASURED)
    some, degree = affinity[::step], degree[::step]
    squares = np.asarray(some.multiply(some).sum(1), dtype=np.float64).ravel()
    linked = squares > 0
    return float((degree[linked] ** 2 / squares[linked]).mean()) if linked.any() else 0.0


def cost(affinity: sparse.csr_matrix | Edges, labels: np.ndarray, clusters: int) -> float:
    """The cost of a cut, labels (n,): its normalised cut plus the price of its small clusters.

    A handful of odd samples that are one another's neighbours stands apart from all others by its size alone, and the
    normalised cut would take it for a cluster at the price of two classes in one. So each cluster of s samples adds
    SMALL_PRICE·r/s, where r is the number of a sample's neighbours. A class that is small and still many times as large
    as a neighbourhood pays next to nothing: unequal sizes as such cost nothing.
    """
    edges = affinity if isinstance(affinity, Edges) else Edges(affinity)
    price = _price_of_small(np.bincount(labels, minlength=clusters), edges.neighbours)
    # Rounded: of equal cuts, the first is chosen on every machine.
    return round(normalised_cut(edges, labels, clusters) + price, 9)


def cost_of_cells(
    weights: np.ndarray, sizes: np.ndarray, labels: np.ndarray, clusters: int, neighbours: float
) -> float:
    """`cost` where whole cells are labelled, (m,), by the weights between them, (m, m), and their sizes, (m,)."""
    member = np.eye(clusters)[labels]
    within = np.einsum("ij,ij->j", member, weights @ member)
    cut = _cut(within, np.maximum(member.T @ weights.sum(1), 1e-12))
    return round(cut + _price_of_small(member.T @ sizes, neighbours), 9)


def _price_of_small(sizes: np.ndarray, neighbours: float) -> float:
    """SMALL_PRICE·Σ_c r/s_c, r being at most MOST_REACH of the mean size: of few samples, all are neighbours."""
    reach = min(neighbours, MOST_REACH * sizes.mean())
    return SMALL_PRICE * float((reach / np.maximum(sizes, 1)).sum())


def normalised_cut(affinity: sparse.csr_matrix | Edges, labels: np.ndarray, clusters: int) -> float:
    """Σ_c (1 − W(c, c) / W(c, all)) of a graph W, sparse (n, n), and labels (n,): what spectral clustering minimises.

    From 0, where no edge is cut, to K; a cluster without samples counts 1. Source: Shi and Malik (2000).
    """
    edges = affinity if isinstance(affinity, Edges) else Edges(affinity)
    return _cut(*edges.inside(edges.links(labels, clusters), labels))


def _cut(within: np.ndarray, volume: np.ndarray) -> float:
    return float((1 - within / volume).sum())


def refine(
    affinity: sparse.csr_matrix | Edges,
    labels: np.ndarray,
    clusters: int,
    rounds: int = 50,
    check_cancelled: Callable[[], None] | None = None,
) -> np.ndarray:
    """Move samples of a cut, labels (n,), to where their edges pull them, while the normalised cut falls. → (n,).

    All at once; where that does not lower the cut, only those that are pulled most. No cluster loses all its samples.
    Source: the weighted kernel k-means of Dhillon, Guan and Kulis (2004), whose minimum is that of the cut.
    check_cancelled: called before each round; what it raises ends the work.
    """
    edges = affinity if isinstance(affinity, Edges) else Edges(affinity)
    links = edges.links(labels, clusters)
    for _ in range(rounds):
        if check_cancelled:
            check_cancelled()
        within, volume = edges.inside(links, labels)
        target, gain = _pulls(edges, links, labels, within, volume)
        movers = np.flatnonzero((target != labels) & (edges.degree > 0))
        movers = movers[np.argsort(-gain[movers], kind="stable")]
        for halving in range(HALVINGS):
            moved = labels.copy()
            some = movers[: len(movers) >> halving]
            moved[some] = target[some]
            emptied = (np.bincount(moved, minlength=clusters) == 0) & (
                np.bincount(labels, minlength=clusters) > 0
            )
            after = edges.links(moved, clusters)
            if not emptied.any() and _cut(*edges.inside(after, moved)) < _cut(within, volume):
                break
            if len(some) <= 1:
                return labels
        else:
            return labels
        labels, links = moved, after
    return labels


def _pulls(
    edges: Edges, links: Tensor, labels: np.ndarray, within: np.ndarray, volume: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cluster that pulls each sample most, (n,), and how much more than its own, (n,)."""
    sizes = np.bincount(labels, minlength=links.shape[1])
    tightness, share = (
        torch.from_numpy(each).to(links.device, links.dtype) for each in (within / volume, 1 / volume)
    )
    pull = (2 * links / edges.reach[:, None] - tightness) * share
    pull[:, torch.from_numpy(sizes == 0).to(links.device)] = -torch.inf
    most, target = pull.max(1)
    own = pull.gather(1, torch.from_numpy(labels).to(links.device)[:, None])[:, 0]
    return target.cpu().numpy(), (most - own).cpu().numpy()

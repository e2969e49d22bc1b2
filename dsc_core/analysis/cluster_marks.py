"""Which numbers of clusters K a graph supports, by two figures. Neither needs labels, and neither is accuracy.

**Agreement** on subsets: trees of random parts of the samples (`method.dendrogram`) are cut at K and compared on the
same samples, pair by pair (after A. Ben-Hur, A. Elisseeff, I. Guyon, "A stability based method for discovering
structure in clustered data", 2002). A rate of agreement favours few clusters, which are found again by themselves. So
what is counted is information, in nats: what two cuts have in common, their mutual information I, less PRICE times what
they do not, H − I, where H is their mean entropy. A split that is found again adds to it; one that is not takes away.

**Cost jump**: how many times smaller the linkage of the merge into K − 1 is than that of the merge into K, as a
geometric mean over the same trees. Where it is large, all that can be merged cheaply has been merged at K.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
import torch

from dsc_core.analysis.cluster_tree import CELLS, DEEPEST
from dsc_core.method import kmeans
from dsc_core.method.cut import EVENNESS, fine_cells
from dsc_core.method.dendrogram import Dendrogram, merge, weights_between
from dsc_core.sampling import sample_rows

TREES = 21  # 210 pairs to compare; as many of each evenness
SHARE = 0.8  # of the samples in each
COMPARED = 4_000  # samples on which trees are compared
MOST_CELLS = (
    320  # of a tree, unless that is less than LEAST per cluster of the run: time grows with their cube
)
LEAST = 3
FEWEST = 20  # samples, below which nothing is compared
MOST_MARKS = 3  # of either figure
# Of information that is not found again. Of 2, 3 and 4 the one with the fewest marks, and the number of classes among
# them, on runs of all sets in docs/results.md: it is no test of the marks that they show it there.
PRICE = 3.0
NEAR_BEST = 0.85  # of the best agreement: lower peaks are not marked
JUMP = 2.0  # times that a linkage falls

Report = Callable[[str, int, int], None]  # activity, done, total; may raise to cancel
COMPARING = "Comparing clusters of subsets"


@dataclass(frozen=True)
class Marks:
    """The figures for K = 2, 3, …, each (h − 1,): the agreement in nats, and the cost jump, a ratio of linkages."""

    agreement: np.ndarray
    jump: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """The numbers of clusters, (h − 1,)."""
        return np.arange(2, 2 + len(self.agreement))

    @property
    def agreed(self) -> tuple[int, ...]:
        """The numbers at which subsets agree best, the best first: the highest peaks, none far below the best."""
        around = np.concatenate(
            [[0.0], self.agreement, [-np.inf]]
        )  # of one cluster nothing is to be agreed on
        peak = (around[1:-1] > around[:-2]) & (around[1:-1] >= around[2:])
        peak &= self.agreement >= NEAR_BEST * self.agreement.max(initial=0.0)
        return tuple(self._largest(self.agreement, peak))

    @property
    def jumps(self) -> tuple[int, ...]:
        """The numbers below which merging costs at least JUMP times as much, the largest jump first."""
        return tuple(self._largest(self.jump, self.jump >= JUMP))

    @property
    def best(self) -> int | None:
        """The number at which subsets agree best, or else that with the largest jump; None where nothing is marked."""
        return next(iter((*self.agreed, *self.jumps)), None)

    def _largest(self, values: np.ndarray, allowed: np.ndarray) -> list[int]:
        """The MOST_MARKS numbers with the largest values among those allowed, both (h − 1,)."""
        order = np.argsort(-values, kind="stable")
        return [int(self.numbers[place]) for place in order if allowed[place]][:MOST_MARKS]


def find_marks(
    affinity: sparse.csr_matrix, points: torch.Tensor, clusters: int, seed: int, report: Report | None = None
) -> Marks:
    """The figures for 2 to DEEPEST·K clusters, K those of the run, by a graph, sparse (n, n), and points (n, r).

    For many clusters only for fewer numbers, and with fewer than FEWEST samples for none. report may raise to cancel.
    """
    size = int(SHARE * len(points))
    if len(points) < FEWEST:
        return Marks(np.zeros(0), np.zeros(0))
    count = min(CELLS * clusters, max(MOST_CELLS, LEAST * clusters), size // 2)
    compared = sample_rows(len(points), COMPARED, seed)
    trees = []
    for number in range(TREES):
        if report:
            report(COMPARING, number, 2 * TREES)
        rows = sample_rows(len(points), size, seed * TREES + number)
        trees.append(_tree_of(affinity, points, rows, count, number, seed, compared))
    high = min([DEEPEST * clusters, count // 2, *(len(tree.merges) + 1 for tree in trees)])
    curves = []
    for number, one in enumerate(trees):
        if report:
            report(COMPARING, TREES + number, 2 * TREES)
        curves += [agreement(one, other, high) for other in trees[:number]]
    falls = [_falls(tree.linkages, high) for tree in trees]
    return Marks(np.mean(curves, 0), np.exp(np.mean(falls, 0)))


def _tree_of(
    affinity: sparse.csr_matrix,
    points: torch.Tensor,
    rows: np.ndarray,
    count: int,
    number: int,
    seed: int,
    compared: np.ndarray,
) -> Dendrogram:
    """The tree of some of the samples, rows (s,), by the edges between them; its cells are those of `compared` (c,)."""
    cells, centres = fine_cells(points[torch.from_numpy(rows)], count, seed * TREES + number)
    found = np.full(
        len(points), len(centres)
    )  # those left out are a cell of their own, of which no edge counts
    found[rows] = cells
    weights = weights_between(affinity, found, len(centres) + 1)[:-1, :-1]
    places = kmeans.nearest_centre(points[torch.from_numpy(compared)], centres).cpu().numpy()
    return merge(weights, places, EVENNESS[number % len(EVENNESS)])


def agreement(one: Dendrogram, other: Dendrogram, high: int) -> np.ndarray:
    """What two trees' cuts of the same samples into 2 to `high` clusters agree on, in nats, (high − 1,)."""
    counts = [len(tree.merges) + 1 for tree in (one, other)]
    table = np.bincount(one.cells * counts[1] + other.cells, minlength=counts[0] * counts[1])
    table = table.reshape(counts).astype(float)
    found = np.empty(high - 1)
    for clusters in range(max(counts), 1, -1):
        for side, tree in ((table, one), (table.T, other)):
            step = len(tree.merges) - clusters  # the merge that leaves so many
            if step >= 0:
                kept, gone = tree.merges[step]
                side[kept] += side[gone]
                side[gone] = 0
        if clusters <= high:
            found[clusters - 2] = _common(table)
    return found


def _common(table: np.ndarray) -> float:
    """I − PRICE·(H − I) of two clusterings by their table of counts; I less what chance adds to it (Miller, 1955)."""
    total = table.sum()
    rows, columns = table.sum(1) / total, table.sum(0) / total
    entropy = (_entropy(rows) + _entropy(columns)) / 2
    chance = (np.count_nonzero(rows) - 1) * (np.count_nonzero(columns) - 1) / (2 * total)
    mutual = 2 * entropy - _entropy(table.ravel() / total) - chance
    return float(mutual - PRICE * (entropy - mutual))


def _entropy(shares: np.ndarray) -> float:
    """In nats."""
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _falls(linkages: np.ndarray, high: int) -> np.ndarray:
    """How far the logarithm of the linkage falls from the merge into K to that into K − 1, K = 2 to `high`."""
    last = np.log(np.maximum(linkages, 1e-300))[::-1]  # into 1, 2, … clusters
    steps = np.diff(last)[: high - 1]
    return np.pad(steps, (0, high - 1 - len(steps)))

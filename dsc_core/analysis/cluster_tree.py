"""A tree of the clusters of a trained run: they are merged two by two, and each of them is split into ever finer parts.

The order of the merges is that of the linkages of the run's last graph, as in `method.dendrogram`. Cells of different
clusters are merged only after each cluster is whole, so that K clusters of the tree are those of the run itself: fewer
are unions of these, more are parts of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sparse
import torch

from dsc_core.errors import InputError
from dsc_core.method.cut import fine_cells
from dsc_core.method.dendrogram import TRACE, merge, weights_between
from dsc_core.method.edges import refine

DEEPEST = 8  # parts per cluster of the run that a cut may have
CELLS = 16  # per cluster of the run, from which merging begins
FEWEST_CELLS = 4  # of a cluster, however small
EVENNESS = 1.5  # of the merges; see `dendrogram.merge`
FEWEST = 2  # clusters of a cut


@dataclass(frozen=True)
class ClusterTree:
    """The tree of a run's clusters. Nodes: the cells, 0..m−1, then one for each merge, m..2m−2; the last one holds all.

    cells: (n,), the cell of each sample. children: (m − 1, 2), the two nodes of each merge, in the order of the
    merges. linkages: (m − 1,), see `dendrogram.merge`. labels: (n,) int64, the run's own clusters.
    """

    cells: np.ndarray
    children: np.ndarray
    linkages: np.ndarray
    labels: np.ndarray

    def check(self) -> None:
        """ValueError where these are no tree of these samples: a file may be damaged."""
        count = self.count
        pairs = self.children.reshape(-1, 2)
        made = np.arange(count, 2 * count - 1)
        if (
            self.cells.shape != self.labels.shape
            or not np.array_equal(np.unique(self.cells), np.arange(count))
            or not np.array_equal(np.sort(pairs.ravel()), np.arange(2 * count - 2))
            or (pairs >= made[:, None]).any()
            or self.linkages.shape != (count - 1,)
        ):
            raise ValueError("no tree of these samples")

    @property
    def count(self) -> int:
        """The number m of cells."""
        return len(self.children) + 1

    @cached_property
    def own(self) -> int:
        """How many clusters of the run have samples."""
        return len(np.unique(self.labels))

    @property
    def most(self) -> int:
        """The largest number of clusters that is offered."""
        return min(DEEPEST * self.own, self.count)

    @cached_property
    def parents(self) -> np.ndarray:
        """The parent of each node, (2m − 1,); of the root itself."""
        parents = np.arange(2 * self.count - 1)
        for merged, pair in enumerate(self.children, start=self.count):
            parents[pair] = merged
        return parents

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many samples each node holds, (2m − 1,)."""
        sizes = np.zeros(2 * self.count - 1, np.int64)
        sizes[: self.count] = np.bincount(self.cells, minlength=self.count)
        for merged, (left, right) in enumerate(self.children, start=self.count):
            sizes[merged] = sizes[left] + sizes[right]
        return sizes

    def level(self, clusters: int) -> frozenset[int]:
        """The nodes of the even cut into so many clusters, within 1 and m: all merges but the last ones are made."""
        clusters = int(np.clip(clusters, 1, self.count))
        made = self.count - clusters
        nodes = set(range(self.count + made)) - set(self.children[:made].ravel().tolist())
        return frozenset(nodes)

    def split(self, nodes: Collection[int], node: int) -> frozenset[int]:
        """The cut with one of its nodes split into its two parts. InputError if it is a single cell."""
        if node < self.count:
            raise InputError("This cluster is as fine as the tree goes: it cannot be split further.")
        return frozenset(nodes) - {node} | set(self.children[node - self.count].tolist())

    def merge_back(self, nodes: Collection[int], node: int) -> frozenset[int]:
        """The cut with one of its nodes united with all that is left of the node above it."""
        parent = int(self.parents[node])
        kept = {other for other in nodes if not self.is_within(other, parent)}
        return frozenset(kept | {parent})

    def is_within(self, node: int, other: int) -> bool:
        """Whether a node is another one or lies below it."""
        while node < other:
            node = int(self.parents[node])
        return node == other

    def assigned(self, nodes: Collection[int]) -> np.ndarray:
        """The node of a cut that holds each sample, (n,). InputError if the nodes are no cut of this tree."""
        above = np.full(2 * self.count - 1, -1)
        for node in sorted(nodes):
            if not 0 <= node < len(above):
                raise InputError("These branches are not of this tree: choose a number of clusters again.")
            above[node] = node
        for node in range(len(above) - 2, -1, -1):
            if above[node] < 0:
                above[node] = above[self.parents[node]]
            elif above[self.parents[node]] >= 0:
                raise InputError("These branches overlap: choose a number of clusters again.")
        found = above[self.cells]
        if (found < 0).any():
            raise InputError("These branches leave samples out: choose a number of clusters again.")
        return found

    def numbered(self, nodes: Collection[int], fresh: int) -> dict[int, int]:
        """{node: its cluster number}, as far as possible those of the run.

        A union has the number of the largest cluster in it, and the largest part of a cluster keeps its number; other
        parts get new numbers, from `fresh` on.
        """
        found, taken = dict[int, int](), set[int]()
        for node in sorted(nodes, key=lambda node: (-self.sizes[node], node)):
            number = int(self._largest_cluster[node])
            if number in taken:
                number, fresh = fresh, fresh + 1
            taken.add(number)
            found[node] = number
        return found

    def numbers(self, nodes: Collection[int], fresh: int) -> np.ndarray:
        """The cluster number of each sample of a cut, (n,) int64; see `numbered`."""
        numbers = np.zeros(2 * self.count - 1, np.int64)
        for node, number in self.numbered(nodes, fresh).items():
            numbers[node] = number
        return numbers[self.assigned(nodes)]

    @cached_property
    def _largest_cluster(self) -> np.ndarray:
        """The cluster of the run that gives most samples to each node, (2m − 1,)."""
        clusters = int(self.labels.max(initial=0)) + 1
        counts = np.zeros((2 * self.count - 1, clusters), np.int64)
        np.add.at(counts, (self.cells, self.labels), 1)
        for merged, (left, right) in enumerate(self.children, start=self.count):
            counts[merged] = counts[left] + counts[right]
        return counts.argmax(1)


def grow(
    affinity: sparse.csr_matrix,
    points: torch.Tensor,
    labels: np.ndarray,
    seed: int,
    cells_per_cluster: int = CELLS,
) -> ClusterTree:
    """The tree of the clusters (n,) by a graph, sparse (n, n), and a map of it, points (n, r)."""
    cells, clusters = _cells_in(points, labels, seed, cells_per_cluster)
    count, present = len(clusters), np.unique(clusters)
    weights = weights_between(affinity, cells, count)
    volume = weights.sum(1) + count * TRACE
    pairs, linkages = _in_order([_within(weights, volume, clusters == cluster) for cluster in present])
    # Then the clusters themselves; the first cell of each stands for it.
    wholes = np.array([np.flatnonzero(clusters == cluster)[0] for cluster in present])
    member = (clusters[:, None] == present).astype(float)
    last = merge(member.T @ weights @ member, np.arange(len(present)), EVENNESS, volume @ member)
    children = _children(np.concatenate([pairs, wholes[last.merges]]), count)
    linkages = np.concatenate([linkages, last.linkages])
    return refined(affinity, ClusterTree(cells, children, linkages, labels))


def _cells_in(
    points: torch.Tensor, labels: np.ndarray, seed: int, per_cluster: int
) -> tuple[np.ndarray, np.ndarray]:
    """Small cells within each cluster, by k-means: the cell of each sample (n,), the cluster of each cell (m,)."""
    present, sizes = np.unique(labels, return_counts=True)
    cells, clusters = np.empty(len(labels), np.int64), list[int]()
    for cluster, size in zip(present, sizes, strict=True):
        rows = np.flatnonzero(labels == cluster)
        count = max(FEWEST_CELLS, round(per_cluster * len(present) * size / len(labels)))
        found, centres = fine_cells(points[torch.from_numpy(rows)], min(count, int(size)), seed)
        cells[rows] = found + len(clusters)
        clusters += [int(cluster)] * len(centres)
    return cells, np.array(clusters)


def _within(weights: np.ndarray, volume: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The merges of the cells of one cluster, (c − 1, 2), and their linkages; member: (m,) bool."""
    own = np.flatnonzero(member)
    found = merge(weights[np.ix_(own, own)], np.arange(len(own)), EVENNESS, volume[own])
    return own[found.merges], found.linkages


def _in_order(steps: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The merges of all clusters in one order, (s, 2): by linkage, but never before those that lead to them."""
    pairs = np.concatenate([pairs for pairs, _ in steps])
    linkages = np.concatenate([linkages for _, linkages in steps])
    reached = np.concatenate([np.minimum.accumulate(each) for _, each in steps])
    order = np.argsort(-reached, kind="stable")
    return pairs[order], linkages[order]


def _children(pairs: np.ndarray, count: int) -> np.ndarray:
    """Merges of cells by the cell that stands for both, (m − 1, 2), as pairs of nodes."""
    node = np.arange(count)
    children = np.empty_like(pairs)
    for step, (kept, gone) in enumerate(pairs):
        children[step] = node[kept], node[gone]
        node[kept] = count + step
    return children


# Refinement ----------------------------------------------------------------------------------------------------


def refined(affinity: sparse.csr_matrix, tree: ClusterTree) -> ClusterTree:
    """The tree with the borders of its cells where the edges pull them: from the top, each split is refined.

    k-means drew these borders, and the graph knows better. The clusters of the run stay as they are.
    """
    cells, merges_within = tree.cells.copy(), tree.count - tree.own
    for left, right in tree.children[:merges_within][::-1].tolist():
        _move_between(affinity, tree, cells, left, right)
    return ClusterTree(cells, tree.children, tree.linkages, tree.labels)


def _move_between(
    affinity: sparse.csr_matrix, tree: ClusterTree, cells: np.ndarray, left: int, right: int
) -> None:
    """Refine the cut between two nodes: samples that change sides join the cell there that they are linked to most."""
    below = [np.fromiter(_cells_below(tree, node), np.int64) for node in (left, right)]
    side = np.full(tree.count, -1)
    side[below[0]], side[below[1]] = 0, 1
    rows = np.flatnonzero(side[cells] >= 0)
    before = side[cells[rows]]
    part = affinity[rows][:, rows].tocsr()
    after = refine(part, before, 2)
    moved = np.flatnonzero(after != before)
    if not len(moved):
        return
    places = np.arange(len(rows)), cells[rows]
    links = (part[moved] @ sparse.csr_matrix((np.ones(len(rows)), places), (len(rows), tree.count))).toarray()
    links[side[None, :] != after[moved][:, None]] = -1
    counts = np.bincount(cells, minlength=tree.count)
    for row, cell in zip(rows[moved], links.argmax(1), strict=True):
        if counts[cells[row]] > 1:  # no cell loses all its samples
            counts[cells[row]] -= 1
            counts[cell] += 1
            cells[row] = cell


def _cells_below(tree: ClusterTree, node: int) -> Iterator[int]:
    """The cells in a node."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node < tree.count:
            yield node
        else:
            waiting += tree.children[node - tree.count].tolist()

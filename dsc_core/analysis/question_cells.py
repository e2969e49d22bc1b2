"""The cells about which questions are asked: small parts of the clusters, each with a sheet of samples to show."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
import torch

from dsc_core.analysis.cluster_tree import grow
from dsc_core.method import kmeans
from dsc_core.method.answers import Marks
from dsc_core.method.dendrogram import weights_between
from dsc_core.method.edges import refine
from dsc_core.method.taught import CellField, believe

SHEET = 9  # samples that stand for a group
CELLS = 8  # per cluster at first
LEAST_SPLIT = 30  # samples of a cell that may be split
LEAST_PART = 5  # samples of each part
STARTS = 10  # of the k-means that splits a cell

Sheet = tuple[int, ...]


class Cells:
    """A partition of the samples of a graph, sparse (n, n), within clusters (n,) in 0..K−1, that grows finer.

    points: (n, r), a map of the graph. of: (n,), the cell of each sample. field: what is solved for. sizes: (m,).
    own: (m,), the cluster of each cell.
    """

    def __init__(
        self, affinity: sparse.csr_matrix, points: np.ndarray, clusters: np.ndarray, count: int, seed: int
    ) -> None:
        self.affinity, self.points = affinity, torch.from_numpy(np.ascontiguousarray(points, np.float32))
        self.clusters, self.count = clusters, count
        self.of = grow(affinity, self.points, clusters, seed, CELLS).cells.copy()
        self._whole = set[int]()  # cells that cannot be split
        self._sheets: dict[int, Sheet] = {}
        self.measure()
        self.at_first = len(self.sizes)

    def measure(self) -> None:
        """The weights between the cells, their sizes and clusters, after a split."""
        total = int(self.of.max()) + 1
        self.field = CellField(weights_between(self.affinity, self.of, total))
        self.sizes = np.bincount(self.of, minlength=total).astype(float)
        votes = np.zeros((total, self.count))
        np.add.at(votes, (self.of, self.clusters), 1)
        self.own = votes.argmax(1)

    def sheet(self, cell: int) -> Sheet:
        """Up to SHEET samples that stand for a cell, ordered: those nearest to the one with the most edges in it."""
        if cell not in self._sheets:
            rows = np.flatnonzero(self.of == cell)
            inner = np.asarray(self.affinity[rows][:, rows].sum(1)).ravel()
            self._sheets[cell] = self._nearest(rows, self.points.numpy()[rows[inner.argmax()]])
        return self._sheets[cell]

    def others(self, sheet: Sheet) -> Sheet:
        """Up to SHEET samples of the cell of a sheet that are not on it; the sheet itself where there are too few."""
        rows = np.setdiff1d(self.rows(sheet), sheet)
        if len(rows) < LEAST_PART:
            return sheet
        return self._nearest(rows, self.points.numpy()[list(sheet)].mean(0))

    def _nearest(self, rows: np.ndarray, point: np.ndarray) -> Sheet:
        distance = np.square(self.points.numpy()[rows] - point).sum(1)
        return tuple(np.sort(rows[np.argsort(distance, kind="stable")[:SHEET]]).tolist())

    def rows(self, sheet: Sheet) -> np.ndarray:
        """The samples that a sheet stands for: those of its cell; a single sample stands for itself."""
        cell = self.cell_of(sheet) if len(sheet) > 1 else -1
        return np.flatnonzero(self.of == cell) if cell >= 0 else np.array(sheet, np.int64)

    def cell_of(self, sheet: Sheet) -> int:
        """The cell in which most of a sheet lies, −1 where it stands for less than half of the cell's sheet."""
        counts = np.bincount(self.of[list(sheet)])
        cell = int(counts.argmax())
        return cell if counts[cell] >= min(SHEET, int(self.sizes[cell])) / 2 else -1

    def split(self, cell: int) -> bool:
        """Split a cell in two; the part without most of its sheet is a new cell. Whether it could be."""
        rows = np.flatnonzero(self.of == cell)
        if len(rows) < LEAST_SPLIT or cell in self._whole:
            return False
        parts = kmeans.k_means(self.points[torch.from_numpy(rows)], 2, STARTS, 0)[0].astype(np.int64)
        parts = refine(self.affinity[rows][:, rows].tocsr(), parts, 2)
        if np.bincount(parts, minlength=2).min() < LEAST_PART:
            self._whole.add(cell)
            return False
        kept = int(parts[np.isin(rows, self.sheet(cell))].mean() > 0.5)
        self.of[rows[parts != kept]] = int(self.of.max()) + 1
        return True

    def show_anew(self, cell: int) -> None:
        """Choose another sheet for a cell that has changed."""
        self._sheets.pop(cell, None)

    def central(self, cluster: int, without: frozenset[int] = frozenset()) -> int:
        """The cell that stands for a cluster: large, and walks from it stay in the cluster. −1: none is left."""
        cells = np.array(
            [c for c in np.flatnonzero(self.own == cluster).tolist() if c not in without], np.int64
        )
        if not len(cells):
            return -1
        none = Marks(np.full(len(self.sizes), -1), (), np.zeros((0, 2), np.int64), ())
        stays = believe(self.field, self.own, self.count, none).field[cells, cluster]
        return int(cells[(self.sizes[cells] * stays).argmax()])

    def cluster_of_neighbours(self, row: int, labels: np.ndarray, excluded: list[int]) -> int:
        """The cluster to which most edges of a sample lead, without those excluded; where none does, the largest."""
        edges = slice(*self.affinity.indptr[row : row + 2])
        near, weights = self.affinity.indices[edges], self.affinity.data[edges]
        sizes = np.bincount(labels)
        links = np.bincount(labels[near], weights, minlength=len(sizes)) + 1e-9 * sizes
        links[[cluster for cluster in excluded if cluster < len(links)]] = -1
        return int(links.argmax())

    def most_of(self, group: np.ndarray) -> np.ndarray:
        """The group of at least half of the samples of each cell, (m,), −1 where there is none. group: (n,)."""
        marked = np.flatnonzero(group >= 0)
        found = np.full(len(self.sizes), -1, np.int64)
        pairs, counts = np.unique(np.stack([self.of[marked], group[marked]]), axis=1, return_counts=True)
        most = 2 * counts >= self.sizes[pairs[0]]
        found[pairs[0, most]] = pairs[1, most]
        return found


def gains(
    field: np.ndarray, sizes: np.ndarray, spread: np.ndarray, rows: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """The expected rise of Σ_i size_i·max_c F_ic, (q,), for questions whether cells `rows` are of clusters `target`.

    field: (f, C). spread: (f, q), how much of what becomes known of each of these cells reaches each cell.
    """
    now, places = field.max(1) @ sizes, np.arange(len(rows))
    chance = field[rows, target]
    same = np.eye(field.shape[1])[target]
    other = field[rows].copy()
    other[places, target] = 0
    other /= np.maximum(other.sum(1, keepdims=True), 1e-9)
    sums = [
        sizes @ (field[:, None] + spread[:, :, None] * (outcome - field[rows])[None]).max(2)
        for outcome in (same, other)
    ]
    return chance * sums[0] + (1 - chance) * sums[1] - now

"""Small cells of the samples merged along the graph, two by two: a tree from which any number of clusters is cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

ROWS = 2**17  # of a graph that are looked at together
TRACE = 1e-12  # of weight between any two cells


@dataclass(frozen=True)
class Dendrogram:
    """The order in which the cells of a graph were merged.

    cells: (n,) int64, the cell of each sample, in 0..m−1, none of them empty. merges: (m − 1, 2) int64, ordered: the
    first cell of a pair, the smaller number, stands for both from then on. linkages: (m − 1,), that of each pair when
    it was merged; see `merge`.
    """

    cells: np.ndarray
    merges: np.ndarray
    linkages: np.ndarray

    def labels(self, clusters: int) -> np.ndarray:
        """The clusters (n,), in 0..K−1, when K are left; all cells where there are no more than K."""
        stands = np.arange(len(self.merges) + 1)
        # From the last merge back: where a cell goes is then known before that of the cells in it.
        for kept, gone in self.merges[: max(len(stands) - clusters, 0)][::-1]:
            stands[gone] = stands[kept]
        return np.unique(stands[self.cells], return_inverse=True)[1]


def weights_between(affinity: sparse.csr_matrix, cells: np.ndarray, count: int) -> np.ndarray:
    """W(a, b) between cells (n,) in 0..m−1 of a graph W, sparse (n, n), symmetric. → (m, m) float64."""
    weights = np.zeros(count * count)
    for start in range(0, len(cells), ROWS):
        stop = min(start + ROWS, len(cells))
        entries = slice(affinity.indptr[start], affinity.indptr[stop])
        rows = np.repeat(cells[start:stop], np.diff(affinity.indptr[start : stop + 1]))
        pairs = rows * count + cells[affinity.indices[entries]]
        weights += np.bincount(pairs, affinity.data[entries], minlength=count * count)
    square = weights.reshape(count, count)
    return (square + square.T) / 2


def merge(
    weights: np.ndarray, cells: np.ndarray, evenness: float, volume: np.ndarray | None = None
) -> Dendrogram:
    """Merge cells (n,) in 0..m−1 two by two until one is left. weights: (m, m), from `weights_between`.

    The next two are those with the largest linkage W(a, b) / (W(a, all)·W(b, all))^evenness: 1 is the linkage of an
    edge drawn at random, above it small cells go first. volume: (m,), W(a, all) where the cells are a part of all.
    """
    # A trace of weight between any two: cells of different components are merged too, small ones first.
    weights = weights + TRACE
    volume = np.maximum(weights.sum(1) if volume is None else volume, TRACE)
    linkage = weights / np.outer(volume, volume) ** evenness
    np.fill_diagonal(linkage, -1)
    best, partner = linkage.max(1), linkage.argmax(1)
    merges, linkages = [], []
    for _ in range(len(weights) - 1):
        first = int(best.argmax())
        kept, gone = sorted((first, int(partner[first])))
        merges.append((kept, gone))
        linkages.append(best[first])
        weights[kept] += weights[gone]
        weights[:, kept] += weights[:, gone]
        volume[kept] += volume[gone]
        dead = linkage[kept] < 0
        row = weights[kept] / (volume[kept] * volume) ** evenness
        row[dead] = row[gone] = row[kept] = -1
        linkage[kept] = linkage[:, kept] = row
        linkage[gone] = linkage[:, gone] = -1
        best[gone] = -1
        # Only rows whose partner changed need another look at all of theirs.
        lost = np.flatnonzero((partner == kept) | (partner == gone) | (np.arange(len(row)) == kept))
        lost = lost[best[lost] >= 0]
        partner[lost] = linkage[lost].argmax(1)
        best[lost] = linkage[lost, partner[lost]]
        better = (row > best) | ((row == best) & (kept < partner))
        better[gone] = False
        partner[better], best[better] = kept, row[better]
    return Dendrogram(cells, np.array(merges, np.int64).reshape(-1, 2), np.array(linkages))

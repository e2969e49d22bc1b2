"""How answers change a graph, and the clusters of it that follow: a random walk from what was said, with a prior.

The clusters F, (n, C), of all samples minimise Σ_ij W_ij·‖F_i − F_j‖²/2 + λ·Σ_i d_i·‖F_i − P_i‖², where P are the
clusters without answers and samples that an answer is about are fixed: a sample takes the cluster of the first such
sample that a walk from it meets, or the one that it has where the walk ends before, with probability λ/(1 + λ) a step.
It may also be of none of the clusters, with the share UNKNOWN of the walks that end so: what a row of F lacks to 1.
Source: X. Zhu, Z. Ghahramani, J. Lafferty, "Semi-supervised learning using Gaussian fields and harmonic functions"
(2003), with the clusters as an external classifier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import cg

from dsc_core.method.answers import Marks
from dsc_core.method.cut import Cut

PRIOR = 0.15  # λ: how strongly a sample holds to the cluster that it has without answers
UNKNOWN = 0.1  # of a sample's prior: it may be of none of the clusters
STEPS = 2  # of the walk by which an answer reaches the near neighbourhood
TOLERANCE = 1e-5  # of the conjugate gradients, relative
MOST_STEPS = 1000
PART = 2**20  # edges at once


class Field(Protocol):
    """Solves for F; see above."""

    def solve(self, prior: np.ndarray, fixed: np.ndarray, values: np.ndarray) -> np.ndarray:
        """F (n, C) by the prior (n, C), where the rows `fixed`, (n,) bool, are `values`, (f, C)."""


@dataclass(frozen=True)
class Beliefs:
    """F and what stands behind it.

    field: F, (n, C), rows sum to at most 1; the first K columns are the clusters without answers, of which some may be
    empty. columns: (g,), the cluster of each group, −1 where it is undecided. clusters: (n,), those without answers.
    before: (n,), the most probable ones without answers.
    """

    field: np.ndarray
    columns: np.ndarray
    clusters: np.ndarray
    before: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """The clusters (n,): those without answers wherever the answers make no other one the most probable."""
        return np.where(self.field.argmax(1) == self.before, self.clusters, self.field.argmax(1))


def believe(
    field: Field, clusters: np.ndarray, count: int, marks: Marks, leaning: np.ndarray | None = None
) -> Beliefs:
    """The clusters that follow from answers. clusters: (n,) in 0..K−1, those without; count: K.

    leaning: (n,), a group whose cluster is the prior in place of `clusters`, −1 for none.

    A group is the cluster in which most of its samples are, if no earlier group is. Another one joins the cluster that
    walks from it meet most, of those that it may belong to, unless it is more probably of none of them: then it is a
    new cluster. No answers, no change.
    """
    nothing = Marks(np.full(len(clusters), -1), (), marks.pairs[:0], ())
    before = _solved(field, clusters, count, nothing, np.zeros(0, np.int64), None).argmax(1)
    columns = _own_clusters(marks, clusters, count)
    found = _solved(field, clusters, count, marks, columns, leaning)
    for group in np.flatnonzero(columns < 0).tolist():
        rows = np.flatnonzero(marks.group == group)
        if not len(rows):
            continue
        allowed = _allowed(found[rows], marks, columns, group).mean(0)
        if allowed.max() < 1 - found[rows].sum(1).mean():
            columns[group] = found.shape[1]
            found = _solved(field, clusters, count, marks, columns, leaning)
    for group in np.flatnonzero(columns < 0).tolist():
        rows = np.flatnonzero(marks.group == group)
        if len(rows):
            found[rows] = _allowed(found[rows], marks, columns, group)
    return Beliefs(found, columns, clusters, before)


def _own_clusters(marks: Marks, clusters: np.ndarray, count: int) -> np.ndarray:
    """The cluster of each group, (g,): the one with most of its samples, if no earlier group has it; −1: none."""
    columns, taken = np.full(len(marks), -1, np.int64), set[int]()
    marked = marks.group >= 0
    overlap = np.zeros((len(marks), count))
    np.add.at(overlap, (marks.group[marked], clusters[marked]), 1)
    for group, shares in enumerate(overlap):
        most = int(shares.argmax())
        if shares[most] and most not in taken:
            columns[group] = most
            taken.add(most)
    return columns


def _solved(
    field: Field,
    clusters: np.ndarray,
    count: int,
    marks: Marks,
    columns: np.ndarray,
    leaning: np.ndarray | None,
) -> np.ndarray:
    """F (n, C) with the groups that have a cluster fixed."""
    total = max(count, int(columns.max(initial=-1)) + 1)
    if not len(columns):
        return field.solve(
            (1 - UNKNOWN) * np.eye(total)[clusters], np.zeros(len(clusters), bool), np.zeros((0, total))
        )
    own = clusters
    if leaning is not None:
        own = np.where((leaning >= 0) & (columns[leaning] >= 0), columns[leaning], clusters)
    fixed = (marks.group >= 0) & (columns[marks.group] >= 0)
    return field.solve((1 - UNKNOWN) * np.eye(total)[own], fixed, np.eye(total)[columns[marks.group[fixed]]])


def _allowed(found: np.ndarray, marks: Marks, columns: np.ndarray, group: int) -> np.ndarray:
    """Rows of F, (r, C), without the clusters that a group differs from."""
    found = found.copy()
    found[:, [columns[other] for other in marks.apart[group] if columns[other] >= 0]] = 0
    return found


class SampleField:
    """The samples of a graph W, sparse (n, n)."""

    def __init__(self, affinity: sparse.csr_matrix) -> None:
        self.affinity = affinity.astype(np.float64)
        self.degree = np.maximum(np.asarray(self.affinity.sum(1)).ravel(), 1e-12)

    def solve(self, prior: np.ndarray, fixed: np.ndarray, values: np.ndarray) -> np.ndarray:
        """See `Field`."""
        found, free = prior.astype(np.float64), ~fixed
        found[fixed] = values
        own = self.affinity[free]
        system = sparse.diags((1 + PRIOR) * self.degree[free]) - own[:, free]
        right = PRIOR * self.degree[free, None] * prior[free] + own[:, fixed] @ values
        scale = sparse.diags(1 / ((1 + PRIOR) * self.degree[free]))
        for column in range(prior.shape[1]):
            solution, _ = cg(
                system, right[:, column], x0=prior[free, column], rtol=TOLERANCE, maxiter=MOST_STEPS, M=scale
            )
            found[free, column] = np.maximum(solution, 0)
        return found


class CellField:
    """Cells by the weights between them, (m, m), solved at once. inverse: of the system of the last free cells."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights.copy()
        np.fill_diagonal(self.weights, 0)
        self.degree = np.maximum(self.weights.sum(1), 1e-12)
        self.inverse = np.zeros((0, 0))

    def solve(self, prior: np.ndarray, fixed: np.ndarray, values: np.ndarray) -> np.ndarray:
        """See `Field`."""
        found, free = prior.astype(np.float64), ~fixed
        found[fixed] = values
        system = np.diag((1 + PRIOR) * self.degree[free]) - self.weights[np.ix_(free, free)]
        self.inverse = np.linalg.inv(system)
        right = PRIOR * self.degree[free, None] * prior[free] + self.weights[np.ix_(free, fixed)] @ values
        found[free] = np.maximum(self.inverse @ right, 0)
        return found


def taught_cut(affinity: sparse.csr_matrix, cut: Cut, clusters: int, marks: Marks | None) -> Cut:
    """A cut of a graph with answers, sparse (n, n), into as many clusters, with the labels that follow from them.

    Samples of a cluster that only the answers know stay where the cut has them. Without answers, the cut itself.
    """
    if marks is None or not (marks.group >= 0).any():
        return cut
    labels = believe(SampleField(affinity), cut.labels, clusters, marks).labels
    return replace(cut, labels=np.where(labels < clusters, labels, cut.labels))


# The graph -----------------------------------------------------------------------------------------------------


def teach_graph(affinity: sparse.csr_matrix, marks: Marks | None) -> sparse.csr_matrix:
    """The graph W, sparse (n, n), with answers: w_ij·(1 − d_ij) + (1 − w_ij)·s_ij on its edges, and edges of pairs.

    s_ij is the probability that walks of STEPS steps from i and j end in samples of one group, d_ij that they end in
    groups that differ: an edge of two samples of one group gets the largest weight, 1 or more; one between samples of
    different groups is cut, and the near neighbourhood follows with a falling weight. Without answers, W itself.
    """
    if marks is None or not (marks.group >= 0).any():
        return affinity
    reach = _reach(affinity, marks)
    different = _different(marks)
    changed = affinity.tocoo(copy=True)
    top = float(affinity.data.max(initial=1.0))
    weights = changed.data.astype(np.float64)
    for start in range(0, len(weights), PART):
        part = slice(start, start + PART)
        here, there = reach[changed.row[part]], reach[changed.col[part]]
        same = np.asarray(here.multiply(there).sum(1)).ravel()
        apart = np.asarray((here @ different).multiply(there).sum(1)).ravel()
        weights[part] = weights[part] * (1 - np.minimum(apart, 1)) + (top - weights[part]) * np.minimum(
            same, 1
        )
    changed.data = weights.astype(affinity.dtype)
    first, second = marks.pairs.T
    ties = sparse.coo_matrix((np.full(len(first), top), (first, second)), affinity.shape).tocsr()
    ties = ties.maximum(ties.T)
    taught = changed.tocsr().maximum(ties).astype(affinity.dtype)
    taught.eliminate_zeros()
    taught.sort_indices()
    return taught


def _reach(affinity: sparse.csr_matrix, marks: Marks) -> sparse.csr_matrix:
    """The groups in which a walk from each sample ends, (n, g) sparse: it stays where an answer is about the sample."""
    count = affinity.shape[0]
    marked = np.flatnonzero(marks.group >= 0)
    own = sparse.csr_matrix((np.ones(len(marked)), (marked, marks.group[marked])), (count, len(marks)))
    free = (marks.group < 0).astype(np.float64)
    degree = np.maximum(np.asarray(affinity.sum(1)).ravel(), 1e-12)
    walk = (sparse.diags(free / degree) @ affinity).tocsr()
    reach = own
    for _ in range(STEPS):
        reach = (walk @ reach + own).tocsr()
    return reach


def _different(marks: Marks) -> sparse.csr_matrix:
    """Which groups differ, (g, g) sparse of ones."""
    rows = np.repeat(np.arange(len(marks)), [len(each) for each in marks.apart])
    columns = np.array([other for each in marks.apart for other in sorted(each)], np.int64)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(marks), len(marks)))

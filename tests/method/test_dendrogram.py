"""Merging cells along the graph, against the plain computation with full matrices."""

import numpy as np
import pytest
from scipy import sparse

from dsc_core.method.dendrogram import merge, weights_between
from tests.method.graphs import blocks


def tree(affinity, cells, evenness=1.0):
    return merge(weights_between(affinity, cells, cells.max() + 1), cells, evenness)


def plain(affinity, cells, clusters, evenness):
    """The same by looking at every pair before each merge."""
    member, labels = np.eye(cells.max() + 1)[cells], cells.copy()
    weights = member.T @ (affinity @ member) + 1e-12
    left = set(range(len(weights)))
    while len(left) > clusters:
        volume = weights.sum(1)
        pairs = [(a, b) for a in left for b in left if a < b]
        kept, gone = max(
            pairs, key=lambda p: (weights[p] / (volume[p[0]] * volume[p[1]]) ** evenness, -p[0], -p[1])
        )
        weights[kept] += weights[gone]
        weights[:, kept] += weights[:, gone]
        weights[gone] = weights[:, gone] = 0
        labels[labels == gone] = kept
        left.remove(gone)
    return np.unique(labels, return_inverse=True)[1]


@pytest.mark.parametrize("evenness", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_tree_is_that_of_looking_at_every_pair_each_time(seed, evenness):
    weights, _ = blocks([40, 60, 80], seed=seed)
    weights = weights.multiply(np.random.default_rng(seed).random(180)).tocsr()
    weights = weights + weights.T
    cells = np.random.default_rng(seed).permutation(np.arange(180) % 24)
    found = tree(weights, cells, evenness)
    for clusters in (1, 2, 5, 17, 24, 30):
        assert (found.labels(clusters) == plain(weights, cells, clusters, evenness)).all()


def test_the_cuts_of_one_tree_are_nested():
    weights, truth = blocks([40, 60, 80])
    found = tree(weights, truth * 4 + np.arange(180) % 4)
    assert found.merges.shape == (11, 2)
    assert (found.merges[:, 0] < found.merges[:, 1]).all()
    for clusters in range(1, 12):
        fewer, more = found.labels(clusters), found.labels(clusters + 1)
        assert len(set(zip(fewer, more, strict=True))) == clusters + 1


@pytest.mark.parametrize("evenness", [1.0, 1.5, 2.0])
def test_cells_are_merged_along_the_graph(evenness):
    weights, truth = blocks([40, 60, 80])
    cells = truth * 4 + np.arange(len(truth)) % 4
    result = tree(weights, cells, evenness).labels(3)
    assert len({(a, b) for a, b in zip(result, truth, strict=True)}) == 3


def test_more_evenness_splits_a_large_block_rather_than_leaving_a_small_one():
    # A path a - b - C - d with a small cell a; two clusters of the four cells.
    member = np.repeat(np.arange(4), [2, 20, 20, 20])
    between = np.array([[1, 0.02, 0, 0], [0.02, 1, 0.05, 0], [0, 0.05, 1, 0.05], [0, 0, 0.05, 1]])
    weights = sparse.csr_matrix(between[np.ix_(member, member)] - np.eye(62))
    smallest = [np.bincount(tree(weights, member, evenness).labels(2)).min() for evenness in (0.5, 2.0)]
    assert smallest == [2, 22]


def test_cells_of_different_components_are_merged_too_and_few_cells_stay():
    weights = sparse.block_diag([blocks([10])[0] for _ in range(4)]).tocsr()
    cells = np.repeat(np.arange(4), 10)
    assert len(np.unique(tree(weights, cells).labels(2))) == 2
    assert (tree(weights, cells).labels(6) == cells).all()

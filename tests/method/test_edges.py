"""The cost of a cut, and its refinement."""

import numpy as np
import pytest
from scipy import sparse

from dsc_core.method.dendrogram import weights_between
from dsc_core.method.edges import SMALL_PRICE, Edges, cost, cost_of_cells, normalised_cut, refine
from tests.method.graphs import blocks, planted


def test_the_cost_is_the_normalised_cut_and_the_price_of_small_clusters():
    weights = sparse.csr_matrix(np.kron(np.eye(4), np.ones((2, 2)) - np.eye(2)))  # one neighbour each
    even, uneven = np.repeat([0, 1], [4, 4]), np.repeat([0, 1], [2, 6])
    assert Edges(weights).neighbours == pytest.approx(1)
    assert cost(weights, even, 2) == pytest.approx(SMALL_PRICE * (1 / 4 + 1 / 4))
    assert cost(weights, uneven, 2) == pytest.approx(SMALL_PRICE * (1 / 2 + 1 / 6))
    assert cost(weights, np.zeros(8, int), 2) == pytest.approx(1 + SMALL_PRICE * (1 / 8 + 1)), "an empty one"


@pytest.mark.parametrize("seed", range(4))
def test_unequal_classes_pay_next_to_nothing(seed):
    """Classes 1:10, the small one ten times as large as a neighbourhood."""
    weights, truth = planted([100, 1000], [[0.1, 0.0005], [0.0005, 0.01]], seed)
    assert cost(weights, truth, 2) - normalised_cut(weights, truth, 2) < 0.05
    halves = np.arange(len(truth)) * 2 // len(truth)
    assert cost(weights, truth, 2) < 0.5 * cost(weights, halves, 2)


@pytest.mark.parametrize("seed", range(4))
def test_a_handful_that_stands_apart_by_its_size_alone_costs_more_than_a_class(seed):
    """Two classes that touch, and twelve odd samples with hardly an edge to their own class."""
    chances = [[0.9, 0.001, 0], [0.001, 0.05, 0.004], [0, 0.004, 0.05]]
    weights, group = planted([12, 200, 200], chances, seed)
    handful, classes = (group > 0).astype(int), (group > 1).astype(int)
    assert normalised_cut(weights, handful, 2) < normalised_cut(weights, classes, 2), "what the cut takes"
    assert cost(weights, classes, 2) < cost(weights, handful, 2)


def test_the_price_of_cells_is_that_of_their_samples():
    weights, truth = blocks([30, 60, 90])
    cells = truth * 5 + np.random.default_rng(0).integers(0, 5, len(truth))
    between = weights_between(weights, cells, 15)
    found = cost_of_cells(between, np.bincount(cells), np.arange(15) // 5, 3, Edges(weights).neighbours)
    assert found == pytest.approx(cost(weights, truth, 3))


def test_a_graph_without_edges_has_no_neighbours():
    empty = sparse.csr_matrix((5, 5))
    assert Edges(empty).neighbours == 0
    assert cost(empty, np.array([0, 0, 1, 1, 1]), 2) == pytest.approx(2)


def test_the_normalised_cut_counts_the_edges_between_clusters():
    # Two pairs with an edge of weight 2 each, and one edge of weight 1 between them.
    weights = sparse.csr_matrix(np.array([[0, 2, 0, 0], [2, 0, 1, 0], [0, 1, 0, 2], [0, 0, 2, 0]], float))
    assert normalised_cut(weights, np.array([0, 0, 1, 1]), 2) == pytest.approx(1 / 5 + 1 / 5)
    assert normalised_cut(weights, np.array([0, 1, 1, 0]), 2) == pytest.approx(2 - 2 / 6)
    assert normalised_cut(weights, np.zeros(4, int), 1) == pytest.approx(0)
    assert normalised_cut(weights, np.zeros(4, int), 2) == pytest.approx(1), "an empty cluster counts 1"


@pytest.mark.parametrize("seed", range(4))
def test_refining_lowers_the_cut_and_recovers_the_blocks(seed):
    weights, truth = blocks([30, 60, 90], seed=seed)
    rng = np.random.default_rng(seed)
    perturbed = np.where(rng.random(len(truth)) < 0.2, rng.integers(0, 3, len(truth)), truth)
    result = refine(weights, perturbed, 3)
    assert normalised_cut(weights, result, 3) < normalised_cut(weights, perturbed, 3)
    assert (result == truth).all()


def test_refining_keeps_isolated_samples_and_empty_clusters():
    weights, truth = blocks([20, 20])
    isolated = sparse.block_diag([weights, sparse.csr_matrix((1, 1))]).tocsr()
    labels = np.append(truth, 1)
    assert (refine(isolated, labels, 3) == labels).all()

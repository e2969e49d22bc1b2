"""The cost of a cut, and its refinement."""

import numpy as np
import pytest
from scipy import sparse

from dsc_core.method.edges import cost, normalised_cut, refine
from tests.method.graphs import blocks


def test_the_cost_is_the_normalised_cut_and_the_unevenness():
    weights = sparse.csr_matrix(np.kron(np.eye(4), np.ones((2, 2)) - np.eye(2)))
    even, uneven = np.repeat([0, 1], [4, 4]), np.repeat([0, 1], [2, 6])
    assert cost(weights, even, 2) == pytest.approx(0)
    assert cost(weights, uneven, 2) == pytest.approx(np.log(2) + 0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert cost(weights, np.zeros(8, int), 2) == pytest.approx(1 + np.log(2)), "an empty cluster counts 1"


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

"""Conductance and the cheapest cut, on graphs whose answer is known."""

import numpy as np
import pytest
import scipy.sparse as sparse

from dsc_core.analysis import conductance


def two_cliques(first, second, bridges=1):
    """Two complete graphs, joined by so many edges."""
    count = first + second
    member = np.arange(count) < first
    weights = (member[:, None] == member[None]).astype(float) - np.eye(count)
    for each in range(bridges):
        weights[each, first + each] = weights[first + each, each] = 1
    return sparse.csr_matrix(weights), member


def test_the_cheapest_cut_is_the_bridge_between_two_cliques():
    affinity, member = two_cliques(20, 30, bridges=2)
    cost, side = conductance.cheapest_cut(affinity)
    assert np.array_equal(side, member) or np.array_equal(side, ~member)
    assert cost == pytest.approx(2 / (20 * 19 + 2))
    split = conductance.split(affinity)
    assert split.sizes == (30, 20)
    assert split.cost == pytest.approx(cost)
    assert split.contrast < 0.05
    assert conductance.between((~member).astype(int), 2, affinity)[0, 1] == pytest.approx(cost)


def test_a_single_clique_has_no_cheap_cut():
    affinity = two_cliques(40, 0, 0)[0]
    assert 0.4 < conductance.cheapest_cut(affinity)[0] <= 1
    assert conductance.split(affinity).contrast > 0.9


def test_a_handful_of_samples_that_stands_apart_is_not_what_is_cut():
    affinity = two_cliques(60, 3)[0]
    cost, side = conductance.cheapest_cut(affinity)
    assert 6 < side.sum() < 57
    assert cost > 0.3


def test_the_order_of_the_samples_changes_nothing():
    affinity, _ = two_cliques(25, 30, bridges=3)
    order = np.random.default_rng(0).permutation(55)
    assert conductance.cheapest_cut(affinity[order][:, order])[0] == pytest.approx(
        conductance.cheapest_cut(affinity)[0]
    )


def test_what_cannot_be_cut_costs_everything():
    assert conductance.cheapest_cut(two_cliques(5, 5)[0]) == (conductance.ALL, None)
    assert conductance.split(sparse.csr_matrix((3, 3))) is None
    assert conductance.cheapest_cut(sparse.csr_matrix((50, 50))) == (conductance.ALL, None)
    apart = two_cliques(20, 20, bridges=0)[0]
    assert conductance.cheapest_cut(apart)[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [2, 4, 5, 7])
def test_however_many_groups_there_are_the_first_cut_parts_groups(count):
    """Cut in two, four groups are two times two: the parts are cut as cheaply as the whole."""
    member = np.repeat(np.arange(count), 40)
    rng = np.random.default_rng(0)
    near = (member[:, None] == member) & (rng.random((len(member), len(member))) < 0.4)
    weights = np.triu(near | (rng.random(near.shape) < 0.003), 1).astype(float)
    found = conductance.split(sparse.csr_matrix(weights + weights.T))
    assert found.parts_groups
    assert found.inside_groups > 0.15

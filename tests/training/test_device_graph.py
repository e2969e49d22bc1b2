"""The graph on the device gives the same affinities as the sparse matrix, and draws neighbours by their weights."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch

from dsc_core.training.batches import Pairs
from dsc_core.training.device_graph import DeviceGraph

CPU = torch.device("cpu")


def some_graph(count=40, density=0.2, seed=0):
    one_way = sparse.random(count, count, density, "csr", rng=np.random.default_rng(seed))
    one_way.setdiag(0)
    one_way.eliminate_zeros()
    return (one_way + one_way.T).tocsr()


def test_affinities_within_a_batch_are_those_of_the_matrix_also_for_repeated_samples():
    affinity = some_graph()
    index = np.array([3, 39, 0, 3, 17, 22, 39])
    there = DeviceGraph(affinity, None, 2 * affinity.nnz, CPU).among(torch.from_numpy(index), CPU)
    assert torch.equal(there, Pairs(affinity, np.random.default_rng(0)).among(index, CPU))
    assert there.count_nonzero() > 0


def test_neighbours_are_drawn_by_the_weights_of_their_edges():
    torch.manual_seed(0)
    affinity, drawn = some_graph(), np.zeros((40, 40))
    graph = DeviceGraph(affinity, None, affinity.nnz, CPU)
    for _ in range(4000):
        drawn[np.arange(40), graph.neighbours(torch.arange(40)).numpy()] += 1 / 4000
    shares = affinity.toarray() / affinity.sum(1)
    assert (drawn[shares == 0] == 0).all(), "never a sample that is no neighbour"
    assert np.abs(drawn - shares).max() < 0.04


def test_a_sample_without_edges_gets_some_sample():
    affinity = sparse.csr_matrix(np.diag([1.0, 0.0, 0.0], 1) + np.diag([1.0, 0.0, 0.0], -1))
    drawn = DeviceGraph(affinity, None, 8, CPU).neighbours(torch.arange(4))
    assert drawn[:2].tolist() == [1, 0]
    assert ((drawn >= 0) & (drawn < 4)).all()


def test_another_graph_of_the_same_samples_goes_into_the_same_tensors():
    first, second = some_graph(seed=1), some_graph(seed=2)
    targets = np.arange(40) % 3 - 1
    graph = DeviceGraph(first, targets, max(first.nnz, second.nnz), CPU)
    addresses = [value.data_ptr() for value in vars(graph).values() if isinstance(value, torch.Tensor)]
    assert graph.fits(second, targets)
    graph.update(second, targets[::-1])
    assert addresses == [
        value.data_ptr() for value in vars(graph).values() if isinstance(value, torch.Tensor)
    ]
    index = torch.arange(40)
    assert np.allclose(graph.among(index, CPU), second.toarray())
    assert graph.targets.tolist() == targets[::-1].tolist()


@pytest.mark.parametrize(
    ("count", "density", "targets"), [(40, 0.9, True), (30, 0.1, True), (40, 0.1, False)]
)
def test_a_graph_of_other_measures_does_not_fit(count, density, targets):
    graph = DeviceGraph(some_graph(), np.zeros(40, int), 0, CPU)
    assert not graph.fits(some_graph(count, density), np.zeros(count, int) if targets else None)

"""The order in which a large graph is cut."""

import numpy as np
import scipy.sparse as sparse
import torch
from sklearn.metrics import adjusted_rand_score

from dsc_core.config import Config
from dsc_core.method import cut, eigenvectors, locality
from dsc_core.method.graph import whole_graph
from tests.method.test_neighbours import codes


def test_the_order_is_a_permutation_that_brings_neighbours_together():
    affinity = whole_graph(codes(4000), 8)
    affinity = sparse.block_diag([affinity, sparse.csr_matrix((3, 3))], "csr")  # nodes without any edge
    order = locality.order_of_nodes(affinity, 0)
    assert np.array_equal(np.sort(order), np.arange(4003))
    assert np.array_equal(order, locality.order_of_nodes(affinity, 0))
    moved = locality.reordered(affinity, order)
    assert (moved != affinity[order][:, order]).nnz == 0

    def far(graph):
        rows, columns = graph.nonzero()
        return np.abs(rows - columns).mean()

    assert far(moved) < far(affinity) / 2


def test_a_large_graph_has_the_clusters_of_a_small_one(monkeypatch):
    affinity, config = whole_graph(codes(3000, groups=6), 8), Config(clusters=6)
    plain = cut.cut_graph(affinity, config)
    monkeypatch.setattr(cut, "MANY", 1000)
    monkeypatch.setattr(eigenvectors, "ROWS", 700)  # its arrays in blocks of rows and of columns
    monkeypatch.setattr(eigenvectors, "COLUMNS", 7)
    large = cut.cut_graph(affinity, config)
    assert adjusted_rand_score(plain.labels, large.labels) > 0.99
    assert np.allclose(plain.eigenvalues, large.eigenvalues, atol=1e-4)
    again = cut.cut_graph(affinity, config, previous=large.labels)
    assert np.mean(again.labels == large.labels) > 0.99
    near = torch.cdist(torch.from_numpy(large.coordinates[:5]), torch.from_numpy(large.coordinates))
    assert (large.labels[near.argsort(1)[:, :20].numpy()] == large.labels[:5, None]).mean() > 0.95

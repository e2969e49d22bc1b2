"""How answers change a graph, and the clusters that follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse

from dsc_core.method.answers import Answer, Knowledge, marks
from dsc_core.method.taught import CellField, SampleField, believe, teach_graph

SIZE = 20


def _blobs(links):
    """A graph of four dense blobs of SIZE samples; links: {(blob, blob): edges between them}."""
    rng = np.random.default_rng(0)
    weights = np.zeros((4 * SIZE, 4 * SIZE))
    for blob in range(4):
        rows = slice(blob * SIZE, (blob + 1) * SIZE)
        weights[rows, rows] = (rng.random((SIZE, SIZE)) < 0.4) * 0.6
    for (here, there), count in links.items():
        for a, b in rng.integers(0, SIZE, (count, 2)):
            weights[here * SIZE + a, there * SIZE + b] = 0.6
    weights = np.maximum(weights, weights.T)
    np.fill_diagonal(weights, 0)
    return sparse.csr_matrix(weights)


@pytest.fixture
def graph():
    return _blobs({(0, 1): 12, (2, 3): 12, (1, 2): 2})


BLOBS = np.repeat(np.arange(4), SIZE)


def _sheet(blob, count=9):
    return tuple(range(blob * SIZE, blob * SIZE + count))


def test_without_answers_nothing_changes(graph):
    none = marks(Knowledge(), 4 * SIZE)
    assert teach_graph(graph, none) is graph
    clusters = BLOBS // 2
    assert (believe(SampleField(graph), clusters, 2, none).labels == clusters).all()


def test_the_edges_of_a_pair_are_the_largest_or_none(graph):
    edge = graph.tocoo()
    first, second = (int(part[0]) for part in (edge.row, edge.col))
    same = teach_graph(graph, marks(Knowledge.of([Answer((first,), (second,), True)]), 4 * SIZE))
    assert same[first, second] == same[second, first] == graph.max() or same[first, second] >= graph.max()
    cut = teach_graph(graph, marks(Knowledge.of([Answer((first,), (second,), False)]), 4 * SIZE))
    assert cut[first, second] == cut[second, first] == 0


def test_the_taught_graph_is_symmetric_and_the_near_neighbourhood_follows(graph):
    known = Knowledge.of([Answer(_sheet(0), _sheet(1), False)])
    taught = teach_graph(graph, marks(known, 4 * SIZE))
    assert abs(taught - taught.T).max() < 1e-6
    rest_0, rest_1 = np.arange(9, SIZE), SIZE + np.arange(9, SIZE)
    before, after = graph[rest_0][:, rest_1].sum(), taught[rest_0][:, rest_1].sum()
    assert 0 < after < before, "edges between the neighbourhoods fall"
    far = slice(2 * SIZE, 4 * SIZE)
    assert abs(taught[far, far] - graph[far, far]).max() < 1e-6, "far away nothing changes"


def test_a_difference_within_a_cluster_splits_it(graph):
    known = Knowledge.of([Answer(_sheet(0), _sheet(1), False)])
    found = believe(SampleField(graph), BLOBS // 2, 2, marks(known, 4 * SIZE)).labels
    assert len(np.unique(found)) == 3
    assert (found[BLOBS == 0] == 0).all()
    assert (found[BLOBS == 1] == 2).mean() > 0.8
    assert (found[BLOBS >= 2] == 1).mean() > 0.95


def test_sameness_of_two_clusters_merges_them(graph):
    known = Knowledge.of([Answer(_sheet(0, SIZE), _sheet(1, SIZE), True)])
    found = believe(SampleField(graph), BLOBS, 4, marks(known, 4 * SIZE)).labels
    assert len(np.unique(found)) == 3
    assert len(np.unique(found[BLOBS < 2])) == 1


def test_samples_that_answers_are_about_obey_them(graph):
    rng = np.random.default_rng(1)
    truth = np.array([0, 1, 1, 2])[BLOBS]
    known = Knowledge.of(
        Answer((int(a),), (int(b),), bool(truth[a] == truth[b]))
        for a, b in rng.integers(0, 4 * SIZE, (300, 2))
    )
    found = believe(SampleField(graph), BLOBS // 2, 2, marks(known, 4 * SIZE)).labels
    assert (found[:, None] == found[None])[truth[:, None] == truth[None]].mean() > 0.95


def test_cells_and_samples_are_solved_alike(graph):
    prior, fixed = np.eye(2)[BLOBS // 2], np.zeros(4 * SIZE, bool)
    fixed[:5] = True
    values = np.tile([0.0, 1.0], (5, 1))
    one = SampleField(graph).solve(prior, fixed, values)
    other = CellField(graph.toarray()).solve(prior, fixed, values)
    assert abs(one - other).max() < 1e-3

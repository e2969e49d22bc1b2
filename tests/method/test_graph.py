"""The whole-data graph and its diffusion map, against exact small cases."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch
from sklearn.neighbors import NearestNeighbors

from dsc_core.method import fuzzy, graph, neighbours


def blobs(groups=3, size=60, dims=5, seed=0, distance=12.0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dims)) * distance
    points = np.concatenate([centre + rng.standard_normal((size, dims)) for centre in centres])
    return points.astype(np.float32), np.repeat(np.arange(groups), size)


def test_neighbours_are_exact_and_never_the_point_itself():
    points, _ = blobs()
    index, distance = neighbours.nearest(torch.from_numpy(points), 7)
    expected, _ = NearestNeighbors(n_neighbors=8).fit(points).kneighbors(points)
    assert np.allclose(distance, expected[:, 1:], atol=1e-2)
    assert not (index == np.arange(len(points))[:, None]).any()


def test_neighbours_of_other_points_may_be_at_distance_zero():
    points = torch.from_numpy(blobs()[0])
    index, distance = neighbours.nearest(points, 3, points[:5])
    assert index[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(distance[:, 0], 0, atol=0.02)


def test_fuzzy_rows_sum_to_log2_k_with_the_nearest_at_one():
    distances = np.sort(np.random.default_rng(0).gamma(3, size=(50, 12)), axis=1)
    weights = fuzzy.fuzzy_weights(distances)
    assert np.allclose(weights[:, 0], 1)
    assert np.allclose(weights.sum(1), np.log2(12), rtol=1e-3)
    assert (np.diff(weights, axis=1) <= 1e-12).all()


def test_fuzzy_weights_of_duplicates_are_finite():
    weights = fuzzy.fuzzy_weights(np.zeros((4, 6)))
    assert np.isfinite(weights).all()
    assert np.allclose(weights, 1)


def test_the_union_joins_both_directions_of_each_edge_block_by_block(monkeypatch):
    monkeypatch.setattr(fuzzy, "ROWS", 16)
    rng = np.random.default_rng(0)
    indices = np.array([rng.choice(np.delete(np.arange(50), row), 4, replace=False) for row in range(50)])
    weights = rng.random((50, 4))
    dense = np.zeros((50, 50))
    np.put_along_axis(dense, indices, weights, axis=1)
    union = fuzzy.fuzzy_union(indices.astype(np.int32), weights)
    assert np.allclose(union.toarray(), dense + dense.T - dense * dense.T)
    assert union.has_canonical_format
    assert len(union.data) == len(union.indices) == union.nnz  # no room is left over
    assert union.indices.dtype == np.int32


def test_the_whole_graph_is_symmetric_in_zero_to_one_without_loops():
    affinity = graph.whole_graph(torch.from_numpy(blobs()[0]), 8)
    assert abs(affinity - affinity.T).max() < 1e-9
    assert affinity.diagonal().max() == 0
    assert affinity.data.min() >= 0
    assert affinity.data.max() <= 1 + 1e-9


def test_the_diffusion_map_has_one_unit_eigenvalue_per_component():
    points, truth = blobs(groups=4, distance=40)
    values, vectors = graph.diffusion_map(graph.whole_graph(torch.from_numpy(points), 8), 6, seed=0)
    assert np.allclose(values[:4], 1, atol=1e-4)
    assert values[4] < 0.999
    # On disconnected groups the leading vectors are constant within each group.
    spread = max(vectors[truth == g][:, :4].std(0).max() for g in range(4))
    assert spread < 1e-2 * np.abs(vectors[:, :4]).max()


def test_sparse_and_dense_solvers_agree_and_a_seed_is_reproducible():
    points, _ = blobs(groups=3, size=200, distance=4)
    affinity = graph.whole_graph(torch.from_numpy(points), 10)
    values, vectors = graph.diffusion_map(affinity, 8, seed=0)
    _, same = graph.diffusion_map(affinity, 8, seed=0)
    assert np.array_equal(vectors, same)
    degree = np.asarray(affinity.sum(1)).ravel()
    dense = affinity.toarray() / np.sqrt(degree[:, None] * degree[None])
    assert np.allclose(values, np.linalg.eigvalsh(dense)[::-1][:8], atol=1e-3)


def test_damping_suppresses_later_dimensions_and_rows_have_norm_one():
    values, vectors = np.array([1.0, 0.5]), np.random.default_rng(0).standard_normal((20, 2))
    assert np.allclose(np.linalg.norm(graph.damped(values, vectors, 1), axis=1), 1)
    assert np.abs(graph.damped(values, vectors, 30)[:, 1]).max() < 1e-6


@pytest.mark.parametrize("bandwidth", [0.0, 2.5])
def test_batch_affinity_of_identical_points_is_finite(bandwidth):
    assert torch.isfinite(graph.batch_affinity(torch.ones(12, 3), 4, bandwidth)).all()


def test_votes_are_shares_and_unanimous_within_a_group():
    points, group = blobs()
    affinity = graph.whole_graph(torch.from_numpy(points), 6)
    votes = graph.votes(affinity, group, 3)
    assert np.allclose(votes.sum(1), 1, atol=1e-5)
    assert np.allclose(votes[np.arange(len(group)), group], 1)  # the groups lie far apart
    wrong = group.copy()
    wrong[0] = 2  # one of the first group
    votes_of_wrong = graph.votes(affinity, wrong, 3)
    assert votes_of_wrong[0].argmax() == 0
    assert votes_of_wrong[0, 2] < 0.5


def test_a_sample_without_neighbours_votes_for_itself():
    affinity = sparse.csr_matrix(np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]]))
    votes = graph.votes(affinity, np.array([0, 0, 1]), 2)
    assert np.allclose(votes, [[1, 0], [1, 0], [0, 1]])


def test_the_affinity_of_a_batch_is_symmetric_and_passes_gradients_only_where_it_is_asked_to():
    points = torch.from_numpy(blobs(size=20)[0]).requires_grad_()
    larger, mean = (graph.batch_affinity(points, 4, 2.0, differentiable=both) for both in (False, True))
    for affinity in (larger, mean):
        assert torch.equal(affinity, affinity.T)
        assert not affinity.diagonal().any()
    assert not larger.requires_grad
    mean.sum().backward()
    assert torch.isfinite(points.grad).all()
    assert points.grad.abs().max() > 0
    # An edge that only one side counts among its nearest has half of its affinity, one of both sides all of it.
    ratio = (mean / larger)[larger > 0].detach()
    assert ((ratio - 0.5).abs().minimum((ratio - 1).abs()) < 1e-4).all()
    assert ratio.min() < 0.6
    assert ratio.max() > 0.9


def test_the_width_of_a_batch_is_a_share_of_its_median_distance_where_none_is_set():
    points = torch.from_numpy(blobs(size=20)[0])
    width = torch.cdist(points, points).sort(1)[0][:, 4].median().item()
    for share in (1.0, 0.5):
        relative = graph.batch_affinity(points, 4, 0.0, share)
        assert torch.allclose(relative, graph.batch_affinity(points, 4, share * width), atol=1e-4)


def test_the_affinity_of_equal_points_passes_finite_gradients():
    points = torch.zeros(6, 3, requires_grad=True)
    graph.batch_affinity(points, 2, 0.0, differentiable=True).sum().backward()
    assert torch.isfinite(points.grad).all()

"""The whole-data graph and its diffusion map, against exact small cases."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch
from sklearn.neighbors import NearestNeighbors

from dsc_core.config import Config
from dsc_core.method import graph
from dsc_core.method.cut import LEAST_SURE, sure_labels


def blobs(groups=3, size=60, dims=5, seed=0, distance=12.0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dims)) * distance
    points = np.concatenate([centre + rng.standard_normal((size, dims)) for centre in centres])
    return points.astype(np.float32), np.repeat(np.arange(groups), size)


def test_neighbours_are_exact_and_never_the_point_itself(monkeypatch):
    monkeypatch.setattr(graph, "CHUNK", 1000)  # many blocks
    points, _ = blobs()
    index, distance = graph.nearest(torch.from_numpy(points), 7)
    truth, _ = NearestNeighbors(n_neighbors=8).fit(points).kneighbors(points)
    assert np.allclose(distance, truth[:, 1:], atol=1e-2)
    assert not (index == np.arange(len(points))[:, None]).any()


def test_neighbours_of_other_points_may_be_at_distance_zero():
    points = torch.from_numpy(blobs()[0])
    index, distance = graph.nearest(points, 3, points[:5])
    assert index[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(distance[:, 0], 0, atol=0.02)


def test_fuzzy_rows_sum_to_log2_k_with_the_nearest_at_one():
    distances = np.sort(np.random.default_rng(0).gamma(3, size=(50, 12)), axis=1)
    weights = graph.fuzzy_weights(distances)
    assert np.allclose(weights[:, 0], 1)
    assert np.allclose(weights.sum(1), np.log2(12), rtol=1e-3)
    assert (np.diff(weights, axis=1) <= 1e-12).all()


def test_fuzzy_weights_of_duplicates_are_finite():
    weights = graph.fuzzy_weights(np.zeros((4, 6)))
    assert np.isfinite(weights).all()
    assert np.allclose(weights, 1)


def test_the_whole_graph_is_symmetric_in_zero_to_one_without_loops():
    affinity = graph.whole_graph(torch.from_numpy(blobs()[0]), 8)
    assert abs(affinity - affinity.T).max() < 1e-9
    assert affinity.diagonal().max() == 0
    assert affinity.data.min() >= 0
    assert affinity.data.max() <= 1 + 1e-9


def test_the_diffusion_map_has_one_unit_eigenvalue_a_component():
    points, truth = blobs(groups=4, distance=40)
    values, vectors = graph.diffusion_map(graph.whole_graph(torch.from_numpy(points), 8), 6, seed=0)
    assert np.allclose(values[:4], 1, atol=1e-4)
    assert values[4] < 0.999
    # On disconnected groups the leading vectors are constant within each group.
    spread = max(vectors[truth == g][:, :4].std(0).max() for g in range(4))
    assert spread < 1e-2 * np.abs(vectors[:, :4]).max()


def test_large_and_small_solvers_agree_and_a_seed_repeats():
    points, _ = blobs(groups=3, size=200, distance=4)
    affinity = graph.whole_graph(torch.from_numpy(points), 10)
    values, vectors = graph.diffusion_map(affinity, 8, seed=0)
    _, same = graph.diffusion_map(affinity, 8, seed=0)
    assert np.array_equal(vectors, same)
    degree = np.asarray(affinity.sum(1)).ravel()
    dense = affinity.toarray() / np.sqrt(degree[:, None] * degree[None])
    assert np.allclose(values, np.linalg.eigvalsh(dense)[::-1][:8], atol=1e-3)


def test_damping_drops_the_later_dimensions_and_rows_have_norm_one():
    values, vectors = np.array([1.0, 0.5]), np.random.default_rng(0).standard_normal((20, 2))
    assert np.allclose(np.linalg.norm(graph.damped(values, vectors, 1), axis=1), 1)
    assert np.abs(graph.damped(values, vectors, 30)[:, 1]).max() < 1e-6


@pytest.mark.parametrize("bandwidth", [0.0, 2.5])
def test_batch_affinity_of_identical_points_is_finite(bandwidth):
    assert torch.isfinite(graph.batch_affinity(torch.ones(12, 3), 4, bandwidth)).all()


def test_votes_are_shares_and_certain_inside_a_group():
    points, group = blobs()
    affinity = graph.whole_graph(torch.from_numpy(points), 6)
    votes = graph.votes(affinity, group, 3)
    assert np.allclose(votes.sum(1), 1, atol=1e-5)
    assert np.allclose(votes[np.arange(len(group)), group], 1)  # the groups lie far apart
    wrong = group.copy()
    wrong[0] = 2  # one of the first group
    doubted = graph.votes(affinity, wrong, 3)
    assert doubted[0].argmax() == 0
    assert doubted[0, 2] < 0.5


def test_a_sample_without_neighbours_votes_for_itself():
    affinity = sparse.csr_matrix(np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]]))
    votes = graph.votes(affinity, np.array([0, 0, 1]), 2)
    assert np.allclose(votes, [[1, 0], [1, 0], [0, 1]])


def test_sure_are_those_whose_neighbourhood_agrees_and_some_of_every_cluster():
    points, group = blobs()
    affinity = graph.whole_graph(torch.from_numpy(points), 6)
    rng = np.random.default_rng(0)
    labels = np.where(
        group == 2, rng.integers(0, 2, len(group)) + 2, group
    )  # the third group is split at random
    config = Config(clusters=5)  # and the fifth cluster is empty
    targets = sure_labels(affinity, labels, config)
    assert set(targets) == {-1, 0, 1, 2, 3}
    assert (targets[group < 2] == group[group < 2]).all()
    for cluster in (2, 3):
        share = (targets == cluster).sum() / (labels == cluster).sum()
        assert LEAST_SURE <= share < 0.6
    assert ((targets == labels) | (targets == -1)).all()


def test_the_normalised_cut_counts_the_edges_between_clusters():
    # Two pairs with an edge of weight 2 each, and one edge of weight 1 between them.
    weights = sparse.csr_matrix(np.array([[0, 2, 0, 0], [2, 0, 1, 0], [0, 1, 0, 2], [0, 0, 2, 0]], float))
    assert graph.normalised_cut(weights, np.array([0, 0, 1, 1]), 2) == pytest.approx(1 / 5 + 1 / 5)
    assert graph.normalised_cut(weights, np.array([0, 1, 1, 0]), 2) == pytest.approx(2 - 2 / 6)
    assert graph.normalised_cut(weights, np.zeros(4, int), 1) == pytest.approx(0)
    assert graph.normalised_cut(weights, np.zeros(4, int), 2) == pytest.approx(1), "an empty cluster counts 1"


def blocks(sizes, within=0.5, between=0.02, seed=0):
    """A random graph, sparse (n, n), whose blocks hold together, and the block of each sample."""
    rng, truth = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    chance = np.where(truth[:, None] == truth[None], within, between)
    upper = np.triu(rng.random(chance.shape) < chance, 1)
    return sparse.csr_matrix((upper | upper.T).astype(float)), truth


@pytest.mark.parametrize("seed", range(4))
def test_refining_lowers_the_cut_and_finds_the_blocks_from_nearby(seed):
    weights, truth = blocks([30, 60, 90], seed=seed)
    rng = np.random.default_rng(seed)
    spoilt = np.where(rng.random(len(truth)) < 0.2, rng.integers(0, 3, len(truth)), truth)
    found = graph.refined(weights, spoilt, 3)
    assert graph.normalised_cut(weights, found, 3) < graph.normalised_cut(weights, spoilt, 3)
    assert (found == truth).all()


def test_refining_leaves_what_is_alone_and_fills_no_empty_cluster():
    weights, truth = blocks([20, 20])
    alone = sparse.block_diag([weights, sparse.csr_matrix((1, 1))]).tocsr()
    labels = np.append(truth, 1)
    assert (graph.refined(alone, labels, 3) == labels).all()


@pytest.mark.parametrize("evenness", [1.0, 1.5, 2.0])
def test_cells_are_merged_along_the_graph(evenness):
    weights, truth = blocks([40, 60, 80])
    cells = truth * 4 + np.arange(len(truth)) % 4
    found = graph.merged(weights, cells, 3, evenness)
    assert len({(a, b) for a, b in zip(found, truth, strict=True)}) == 3


def test_more_evenness_parts_a_large_block_before_it_leaves_a_small_one_alone():
    # A path a - b - C - d with a small cell a; two clusters of the four cells.
    member = np.repeat(np.arange(4), [2, 20, 20, 20])
    between = np.array([[1, 0.02, 0, 0], [0.02, 1, 0.05, 0], [0, 0.05, 1, 0.05], [0, 0, 0.05, 1]])
    weights = sparse.csr_matrix(between[np.ix_(member, member)] - np.eye(62))
    smallest = [np.bincount(graph.merged(weights, member, 2, evenness)).min() for evenness in (0.5, 2.0)]
    assert smallest == [2, 22]


def test_cells_of_different_components_are_merged_too_and_few_cells_stay():
    weights = sparse.block_diag([blocks([10])[0] for _ in range(4)]).tocsr()
    cells = np.repeat(np.arange(4), 10)
    assert len(np.unique(graph.merged(weights, cells, 2, 1.0))) == 2
    assert (graph.merged(weights, cells, 6, 1.0) == cells).all()

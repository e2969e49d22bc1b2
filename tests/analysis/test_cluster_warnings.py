"""Warnings about clusters, on cases whose answer is known."""

import numpy as np
import scipy.sparse as sparse

from dsc_core.analysis import cluster_warnings

RNG = np.random.default_rng


def blobs(sizes, distance=20.0, seed=0):
    """Points in groups of these sizes, their clusters, and a graph that ties each to the next of its group."""
    rng = RNG(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    points = np.eye(len(sizes))[clusters] * distance + rng.standard_normal((len(clusters), len(sizes)))
    same = clusters[:, None] == clusters[None]
    return points, clusters, sparse.csr_matrix(same & ~np.eye(len(clusters), dtype=bool), dtype=float)


def kinds(points, clusters, affinity, count=None):
    diagnostics = cluster_warnings.diagnose(clusters, count or clusters.max() + 1, points, affinity)
    return [(warning.kind, set(warning.clusters)) for warning in cluster_warnings.find_warnings(diagnostics)]


def test_good_clusters_give_no_warnings():
    assert kinds(*blobs([50, 60, 40])) == []
    assert kinds(*blobs([50, 50])) == []


def test_collapsed_empty_and_tiny_clusters_are_found():
    assert kinds(*blobs([300, 40, 40, 60])) == [("collapsed", {0})]
    assert kinds(*blobs([60, 40])) == [], "with two clusters a larger half is no collapse"
    assert kinds(*blobs([50, 60, 40]), count=5) == [("empty", {3, 4})]
    assert kinds(*blobs([100, 100, 100, 4])) == [("tiny", {3})]


def test_a_group_cut_in_two_is_found_as_one_pair():
    points, clusters, affinity = blobs([60, 60, 60])
    cut = clusters.copy()
    cut[clusters == 2] = np.where(RNG(0).random(60) < 0.5, 2, 3)
    warnings = kinds(points, cut, affinity)
    assert ("mixed", {2, 3}) in warnings
    assert [kind for kind, _ in warnings].count("mixed") == 1
    assert {kind for kind, pair in warnings if not pair & {2, 3}} == set()


def test_samples_without_a_group_are_found_as_loose():
    points, clusters, affinity = blobs([60, 60, 60])
    points[clusters == 1] = RNG(1).standard_normal((60, 3)) * 12 + 8
    assert ("loose", {1}) in kinds(points, clusters, affinity)


def test_edge_weight_shares_sum_to_one_and_one_cluster_without_a_graph_is_diagnosed():
    points, clusters, affinity = blobs([30, 20, 10])
    assert np.allclose(cluster_warnings.edge_weight_shares(clusters, 3, affinity).sum(1), 1)
    diagnostics = cluster_warnings.diagnose(np.zeros(30, dtype=int), 1, points[:30], None)
    assert np.isnan(diagnostics.silhouettes).all()
    assert cluster_warnings.find_warnings(diagnostics) == []


def test_every_message_names_its_clusters_and_is_a_sentence():
    points, clusters, affinity = blobs([300, 40, 40, 3])
    for warning in cluster_warnings.find_warnings(cluster_warnings.diagnose(clusters, 6, points, affinity)):
        assert warning.message.endswith(".")
        assert all(str(cluster) in warning.message for cluster in warning.clusters)

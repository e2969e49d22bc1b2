"""Warnings about clusters, on cases whose answer is known."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch

from dsc_core.analysis import cluster_warnings
from dsc_core.method.graph import whole_graph

RNG = np.random.default_rng


def blobs(sizes, distance=20.0, seed=0):
    """Points in groups of these sizes, the group of each, and the graph of their neighbours, as training builds it."""
    rng = RNG(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    points = np.eye(len(sizes), 8)[groups] * distance + rng.standard_normal((len(groups), 8))
    return points, groups, graph_of(points)


def graph_of(points):
    return whole_graph(torch.from_numpy(np.asarray(points, np.float32)), 10)


def kinds(clusters, affinity, count=None):
    diagnostics = cluster_warnings.diagnose(clusters, count or clusters.max() + 1, affinity)
    return [(warning.kind, set(warning.clusters)) for warning in cluster_warnings.find_warnings(diagnostics)]


@pytest.mark.parametrize("distance", [4.0, 6.0, 20.0])
def test_good_clusters_give_no_warnings_however_far_apart(distance):
    _, groups, affinity = blobs([300, 350, 250], distance)
    assert kinds(groups, affinity) == []


def test_rings_are_whole_although_their_silhouette_is_low():
    """Five objects that turn, as in COIL-20: a fixed silhouette called such clusters loose."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    planes = [np.linalg.qr(RNG(each).standard_normal((8, 2)))[0] for each in range(5)]
    points = np.concatenate([ring @ plane.T for plane in planes])
    points += 0.02 * RNG(9).standard_normal(points.shape)
    objects, affinity = np.repeat(np.arange(5), 72), graph_of(points)
    assert kinds(objects, affinity) == []
    merged = np.array([0, 0, 0, 0, 1])[objects]
    assert ("several", {0}) in kinds(merged, affinity), "four objects in one cluster"


def test_collapsed_empty_and_tiny_clusters_are_judged_against_the_median():
    def sizes(*each, count=None):
        return kinds(np.repeat(np.arange(len(each)), each), None, count)

    assert sizes(300, 40, 40, 60) == [("collapsed", {0})]
    assert sizes(60, 40) == [], "with two clusters a larger half is no collapse"
    assert ("collapsed", {0}) in sizes(95, 5)
    assert sizes(50, 60, 40, count=5) == [("empty", {3, 4})]
    assert sizes(100, 100, 100, 4) == [("tiny", {3})]
    assert sizes(1000, 20, 20, 20, 20) == [("collapsed", {0})], "the small ones are as most are"


def test_a_group_cut_in_two_is_found_as_one_pair():
    points, groups, affinity = blobs([200, 200, 200])
    cut = np.where((groups == 2) & (points[:, 5] > 0), 3, groups)
    assert kinds(cut, affinity) == [("one", {2, 3})]


def test_groups_in_one_cluster_are_found_and_do_not_seem_one_with_others():
    _, groups, affinity = blobs([200, 150, 250, 200], 6.0)
    assert kinds(np.array([0, 0, 1, 2])[groups], affinity) == [("several", {0})]
    both = kinds(np.array([0, 0, 1, 1])[groups], affinity)
    assert sorted(both, key=str) == [("several", {0}), ("several", {1})]


def test_clusters_too_small_to_be_cut_and_unconnected_samples_are_no_trouble():
    lonely = sparse.csr_matrix((40, 40))
    assert kinds(np.repeat([0, 1], [30, 10]), lonely) == []
    _, groups, affinity = blobs([200, 200, 5])
    assert kinds(groups, affinity) == [("tiny", {2})]
    assert kinds(np.zeros(400, int), blobs([400])[2]) == []


def test_every_message_names_its_clusters_and_is_a_sentence():
    points, groups, affinity = blobs([300, 200, 200, 5, 200])
    clusters = np.where((groups == 2) & (points[:, 5] > 0), 5, groups)
    clusters[groups == 4] = 1
    diagnostics = cluster_warnings.diagnose(clusters, 8, affinity)
    warnings = cluster_warnings.find_warnings(diagnostics)
    assert {warning.kind for warning in warnings} == {"empty", "tiny", "several", "one"}
    for warning in warnings:
        assert warning.message.endswith(".")
        assert all(str(cluster) in warning.message for cluster in warning.clusters)

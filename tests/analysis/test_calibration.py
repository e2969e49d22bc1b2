"""Calibration, agreement between runs and warnings: each against cases whose answer is known beforehand."""

import numpy as np
import pytest
import scipy.sparse as sparse

from dsc_core.analysis import calibration

RNG = np.random.default_rng


# Calibration -----------------------------------------------------------------------------------------------


def test_an_honest_confidence_has_a_small_error_and_a_boastful_one_is_off_by_what_it_boasts():
    rng = RNG(0)
    confidence = rng.uniform(0.3, 1, 20_000)
    right = rng.random(20_000) < confidence
    honest = calibration.calibration(right, confidence)
    assert honest.error < 0.02
    assert abs(honest.lean) < 0.02
    boastful = calibration.calibration(right, np.ones(20_000))
    assert boastful.error == pytest.approx(1 - right.mean())
    assert boastful.lean == pytest.approx(boastful.error)
    modest = calibration.calibration(np.ones(100), np.full(100, 0.6))
    assert modest.error == pytest.approx(0.4)
    assert modest.lean == pytest.approx(-0.4)


def test_the_bins_hold_every_sample_once_and_the_order_does_not_matter():
    rng = RNG(1)
    confidence, right = np.r_[0.0, 1.0, 0.1, rng.random(97)], rng.random(100) < 0.5
    one = calibration.calibration(right, confidence)
    order = rng.permutation(100)
    other = calibration.calibration(right[order], confidence[order])
    assert one.counts.sum() == 100
    assert one.error == pytest.approx(other.error)
    assert 0 <= one.error <= 1
    full = one.counts > 0
    assert ((one.confidence >= one.edges[:-1] - 1e-9) & (one.confidence <= one.edges[1:] + 1e-9))[full].all()
    assert np.isnan(calibration.calibration(np.ones(3), np.full(3, 0.95)).accuracy[0])


def test_right_ones_are_those_that_make_up_the_accuracy():
    from dsc_core.analysis import metrics

    rng = RNG(2)
    labels = rng.integers(0, 4, 300)
    clusters = (labels + 1) % 4
    clusters[:60] = rng.integers(0, 6, 60)  # more clusters than classes
    words = np.array(["ant", "bee", "cat", "10"])[labels]
    for truth in (labels, words):
        assert calibration.right_ones(truth, clusters).mean() == pytest.approx(
            metrics.accuracy(truth, clusters)
        )


# Other runs ------------------------------------------------------------------------------------------------


def test_clusters_with_other_numbers_are_no_change_and_moved_samples_are():
    rng = RNG(3)
    own = rng.integers(0, 5, 200)
    renamed = np.array([3, 0, 4, 1, 2])[own]
    moved = renamed.copy()
    places = rng.choice(200, 10, replace=False)
    moved[places] = (moved[places] + 1) % 5
    found = calibration.changed(own, [renamed, moved])
    assert found.shape == (2, 200)
    assert not found[0].any()
    assert sorted(np.flatnonzero(found[1])) == sorted(places)


def test_a_cluster_that_another_run_has_too_many_counts_as_changed():
    own = np.repeat([0, 1], 50)
    other = own.copy()
    other[:10] = 2
    assert calibration.changed(own, [other])[0].tolist() == [True] * 10 + [False] * 90
    assert calibration.changed(own, []).shape == (0, 100)


def test_the_least_stable_come_first_and_of_equal_ones_the_least_sure():
    shares, confidence = np.array([0.5, 0.0, 1.0, 0.5]), np.array([0.9, 0.1, 0.9, 0.2])
    assert calibration.least_stable(shares, confidence, 10).tolist() == [2, 3, 0]
    assert calibration.least_stable(shares, confidence, 1).tolist() == [2]


# Warnings --------------------------------------------------------------------------------------------------


def blobs(sizes, apart=20.0, seed=0):
    """Points in groups of these sizes, their clusters, and a graph that ties each to the next of its group."""
    rng = RNG(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    points = np.eye(len(sizes))[clusters] * apart + rng.standard_normal((len(clusters), len(sizes)))
    same = clusters[:, None] == clusters[None]
    return points, clusters, sparse.csr_matrix(same & ~np.eye(len(clusters), dtype=bool), dtype=float)


def kinds(points, clusters, affinity, count=None):
    known = calibration.signs(clusters, count or clusters.max() + 1, points, affinity)
    return [(one.kind, set(one.clusters)) for one in calibration.warnings(known)]


def test_good_clusters_are_not_warned_of():
    assert kinds(*blobs([50, 60, 40])) == []
    assert kinds(*blobs([50, 50])) == []


def test_a_cluster_with_most_of_all_samples_an_empty_and_a_tiny_one_are_told_of():
    assert kinds(*blobs([300, 40, 40, 60])) == [("collapsed", {0})]
    assert kinds(*blobs([60, 40])) == [], "with two clusters a large half is no collapse"
    assert kinds(*blobs([50, 60, 40]), count=5) == [("empty", {3, 4})]
    assert kinds(*blobs([100, 100, 100, 4])) == [("tiny", {3})]


def test_a_group_cut_in_two_is_told_of_as_one_pair():
    points, clusters, affinity = blobs([60, 60, 60])
    cut = clusters.copy()
    cut[clusters == 2] = np.where(RNG(0).random(60) < 0.5, 2, 3)
    found = kinds(points, cut, affinity)
    assert ("mixed", {2, 3}) in found
    assert [kind for kind, _ in found].count("mixed") == 1
    assert {kind for kind, pair in found if not pair & {2, 3}} == set()


def test_samples_of_no_group_are_told_of_as_loose():
    points, clusters, affinity = blobs([60, 60, 60])
    points[clusters == 1] = RNG(1).standard_normal((60, 3)) * 12 + 8
    assert ("loose", {1}) in kinds(points, clusters, affinity)


def test_shares_of_the_graph_sum_to_one_and_signs_hold_for_one_cluster_and_no_graph():
    points, clusters, affinity = blobs([30, 20, 10])
    assert np.allclose(calibration.lead(clusters, 3, affinity).sum(1), 1)
    known = calibration.signs(np.zeros(30, dtype=int), 1, points[:30], None)
    assert np.isnan(known.silhouette).all()
    assert calibration.warnings(known) == []


def test_every_sentence_names_its_clusters_and_ends():
    points, clusters, affinity = blobs([300, 40, 40, 3])
    for one in calibration.warnings(calibration.signs(clusters, 6, points, affinity)):
        assert one.sentence.endswith(".")
        assert all(str(cluster) in one.sentence for cluster in one.clusters)

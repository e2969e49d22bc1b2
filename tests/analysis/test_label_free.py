"""Scores without labels."""

import numpy as np
import pytest
import sklearn.metrics

from dsc_core.analysis import label_free
from tests.analysis.blobs import blobs


def test_label_free_scores_are_high_for_islands_and_low_for_a_random_cut():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 3, 3_000)
    points = rng.normal(size=(3_000, 4)) + 20 * np.eye(3, 4)[clusters]
    good = label_free.label_free_scores(points, points, clusters)
    bad = label_free.label_free_scores(points, points, rng.permutation(clusters))
    assert good["silhouette_latent"] > 0.8
    assert abs(bad["silhouette_spectral"]) < 0.1
    assert good == label_free.label_free_scores(points, points, clusters)


@pytest.mark.parametrize("clusters", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_an_undefined_silhouette_is_none(clusters):
    assert label_free.silhouette(np.eye(4), clusters) is None


def test_coordinates_that_are_not_finite_have_no_silhouette():
    points = np.eye(4)
    points[0, 0] = np.nan
    assert label_free.silhouette(points, [0, 0, 1, 1]) is None


def test_the_eigengap_is_the_step_after_the_kth_eigenvalue():
    assert label_free.eigengap([0.2, 1.0, 0.9, 0.3], 2) == pytest.approx(0.6)
    assert label_free.eigengap([1.0, 0.9], 2) is None


def test_the_silhouettes_of_the_clusters_average_to_that_of_the_whole():
    points, labels = blobs([50, 120, 30])
    each = label_free.cluster_silhouettes(points, labels)
    sizes = np.bincount(labels)
    assert sum(each[k] * sizes[k] for k in range(3)) / 200 == pytest.approx(
        label_free.silhouette(points, labels)
    )
    assert label_free.cluster_silhouettes(points, np.zeros(200, int)) == {}
    assert label_free.cluster_silhouettes(np.full((9, 2), np.nan), np.arange(9) % 3) == {}


@pytest.mark.parametrize("sizes", [(5, 1, 60), (2, 2), (40, 3, 1, 1)])
def test_silhouettes_are_those_of_scikit_learn(sizes):
    rng = np.random.default_rng(len(sizes))
    clusters = np.repeat(np.arange(len(sizes)), sizes) * 3
    points = rng.normal(size=(len(clusters), 4)) + clusters[:, None] / 4
    points[0] = points[1]  # two at one place
    expected = sklearn.metrics.silhouette_samples(points, clusters)
    np.testing.assert_allclose(label_free.silhouettes(points, clusters), expected, atol=1e-7)


def test_a_mixed_cluster_has_a_lower_silhouette():
    points, labels = blobs([80, 80, 80])
    mixed = np.where((labels == 1) & (np.arange(240) % 2 == 0), 2, labels)
    each = label_free.cluster_silhouettes(points, mixed)
    assert each[0] > 0.5 > each[2]

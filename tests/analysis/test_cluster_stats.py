"""Statistics of single clusters."""

import numpy as np
import pytest

from dsc_core.analysis import cluster_stats
from tests.analysis.blobs import blobs


def test_the_nearest_cluster_is_the_nearest_by_centre():
    points = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1], [7, 0], [7, 1]])
    near = cluster_stats.nearest_clusters(points, [0, 0, 4, 4, 9, 9])
    assert {own: other for own, (other, _) in near.items()} == {0: 4, 4: 9, 9: 4}
    assert near[9][1] == pytest.approx(2)
    assert cluster_stats.nearest_clusters(points, np.zeros(6)) == {}


def test_the_overview_has_one_row_per_cluster_with_members():
    points, labels = blobs([20, 40, 60])
    table = cluster_stats.overview(points, points, labels * 2, np.linspace(0, 1, 120))
    assert table["cluster"].tolist() == [0, 2, 4]
    assert table["size"].tolist() == [20, 40, 60]
    assert table["share"].sum() == pytest.approx(1)
    assert table["confidence"].is_monotonic_increasing


def test_members_are_sorted_by_confidence():
    rows = cluster_stats.members([1, 0, 1, 1], 1, [0.2, 0.9, 0.7, 0.2])
    assert rows.tolist() == [2, 0, 3]


def test_distances_to_the_centre_do_not_depend_on_order_or_origin():
    rng = np.random.default_rng(0)
    points, clusters = rng.normal(size=(60, 5)), rng.integers(0, 4, 60) * 3
    distances = cluster_stats.centre_distances(points, clusters)
    for cluster in np.unique(clusters):
        own = points[clusters == cluster]
        assert np.allclose(distances[clusters == cluster], np.linalg.norm(own - own.mean(0), axis=1))
    order = rng.permutation(60)
    assert np.allclose(cluster_stats.centre_distances(points[order], clusters[order]), distances[order])
    assert np.allclose(cluster_stats.centre_distances(points + 7, clusters), distances)


def test_the_shifted_column_is_the_most_distinctive():
    rng = np.random.default_rng(0)
    values, rows = rng.normal(size=(200, 6)) * [1, 10, 100, 1, 1, 0], np.arange(50)
    values[rows, 1] -= 30
    order, size = cluster_stats.distinctive_columns(values, rows)
    assert order[0] == 1
    assert size[0] < -1
    assert size[list(order).index(5)] == 0
    scaled = cluster_stats.distinctive_columns(values * 3 + 5, rows)
    assert np.array_equal(scaled[0], order)
    assert np.allclose(scaled[1], size)
    assert not len(cluster_stats.distinctive_columns(values, np.arange(200))[0])
    assert not len(cluster_stats.distinctive_columns(values, [])[0])

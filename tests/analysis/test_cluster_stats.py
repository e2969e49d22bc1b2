"""Single clusters: their silhouettes, their nearest, and what a split makes of them."""

import numpy as np
import pytest

from dsc_core.analysis import cluster_stats, metrics
from dsc_core.errors import InputError


def blobs(sizes, seed=0, dims=6, apart=8.0):
    """Points (n, dims) in blobs of `sizes`, and the blob of each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), dims))
    centres *= apart / np.linalg.norm(centres, axis=1, keepdims=True)
    return (centres[labels] + rng.normal(size=(len(labels), dims)) * 0.5).astype(np.float32), labels


def test_the_clusters_silhouettes_average_to_the_whole():
    points, labels = blobs([50, 120, 30])
    each = cluster_stats.silhouettes(points, labels)
    sizes = np.bincount(labels)
    assert sum(each[k] * sizes[k] for k in range(3)) / 200 == pytest.approx(
        metrics.silhouette(points, labels)
    )
    assert cluster_stats.silhouettes(points, np.zeros(200, int)) == {}
    assert cluster_stats.silhouettes(np.full((9, 2), np.nan), np.arange(9) % 3) == {}


def test_a_mixed_cluster_has_the_worse_silhouette():
    points, labels = blobs([80, 80, 80])
    mixed = np.where((labels == 1) & (np.arange(240) % 2 == 0), 2, labels)
    each = cluster_stats.silhouettes(points, mixed)
    assert each[0] > 0.5 > each[2]


def test_the_nearest_cluster_is_the_nearest_by_centre():
    points = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1], [7, 0], [7, 1]])
    near = cluster_stats.nearest_clusters(points, [0, 0, 4, 4, 9, 9])
    assert {own: other for own, (other, _) in near.items()} == {0: 4, 4: 9, 9: 4}
    assert near[9][1] == pytest.approx(2)
    assert cluster_stats.nearest_clusters(points, np.zeros(6)) == {}


def test_the_overview_has_a_row_a_cluster_with_members():
    points, labels = blobs([20, 40, 60])
    table = cluster_stats.overview(points, points, labels * 2, np.linspace(0, 1, 120))
    assert table["cluster"].tolist() == [0, 2, 4]
    assert table["size"].tolist() == [20, 40, 60]
    assert table["share"].sum() == pytest.approx(1)
    assert table["confidence"].is_monotonic_increasing


def test_members_come_surest_first():
    found = cluster_stats.members([1, 0, 1, 1], 1, [0.2, 0.9, 0.7, 0.2])
    assert found.tolist() == [2, 0, 3]


@pytest.mark.parametrize("seed", range(3))
def test_a_split_finds_the_blobs_the_largest_first_and_does_it_again(seed):
    points, labels = blobs([40, 90, 60], seed)
    parts = cluster_stats.split(points, 3, seed)
    assert metrics.accuracy(labels, parts) == 1
    assert (np.diff(np.bincount(parts)) <= 0).all()
    assert np.array_equal(parts, cluster_stats.split(points, 3, seed))


def test_what_cannot_be_split_is_said():
    points, _ = blobs([30])
    for bad, parts, words in (
        (points[:5], 2, "too few"),
        (points, 1, "two parts"),
        (np.ones((30, 4)), 2, "differ"),
    ):
        with pytest.raises(InputError, match=words):
            cluster_stats.split(bad, parts, 0)

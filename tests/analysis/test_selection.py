"""Selections: their shares, their shapes, their order, checked against plain ways of saying the same."""

import numpy as np
import pytest

from dsc_core.analysis import selection
from dsc_core.errors import InputError


@pytest.mark.parametrize("seed", range(8))
def test_a_stratified_sample_keeps_every_groups_share(seed):
    rng = np.random.default_rng(seed)
    groups = rng.choice(7, 5000, p=[0.5, 0.25, 0.15, 0.06, 0.03, 0.008, 0.002])
    limit = int(rng.integers(200, 3000))
    rows = selection.stratified(groups, limit, seed)
    assert len(rows) == limit
    assert (np.diff(rows) > 0).all()
    wanted = np.bincount(groups, minlength=7) * limit / len(groups)
    assert np.abs(np.bincount(groups[rows], minlength=7) - wanted).max() < 2.5
    assert set(groups[rows]) == set(groups)
    assert np.array_equal(rows, selection.stratified(groups, limit, seed))
    assert not np.array_equal(rows, selection.stratified(groups, limit, seed + 100))


def test_a_stratified_sample_of_few_is_all_and_a_floor_that_does_not_fit_is_let_go():
    assert np.array_equal(selection.stratified([3, 1, 1], 3, 0), [0, 1, 2])
    assert len(selection.stratified(np.arange(100), 10, 0)) == 10
    assert (selection.stratified(np.repeat([0, 1], [999, 1]), 10, 0) == 999).sum() == 1


def test_inside_a_star_as_the_even_odd_rule_has_it():
    angles = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
    star = np.c_[np.cos(angles), np.sin(angles)]
    assert not selection.inside([[0.0, 0.0]], star)[0]  # crossed twice
    assert selection.inside([[0.0, 0.7]], star)[0]
    assert not selection.inside([[0.9, 0.9]], star)[0]


@pytest.mark.parametrize("seed", range(5))
def test_inside_agrees_with_the_sum_of_angles_and_does_not_care_where_the_line_begins(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    ring = np.c_[np.cos(angles), np.sin(angles)] * rng.uniform(0.4, 1, (12, 1))
    points = rng.uniform(-1, 1, (400, 2))
    found = selection.inside(points, ring)
    toward = ring[None] - points[:, None]
    turned = np.angle((np.roll(toward, -1, 1) @ [1, 1j]) / (toward @ [1, 1j])).sum(1)
    assert np.array_equal(found, np.abs(turned) > np.pi)
    assert np.array_equal(found, selection.inside(points, np.roll(ring[::-1], 3, 0)))
    assert not selection.inside(points, ring[:2]).any()


def test_a_box_is_the_same_from_whichever_corner():
    points = np.random.default_rng(0).normal(size=(200, 2))
    first = selection.within(points, (-0.5, 1.0), (0.5, -1.0))
    assert np.array_equal(first, selection.within(points, (0.5, -1.0), (-0.5, 1.0)))
    assert np.array_equal(first, selection.inside(points, [(-0.5, -1), (0.5, -1), (0.5, 1), (-0.5, 1)]))


def test_the_cells_of_a_matrix_share_out_the_samples_as_its_counts_say():
    from dsc_core.analysis import metrics

    rng = np.random.default_rng(0)
    labels, clusters = np.array(["a", "b|", "7"])[rng.integers(0, 3, 300)], rng.integers(0, 4, 300)
    matrix, classes, order = metrics.confusion(labels, clusters)
    seen = []
    for i, row in enumerate(classes):
        for j, column in enumerate(order):
            rows = selection.in_cell(labels, clusters, row, str(column))
            assert len(rows) == matrix[i, j]
            seen += rows.tolist()
    assert sorted(seen) == list(range(300))


def test_a_search_prefers_the_very_id_and_says_when_there_is_none():
    ids = ["1", "10", "Photo 1.png", "photo 2.PNG"]
    assert selection.search(ids, "1").tolist() == [0]
    assert selection.search(ids, " PHOTO ").tolist() == [2, 3]
    with pytest.raises(InputError, match="No id contains 'x'"):
        selection.search(ids, "x")
    with pytest.raises(InputError, match="Write a part"):
        selection.search(ids, "  ")


def test_distances_to_the_centre_follow_the_points_and_not_their_order():
    rng = np.random.default_rng(0)
    points, clusters = rng.normal(size=(60, 5)), rng.integers(0, 4, 60) * 3
    away = selection.centre_distance(points, clusters)
    for cluster in np.unique(clusters):
        own = points[clusters == cluster]
        assert np.allclose(away[clusters == cluster], np.linalg.norm(own - own.mean(0), axis=1))
    order = rng.permutation(60)
    assert np.allclose(selection.centre_distance(points[order], clusters[order]), away[order])
    assert np.allclose(selection.centre_distance(points + 7, clusters), away)


def test_neighbours_are_those_of_the_graph_and_never_the_sample_itself():
    import torch

    from dsc_core.method import graph

    points = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    indices, distances = graph.nearest(torch.from_numpy(points), 12)
    for sample in (0, 41, 79):
        near, away = selection.neighbours(points, sample, 12)
        assert np.array_equal(near, indices[sample])
        assert away == pytest.approx(distances[sample], abs=1e-3)
    assert len(selection.neighbours(points[:3], 1, 12)[0]) == 2


def test_the_column_that_was_moved_differs_most():
    rng = np.random.default_rng(0)
    values, chosen = rng.normal(size=(200, 6)) * [1, 10, 100, 1, 1, 0], np.arange(50)
    values[chosen, 1] -= 30
    order, size = selection.differing_columns(values, chosen)
    assert order[0] == 1
    assert size[0] < -1
    assert size[list(order).index(5)] == 0
    scaled = selection.differing_columns(values * 3 + 5, chosen)
    assert np.array_equal(scaled[0], order)
    assert np.allclose(scaled[1], size)
    assert not len(selection.differing_columns(values, np.arange(200))[0])
    assert not len(selection.differing_columns(values, [])[0])


def test_density_counts_every_point_once_and_peaks_where_they_lie():
    rng = np.random.default_rng(0)
    points = np.r_[rng.normal((5, -2), 0.2, (900, 2)), rng.normal((-5, 2), 2.0, (900, 2))]
    x, y, z = selection.density(points)
    assert z.sum() == pytest.approx(1800, rel=0.02)
    row, column = np.unravel_index(z.argmax(), z.shape)
    assert (x[column], y[row]) == pytest.approx((5, -2), abs=0.5)

"""Selecting samples, compared with simpler formulations."""

import numpy as np
import pytest
import torch

from dsc_core.analysis import metrics, selection
from dsc_core.errors import InputError
from dsc_core.method import neighbours


def test_the_middle_of_a_star_is_outside_by_the_even_odd_rule():
    angles = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
    star = np.c_[np.cos(angles), np.sin(angles)]
    assert not selection.inside([[0.0, 0.0]], star)[0]  # crossed twice
    assert selection.inside([[0.0, 0.7]], star)[0]
    assert not selection.inside([[0.9, 0.9]], star)[0]


@pytest.mark.parametrize("seed", range(5))
def test_inside_agrees_with_the_winding_number_wherever_the_line_begins(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    ring = np.c_[np.cos(angles), np.sin(angles)] * rng.uniform(0.4, 1, (12, 1))
    points = rng.uniform(-1, 1, (400, 2))
    result = selection.inside(points, ring)
    toward = ring[None] - points[:, None]
    turned = np.angle((np.roll(toward, -1, 1) @ [1, 1j]) / (toward @ [1, 1j])).sum(1)
    assert np.array_equal(result, np.abs(turned) > np.pi)
    assert np.array_equal(result, selection.inside(points, np.roll(ring[::-1], 3, 0)))
    assert not selection.inside(points, ring[:2]).any()


def test_a_box_is_the_same_from_any_corner():
    points = np.random.default_rng(0).normal(size=(200, 2))
    first = selection.within(points, (-0.5, 1.0), (0.5, -1.0))
    assert np.array_equal(first, selection.within(points, (0.5, -1.0), (-0.5, 1.0)))
    assert np.array_equal(first, selection.inside(points, [(-0.5, -1), (0.5, -1), (0.5, 1), (-0.5, 1)]))


def test_the_cells_of_a_matrix_partition_the_samples_as_its_counts_say():
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


def test_a_search_prefers_equal_ids_and_reports_when_there_are_none():
    ids = ["1", "10", "Photo 1.png", "photo 2.PNG"]
    assert selection.search(ids, "1").tolist() == [0]
    assert selection.search(ids, " PHOTO ").tolist() == [2, 3]
    with pytest.raises(InputError, match="No id contains 'x'"):
        selection.search(ids, "x")
    with pytest.raises(InputError, match="Enter a part"):
        selection.search(ids, "  ")


def test_nearest_samples_are_the_neighbours_in_the_graph_without_the_sample_itself():
    points = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    indices, distances = neighbours.nearest(torch.from_numpy(points), 12)
    for sample in (0, 41, 79):
        near, lengths = selection.nearest_samples(points, sample, 12)
        assert np.array_equal(near, indices[sample])
        assert lengths == pytest.approx(distances[sample], abs=1e-3)
    assert len(selection.nearest_samples(points[:3], 1, 12)[0]) == 2

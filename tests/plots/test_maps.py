"""Scatter maps: every point in its group, nothing read as markup, the same bytes for the same arrays."""

import numpy as np

from dsc_core.plots import maps, palette


def test_a_map_draws_every_point_once_in_its_own_group():
    rng = np.random.default_rng(0)
    points, groups = rng.normal(size=(300, 2)), rng.integers(0, 4, 300)
    figure = maps.group_map(points, groups, {g: str(g) for g in range(4)}, [str(i) for i in range(300)])
    for group, trace in enumerate(figure.data):
        assert np.allclose(np.c_[trace.x, trace.y], points[groups == group], atol=1e-6)
        assert trace.marker.color == palette.colour(group)


def test_a_file_name_never_becomes_markup_in_a_map():
    name = "<img src=x onerror=alert(1)>"
    figure = maps.group_map([[0, 0]], [name], {name: name}, [name])
    assert "<img" not in figure.to_json()


def test_equal_arrays_give_equal_bytes():
    points, hover = np.random.default_rng(0).normal(size=(50, 2)), ["a"] * 50
    first, second = (maps.value_map(points, points[:, 0], hover).to_json() for _ in range(2))
    assert first == second

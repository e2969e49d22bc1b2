"""A frame of the film."""

import numpy as np

from dsc_core.plots import palette
from dsc_core.plots.film_map import film_map


def test_a_frame_has_fixed_axes_and_grey_points_without_clusters():
    points = np.random.default_rng(0).normal(size=(30, 2))
    limits = np.array([-9.0, -8.0]), np.array([7.0, 6.0])
    option = film_map(points, np.full(30, -1), np.arange(30), {-1: "none yet"}, limits, title="After epoch 3")
    assert [option[name][end] for name in ("xAxis", "yAxis") for end in ("min", "max")] == [-9, 7, -9, 7]
    assert option["visualMap"]["inRange"]["color"] == [palette.MUTED]
    assert option["dataset"]["source"]["sample"].to_pylist() == list(range(30))
    names = {0: "zero", 1: "one"}
    option = film_map(points, np.arange(30) % 2, np.arange(30), names, limits)
    assert option["visualMap"]["inRange"]["color"] == [palette.colour(0), palette.colour(1)]
    assert option["legend"]["data"] == ["zero", "one"]
    many = dict.fromkeys(range(30), "name")
    option = film_map(points, np.arange(30), np.arange(30), many, limits)
    assert option["legend"]["show"] is False

"""Line charts: smoothing, thinning, scales and marks."""

import itertools

import numpy as np
import pandas as pd
import pytest

from dsc_core.plots import curves
from dsc_core.plots.curves import curve, smooth


def test_smoothing_keeps_a_constant_and_starts_at_the_first_value():
    assert smooth(np.full(9, 3.0), 0.9) == pytest.approx(np.full(9, 3.0))
    assert smooth([5.0, 0.0, 0.0], 0.5)[0] == 5.0


def test_smoothing_skips_gaps_without_spreading_them():
    smoothed = smooth([1.0, np.nan, 3.0], 0.5)
    assert np.isnan(smoothed[1])
    assert smoothed[2] == pytest.approx((0.5 * 0.5 * 1 + 0.5 * 3) / (0.5 * 0.5 + 0.5))


def test_thinning_keeps_the_limit_the_mean_and_the_last_row():
    frame = pd.DataFrame({"step": np.arange(10_001.0), "loss": np.random.default_rng(0).normal(size=10_001)})
    thin = curves.thin(frame, 100)
    assert len(thin) == 100
    assert thin.iloc[-1].equals(frame.iloc[-1])
    assert thin["step"].is_monotonic_increasing
    assert thin["loss"].iloc[:-1].mean() == pytest.approx(frame["loss"].iloc[:-1].mean(), abs=0.01)


def test_a_logarithmic_curve_leaves_out_values_without_a_logarithm():
    columns = {"step": [1, 2, 3], "loss": np.array([1.0, 0.0, -2.0])}
    source = curve(columns, "step", {"loss": "#000000"}, log=True)["dataset"]["source"]
    assert source.column("loss").to_pylist() == [1.0, None, None]
    assert columns["loss"].tolist() == [1.0, 0.0, -2.0]


def test_marks_lie_on_the_curve_and_changes_differ_from_stages():
    columns = {"step": [10, 20, 30], "loss": [3.0, 2.0, 1.0]}
    marks = [(4, "early"), (20, "joint"), (30, "s 0.5 → 0.8", "#e8952a"), (31, "later", "#e8952a")]
    (line,) = curve(columns, "step", {"loss": "#000000"}, marks=marks)["series"]
    data = line["markLine"]["data"]
    assert [(mark["xAxis"], mark["name"]) for mark in data] == [
        (10, "early"),
        (20, "joint"),
        (30, "s 0.5 → 0.8"),
    ]
    assert [mark.get("lineStyle", {}).get("color") for mark in data] == [None, None, "#e8952a"]
    (line,) = curve(columns, "step", {"loss": "#000000"}, marks=marks[3:])["series"]
    assert "markLine" not in line


@pytest.mark.parametrize("seed", range(20))
def test_no_text_of_a_mark_meets_another_mark_another_text_or_the_edge(seed):
    rng = np.random.default_rng(seed)
    positions = sorted([0.0, *rng.random(rng.integers(1, 20)).tolist()])
    sides = curves.text_sides(positions)
    spans = [
        (at, at + curves.ROOM) if side == "right" else (at - curves.ROOM, at)
        for at, side in zip(positions, sides, strict=True)
        if side
    ]
    assert spans, "the first or the last one has room"
    for low, high in spans:
        assert low >= -1e-9
        assert high <= 1 + 1e-9
        assert not [at for at in positions if low + 1e-9 < at < high - 1e-9]
    assert all(after[0] >= before[1] - 1e-9 for before, after in itertools.pairwise(spans))


def test_marks_far_from_each_other_all_have_their_text_and_a_long_one_is_cut():
    assert curves.text_sides([0.0, 0.3, 0.5, 0.99]) == ["right", "right", "right", "left"]
    columns = {"step": [0, 100], "loss": [3.0, 1.0]}
    (line,) = curve(columns, "step", {"loss": "#000000"}, marks=[(50, "x" * 60)])["series"]
    assert len(line["markLine"]["data"][0]["name"]) == curves.TEXT_LIMIT


def test_the_text_of_a_level_stands_below_the_title_where_no_mark_reaches():
    option = curve(
        {"step": [0, 9], "mi": [1.0, 0.5]}, "step", {"mi": "#000000"}, title="MI", level=(1.39, "chance")
    )
    assert "chance" in option["title"]["subtext"]
    assert option["series"][0]["markLine"]["data"] == [{"yAxis": 1.39, "label": {"show": False}}]

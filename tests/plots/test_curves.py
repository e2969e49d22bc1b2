"""Line charts: smoothing, thinning, scales and marks."""

import itertools

import numpy as np
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


@pytest.mark.parametrize("amount", [0.05, 0.3, 0.95])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_smoothing_is_the_moving_average_step_by_step(amount, count):
    values = np.random.default_rng(count).normal(size=count)
    total = weight = 0.0
    expected = []
    for value in values:
        total, weight = amount * total + (1 - amount) * value, amount * weight + (1 - amount)
        expected.append(total / weight)
    np.testing.assert_allclose(smooth(values, amount), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("count", [0, 1, 500, 501, 3_000, 50_000])
def test_a_long_curve_keeps_its_spikes_its_ends_and_its_order(count):
    rng = np.random.default_rng(count)
    values = rng.normal(size=count)
    for spike in rng.integers(0, max(count, 1), 3)[:count]:
        values[spike] = 100 * rng.choice([-1, 1])
    rows = curves.extremes(values, 500)
    assert len(rows) <= 502
    assert (np.diff(rows) > 0).all()
    if count:
        assert rows[0] == 0
        assert rows[-1] == count - 1
        assert set(np.flatnonzero(abs(values) == 100)) <= set(rows.tolist())
        assert (values[rows].min(), values[rows].max()) == (values.min(), values.max())
    if count <= 500:
        assert len(rows) == count


def test_a_growing_curve_keeps_its_points():
    values = np.random.default_rng(0).normal(size=6_000)
    before, after = (set(curves.extremes(values[:end], 500).tolist()) for end in (5_000, 5_500))
    assert len(before - after) <= 2  # of the stretch that was not complete, and the last one


def test_values_that_are_not_finite_are_no_extremes():
    values = np.zeros(4_000)
    values[[7, 1_000]], values[1_500], values[2_000] = np.nan, np.inf, 3.0
    assert 2_000 in curves.extremes(values, 100)
    assert not {7, 1_000, 1_500} & set(curves.extremes(values, 100).tolist())


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

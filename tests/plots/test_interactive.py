"""Figures: what they draw is what the arrays say."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.plots import interactive


def test_smoothing_keeps_a_constant_and_starts_at_the_first_value():
    assert interactive.smooth(np.full(9, 3.0), 0.9) == pytest.approx(np.full(9, 3.0))
    assert interactive.smooth([5.0, 0.0, 0.0], 0.5)[0] == 5.0


def test_smoothing_passes_over_gaps_without_spreading_them():
    smoothed = interactive.smooth([1.0, np.nan, 3.0], 0.5)
    assert np.isnan(smoothed[1])
    assert smoothed[2] == pytest.approx((0.5 * 0.5 * 1 + 0.5 * 3) / (0.5 * 0.5 + 0.5))


def test_thinning_keeps_the_limit_the_mean_and_the_end():
    frame = pd.DataFrame({"step": np.arange(10_001.0), "loss": np.random.default_rng(0).normal(size=10_001)})
    thin = interactive.thin(frame, 100)
    assert len(thin) == 100
    assert thin.iloc[-1].equals(frame.iloc[-1])
    assert thin["step"].is_monotonic_increasing
    assert thin["loss"].iloc[:-1].mean() == pytest.approx(frame["loss"].iloc[:-1].mean(), abs=0.01)


def test_a_logarithmic_curve_leaves_out_what_has_no_logarithm():
    columns = {"step": [1, 2, 3], "loss": np.array([1.0, 0.0, -2.0])}
    source = interactive.curve(columns, "step", {"loss": "#000000"}, log=True)["dataset"]["source"]
    assert source.column("loss").to_pylist() == [1.0, None, None]
    assert columns["loss"].tolist() == [1.0, 0.0, -2.0]


def test_marks_stand_inside_the_curve_and_changes_are_told_apart_from_stages():
    columns = {"step": [10, 20, 30], "loss": [3.0, 2.0, 1.0]}
    marks = [(4, "early"), (20, "joint"), (30, "s 0.5 → 0.8", "#e8952a"), (31, "to come", "#e8952a")]
    drawn = interactive.curve(columns, "step", {"loss": "#000000"}, marks=marks)["series"][0]["markLine"][
        "data"
    ]
    assert [(line["xAxis"], line["name"]) for line in drawn] == [
        (10, "early"),
        (20, "joint"),
        (30, "s 0.5 → 0.8"),
    ]
    assert [line.get("lineStyle", {}).get("color") for line in drawn] == [None, None, "#e8952a"]
    assert (
        "markLine"
        not in interactive.curve(columns, "step", {"loss": "#000000"}, marks=marks[3:])["series"][0]
    )


def test_what_lands_on_a_map_stands_where_it_landed_and_the_map_keeps_its_colours():
    rng = np.random.default_rng(0)
    points, groups = rng.normal(size=(60, 2)), rng.integers(0, 3, 60) * 2  # no sample fell into 1 and 3
    samples = [{"name": f"Sample {i}", "own": points[i], "draws": rng.normal(size=(20, 2))} for i in range(2)]
    option = interactive.landing_map(points, groups, samples)
    source = option["dataset"]["source"]
    assert np.allclose(np.c_[source["x"], source["y"]], points)
    assert dict(
        zip(option["visualMap"]["categories"], option["visualMap"]["inRange"]["color"], strict=True)
    ) == {cluster: interactive.colour(cluster) for cluster in (0, 2, 4)}
    behind, *landed = option["series"]
    assert option["visualMap"]["seriesIndex"] == 0
    assert behind["silent"]
    for i, (draws, own) in enumerate(zip(landed[::2], landed[1::2], strict=True)):
        assert np.allclose(draws["data"], samples[i]["draws"], atol=1e-4)
        assert np.allclose(own["data"], [points[i]], atol=1e-4)
        assert draws["name"] == own["name"] == f"Sample {i}"
    assert landed[0]["symbol"] != landed[2]["symbol"], "told apart without colour"


def test_the_drawn_sample_is_repeatable_unique_and_sorted():
    rows = interactive.drawn(70_000, 20_000)
    assert np.array_equal(rows, interactive.drawn(70_000, 20_000))
    assert len(np.unique(rows)) == 20_000
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(interactive.drawn(50), np.arange(50))


def test_a_map_draws_every_point_once_in_its_own_group():
    rng = np.random.default_rng(0)
    points, groups = rng.normal(size=(300, 2)), rng.integers(0, 4, 300)
    figure = interactive.group_map(
        points, groups, {g: str(g) for g in range(4)}, [str(i) for i in range(300)]
    )
    for group, trace in enumerate(figure.data):
        assert np.allclose(np.c_[trace.x, trace.y], points[groups == group], atol=1e-6)
        assert trace.marker.color == interactive.colour(group)


def test_a_file_name_never_becomes_markup_in_a_map():
    name = "<img src=x onerror=alert(1)>"
    figure = interactive.group_map([[0, 0]], [name], {name: name}, [name])
    assert "<img" not in figure.to_json()


def test_figures_are_the_same_to_the_byte_for_the_same_arrays():
    points, hover = np.random.default_rng(0).normal(size=(50, 2)), ["a"] * 50
    first, second = (interactive.value_map(points, points[:, 0], hover).to_json() for _ in range(2))
    assert first == second


def test_the_confusion_chart_keeps_the_order_and_the_counts():
    matrix = np.array([[5, 1, 0], [0, 2, 7]])
    chart = interactive.confusion_chart(matrix, ["b", "a"], [2, 0, 1])
    drawn = chart.to_dict()
    (rows,) = drawn["datasets"].values()
    assert [row["count"] for row in rows] == [5, 1, 0, 0, 2, 7]
    assert [row["share"] for row in rows if row["class"] == "a"] == pytest.approx([0, 2 / 9, 7 / 9])
    squares = drawn["layer"][0]["encoding"]
    assert squares["x"]["sort"] == ["2", "0", "1"]
    assert squares["y"]["sort"] == ["b", "a"]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (1, 300, 200)])
def test_an_image_sheet_holds_each_image_in_its_place(shape):
    images = np.random.default_rng(0).random((5, *shape)).astype(np.float32)
    sheet = interactive.image_sheet(images, 3, tile=16, gap=2)
    assert sheet.dtype == np.uint8
    assert (sheet[..., 3] == 0).any()
    assert sheet[0, 0, :3].tolist() == [round(float(c) * 255) for c in np.broadcast_to(images[0, :, 0, 0], 3)]
    first_of_second_row = sheet[(sheet.shape[0] + 2) // 2, 0, :3]
    assert first_of_second_row.tolist() == [
        round(float(c) * 255) for c in np.broadcast_to(images[3, :, 0, 0], 3)
    ]


def test_values_that_are_no_numbers_do_not_break_a_sheet():
    sheet = interactive.image_sheet(np.array([[[[np.nan, 2.0], [-1.0, 0.5]]]]), 1, tile=2)
    assert sheet[..., 0].tolist() == [[0, 255], [0, 128]]


def test_a_frame_of_the_film_has_fixed_axes_and_grey_points_where_no_cluster_is_known():
    points = np.random.default_rng(0).normal(size=(30, 2))
    limits = np.array([-9.0, -8.0]), np.array([7.0, 6.0])
    option = interactive.film_map(
        points, np.full(30, -1), np.arange(30), {-1: "none yet"}, limits, title="After epoch 3"
    )
    assert [option[name][end] for name in ("xAxis", "yAxis") for end in ("min", "max")] == [-9, 7, -8, 6]
    assert option["visualMap"]["inRange"]["color"] == [interactive.MUTED]
    assert option["dataset"]["source"]["sample"].to_pylist() == list(range(30))
    names = {0: "zero", 1: "one"}
    option = interactive.film_map(points, np.arange(30) % 2, np.arange(30), names, limits)
    assert option["visualMap"]["inRange"]["color"] == [interactive.colour(0), interactive.colour(1)]
    assert option["legend"]["data"] == ["zero", "one"]
    assert (
        interactive.film_map(points, np.arange(30), np.arange(30), dict.fromkeys(range(30)), limits)[
            "legend"
        ]["show"]
        is False
    )

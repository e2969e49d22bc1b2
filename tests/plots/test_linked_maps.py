"""The linked maps: which samples a point is, which a lasso holds, and figures that stay byte for byte."""

import numpy as np
import pytest

from dsc_core.analysis import selection
from dsc_core.plots import linked_maps

IDS = np.array([f"<b>{i}.png" for i in range(300)])


def drawn(colouring=None, limit=20_000, count=300, seed=0):
    rng = np.random.default_rng(seed)
    points, clusters = rng.normal(size=(count, 2)).astype(np.float32), rng.integers(0, 4, count)
    names = {k: f"c{k}" for k in range(4)}
    colouring = colouring or linked_maps.Colouring(clusters, names)
    return (
        points,
        clusters,
        linked_maps.draw(points, colouring, IDS, clusters.astype(str), np.full(count, 0.5), limit=limit),
    )


def by_values(count=300):
    return linked_maps.Colouring(np.random.default_rng(1).random(count).round(1), word="x")


@pytest.mark.parametrize("colouring", [None, by_values()])
@pytest.mark.parametrize("limit", [20_000, 120])
def test_every_point_of_every_trace_is_the_sample_it_says(colouring, limit):
    points, _, found = drawn(colouring, limit)
    rows = np.concatenate(found.traces)
    assert len(rows) == len(set(rows)) == min(limit, 300)
    assert found.whole == (limit > 300)
    for trace, samples in zip(found.figure.data, found.traces, strict=False):
        assert np.array_equal(np.c_[trace.x, trace.y], points[samples])
        assert all(
            IDS[i].replace("<", "&lt;").replace(">", "&gt;") in text
            for i, text in zip(samples, trace.text, strict=True)
        )


@pytest.mark.parametrize("limit", [20_000, 120])
def test_the_same_arguments_give_the_same_bytes(limit):
    points, _, first = drawn(limit=limit)
    _, _, again = drawn(limit=limit)
    assert first.figure.to_json() == again.figure.to_json()
    chosen = np.arange(0, 300, 7)
    bright = linked_maps.highlighted(first, chosen, points)
    assert bright.to_json() == linked_maps.highlighted(again, chosen, points).to_json()
    assert first.figure.to_json() == again.figure.to_json()  # lighting one up left it as it was
    assert bright.to_json() != first.figure.to_json()


@pytest.mark.parametrize("limit", [20_000, 120])
def test_what_is_chosen_is_bright_and_nothing_else(limit):
    points, _, found = drawn(limit=limit)
    chosen = np.sort(np.random.default_rng(3).choice(300, 40, replace=False))
    bright = linked_maps.highlighted(found, chosen, points)
    shown = {tuple(points[i]) for i in chosen}
    seen = set()
    for trace in bright.data:
        if trace.type == "scattergl":
            seen |= {(trace.x[i], trace.y[i]) for i in trace.selectedpoints}
    assert seen == shown  # those beyond the sample are drawn besides


def test_a_lasso_over_all_points_is_its_points_and_over_a_sample_all_inside():
    points, _, found = drawn()
    event = {
        "points": [{"curve_number": 0, "point_index": 0}, {"curve_number": 2, "point_index": 5}],
        "lasso": [{"x": [-9, 9, 9, -9], "y": [-9, -9, 9, 9]}],
    }
    assert linked_maps.chosen_by(event, found, points).tolist() == sorted(
        [found.traces[0][0], found.traces[2][5]]
    )
    points, _, found = drawn(limit=120)
    lasso = {"x": [0, 2, 0], "y": [-2, 0, 2]}
    inside = selection.inside(points, np.c_[lasso["x"], lasso["y"]])
    assert np.array_equal(
        linked_maps.chosen_by({"points": [], "lasso": [lasso]}, found, points), np.flatnonzero(inside)
    )
    box = {"x": [1, 0], "y": [0, 1]}
    assert (
        len(linked_maps.chosen_by({"box": [box]}, found, points))
        == ((points > 0) & (points < 1)).all(1).sum()
    )
    touched = {"points": [{"curve_number": 1, "point_index": 3}]}
    assert linked_maps.chosen_by(touched, found, points).tolist() == [found.traces[1][3]]
    assert not len(linked_maps.chosen_by({}, found, points))


def test_a_column_is_coloured_by_its_values_and_rare_ones_share_a_group():
    numbers = linked_maps.of_column(np.r_[np.linspace(0, 1, 99), 1e9], "height")
    assert numbers.names is None
    assert numbers.bounds[1] < 1e9
    few = linked_maps.of_column(np.array([0.0, 1.0, 1.0]), "flag")
    assert list(few.names.values()) == ["flag 0", "flag 1"]
    many = linked_maps.of_column(np.array([f"v{i}" for i in range(200)]), "word")
    assert len(many.names) == linked_maps.MOST_GROUPS + 1
    assert set(many.values) == set(many.names)


def test_right_and_wrong_are_what_the_matched_class_says():
    import pandas as pd

    labels = np.array([1, 2, 2, 3])
    matched = pd.Series([1, 1, 2, None], dtype="Int64")
    found = linked_maps.of_agreement(labels, matched)
    assert found.values.tolist() == ["right", "wrong", "right", "none"]
    assert set(found.names) == {"right", "wrong", "none"}
    assert "none" not in linked_maps.of_agreement(labels[:3], matched[:3]).names

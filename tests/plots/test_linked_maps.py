"""Linked maps: which samples the points stand for, which a lasso selects, and that equal arguments give equal bytes."""

import numpy as np
import pytest

from dsc_core.analysis import selection
from dsc_core.plots import linked_maps
from dsc_core.plots.colourings import Colouring

IDS = np.array([f"<b>{i}.png" for i in range(300)])


def draw(colouring=None, limit=20_000, count=300, seed=0):
    rng = np.random.default_rng(seed)
    points, clusters = rng.normal(size=(count, 2)).astype(np.float32), rng.integers(0, 4, count)
    names = {k: f"c{k}" for k in range(4)}
    colouring = colouring or Colouring(clusters, names)
    return (
        points,
        clusters,
        linked_maps.draw(points, colouring, IDS, clusters.astype(str), np.full(count, 0.5), limit=limit),
    )


def by_values(count=300):
    return Colouring(np.random.default_rng(1).random(count).round(1), title="x")


@pytest.mark.parametrize("colouring", [None, by_values()])
@pytest.mark.parametrize("limit", [20_000, 120])
def test_every_point_stands_for_its_sample(colouring, limit):
    points, _, base = draw(colouring, limit)
    rows = np.concatenate(base.traces)
    assert len(rows) == len(set(rows)) == min(limit, 300)
    assert base.complete == (limit > 300)
    for trace, samples in zip(base.figure.data, base.traces, strict=False):
        assert np.array_equal(np.c_[trace.x, trace.y], points[samples])
        assert all(
            IDS[i].replace("<", "&lt;").replace(">", "&gt;") in text
            for i, text in zip(samples, trace.text, strict=True)
        )


def hover(trace, point):
    """What the browser shows on hover: the template of the trace with the values of a point."""
    text = trace.hovertemplate.replace("%{meta}", trace.meta or "").replace("%{text}", trace.text[point])
    return text.replace("%{customdata:.2f}", f"{trace.customdata[point]:.2f}").removesuffix("<extra></extra>")


@pytest.mark.parametrize("by", ["cluster", "other groups", "values"])
def test_every_point_tells_its_id_cluster_and_confidence(by):
    rng = np.random.default_rng(5)
    clusters, confidence = rng.integers(0, 4, 300), rng.random(300)
    groups = {"cluster": Colouring(clusters, {k: f"c{k}" for k in range(5)}), "values": by_values()}
    other = Colouring(rng.integers(0, 3, 300), {k: f"g{k}" for k in range(3)})
    titles = np.array(["a<b", "%{x}", "two", "3"])[clusters]
    base = linked_maps.draw(rng.normal(size=(300, 2)), groups.get(by, other), IDS, titles, confidence)
    for trace, samples in zip(base.figure.data, base.traces, strict=True):
        for point, sample in enumerate(samples):
            shown = hover(trace, point).replace("&lt;", "<").replace("&gt;", ">")
            assert shown == f"{IDS[sample]}<br>cluster {titles[sample]}, confidence {confidence[sample]:.2f}"


@pytest.mark.parametrize("limit", [20_000, 120])
def test_equal_arguments_give_equal_bytes(limit):
    points, _, first = draw(limit=limit)
    _, _, again = draw(limit=limit)
    assert first.figure.to_json() == again.figure.to_json()
    selected = np.arange(0, 300, 7)
    bright = linked_maps.highlight(first, selected, points)
    assert bright.to_json() == linked_maps.highlight(again, selected, points).to_json()
    assert first.figure.to_json() == again.figure.to_json()  # a highlight leaves the map as it was
    assert bright.to_json() != first.figure.to_json()


@pytest.mark.parametrize("limit", [20_000, 120])
def test_selected_samples_are_bright_and_no_others(limit):
    points, _, base = draw(limit=limit)
    selected = np.sort(np.random.default_rng(3).choice(300, 40, replace=False))
    bright = linked_maps.highlight(base, selected, points)
    shown = {tuple(points[i]) for i in selected}
    seen = set()
    for trace in bright.data:
        if trace.type == "scattergl":
            seen |= {(trace.x[i], trace.y[i]) for i in trace.selectedpoints}
    assert seen == shown  # those beyond the sample are added


def test_a_lasso_selects_its_points_and_over_a_sample_everything_inside():
    points, _, base = draw()
    event = {
        "points": [{"curve_number": 0, "point_index": 0}, {"curve_number": 2, "point_index": 5}],
        "lasso": [{"x": [-9, 9, 9, -9], "y": [-9, -9, 9, 9]}],
    }
    assert linked_maps.selected_rows(event, base, points).tolist() == sorted(
        [base.traces[0][0], base.traces[2][5]]
    )
    points, _, base = draw(limit=120)
    lasso = {"x": [0, 2, 0], "y": [-2, 0, 2]}
    inside = selection.inside(points, np.c_[lasso["x"], lasso["y"]])
    assert np.array_equal(
        linked_maps.selected_rows({"points": [], "lasso": [lasso]}, base, points), np.flatnonzero(inside)
    )
    box = {"x": [1, 0], "y": [0, 1]}
    assert (
        len(linked_maps.selected_rows({"box": [box]}, base, points))
        == ((points > 0) & (points < 1)).all(1).sum()
    )
    clicked = {"points": [{"curve_number": 1, "point_index": 3}]}
    assert linked_maps.selected_rows(clicked, base, points).tolist() == [base.traces[1][3]]
    assert not len(linked_maps.selected_rows({}, base, points))

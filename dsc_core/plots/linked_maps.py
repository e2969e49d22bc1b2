"""The linked maps: a Plotly figure and, of each of its traces, which samples its points are.

Arrays in, figures out. The same arguments give the same figure, byte for byte: the browser keeps a lasso only as
long as its figure stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dsc_core.analysis.metrics import natural
from dsc_core.analysis.selection import density, inside, stratified, within
from dsc_core.plots import interactive

RIGHT, WRONG, NONE = "#1199bb", "#aa3322", "#aa88ee"
UNSELECTED = {
    "marker": {"color": "#b4b9c0", "opacity": 0.22}
}  # Plotly's own dimming cannot be seen in a crowd
EXTRA = 3000  # selected samples that are drawn besides the sample of all
TEXT_LIMIT = 40  # letters of an id on hover
MOST_GROUPS = 30  # a column with more values is no colouring by groups


@dataclass(frozen=True)
class Colouring:
    """What the points' colours mean. values: (n,), of each sample its group, or a number where `names` is None.

    names: {group: text in the legend}, in the legend's order. colours: {group: colour}, for those not taken from
    the palette. bounds: of the numbers' scale. word: what the numbers are.
    """

    values: np.ndarray
    names: dict | None = None
    colours: dict = field(default_factory=dict)
    bounds: tuple[float, float] = (0.0, 1.0)
    word: str = ""


def of_column(values, word: str) -> Colouring:
    """A colouring by a table's column: numbers on a scale (1st to 99th percentile), few values as groups."""
    values = np.asarray(values)
    if values.dtype.kind in "fiub" and len(np.unique(values)) > 6:
        finite = values[np.isfinite(values)].astype(float)
        low, high = np.percentile(finite, (1, 99))
        bounds = (float(low), float(high if high > low else low + 1))
        return Colouring(values.astype(float), bounds=bounds, word=word)
    shown = np.array([f"{value:.4g}" if values.dtype.kind == "f" else str(value) for value in values])
    known = sorted(set(shown.tolist()), key=natural)
    names = {name: f"{word} {name}" for name in known[:MOST_GROUPS]}
    if len(known) > MOST_GROUPS:
        shown = np.where(np.isin(shown, list(names)), shown, "other values")
        names["other values"] = "other values"
    return Colouring(shown, names, word=word)


def of_agreement(labels, matched) -> Colouring:
    """Right where a sample's class is the one its cluster is matched with; apart, where its cluster has none."""
    known = pd.Series(matched).notna().to_numpy()
    # One by one: an array of whole numbers of which some are missing would become floats, and "1" be "1.0".
    right = known & np.array([str(label) == str(match) for label, match in zip(labels, matched, strict=True)])
    values = np.where(right, "right", np.where(known, "wrong", "none"))
    names = {"right": "right", "wrong": "wrong", "none": "cluster without a class"}
    present = {key: text for key, text in names.items() if (values == key).any()}
    return Colouring(values, present, {"right": RIGHT, "wrong": WRONG, "none": NONE})


@dataclass(frozen=True)
class Map:
    """A figure and of each of its point traces the samples, as positions in the input's order.

    whole: every sample is drawn; else the traces hold a sample of them.
    """

    figure: go.Figure
    traces: tuple[np.ndarray, ...]
    whole: bool


def draw(
    points, colouring: Colouring, ids, clusters, confidence, *, title="", limit=interactive.MAP_LIMIT, seed=0
) -> Map:
    """The map of `points` (n, 2). Above `limit` a seeded sample, stratified by cluster, over density contours.

    ids, clusters (as texts) and confidence, (n,): what stands beside a point on hover.
    """
    points = np.asarray(points, np.float32)
    rows = stratified(clusters, limit, seed)
    whole = len(rows) == len(points)
    values = np.asarray(colouring.values)
    if colouring.names is None:
        rows = rows[np.argsort(-values[rows], kind="stable")]  # as `value_map` draws them
    hover = [
        f"{str(ids[i])[:TEXT_LIMIT]}\ncluster {clusters[i]}, confidence {confidence[i]:.2f}" for i in rows
    ]
    if colouring.names is None:
        figure = interactive.value_map(
            points[rows], values[rows], hover, title=title, name=colouring.word, bounds=colouring.bounds
        )
        traces = (rows,)
    else:
        names = colouring.names
        colours = {
            group: colouring.colours.get(group, interactive.colour(i)) for i, group in enumerate(names)
        }
        figure = interactive.group_map(points[rows], values[rows], names, hover, title=title, colours=colours)
        traces = tuple(rows[values[rows] == group] for group in names)
    figure.update_traces(unselected=UNSELECTED, selected={"marker": {"opacity": 0.95}})
    figure.update_layout(dragmode="lasso")
    if not whole:
        # Hidden groups cannot be told from here, and a lasso over a sample is read as an area: so none is hidden.
        figure.update_layout(legend_itemclick=False, legend_itemdoubleclick=False)
        figure.add_trace(contours(points))
    return Map(figure, traces, whole)


def contours(points) -> go.Contour:
    """How densely all points lie, as lines."""
    x, y, z = density(points)
    high = float(np.quantile(z[z > 0.05], 0.98)) if (z > 0.05).any() else 1.0
    return go.Contour(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        z=z.astype(np.float32),
        hoverinfo="skip",
        showscale=False,
        showlegend=False,
        line={"width": 1, "color": interactive.MUTED, "smoothing": 1.0},
        contours={"coloring": "none", "start": high / 8, "end": high, "size": high / 5},
    )


def highlighted(drawn: Map, chosen, points, seed: int = 0) -> go.Figure:
    """The map with the samples at `chosen` (m,) bright and the others dim; those not drawn are drawn besides.

    points: (n, 2), of all samples. Of more than EXTRA samples that are not drawn, a seeded sample is.
    """
    mask = np.zeros(len(points), bool)
    mask[chosen] = True
    figure = go.Figure(drawn.figure)
    for trace, rows in zip(figure.data, drawn.traces, strict=False):
        trace.selectedpoints = np.flatnonzero(mask[rows]).tolist()
    if drawn.whole:
        return figure
    for rows in drawn.traces:
        mask[rows] = False
    missing = np.flatnonzero(mask)
    missing = missing[interactive.seeded_choice(len(missing), EXTRA, seed)]
    if len(missing):
        places = np.asarray(points, np.float32)[missing]
        figure.add_trace(
            go.Scattergl(
                x=places[:, 0],
                y=places[:, 1],
                mode="markers",
                name="selected, beyond the sample",
                hoverinfo="skip",
                selectedpoints=list(range(len(missing))),
                unselected=UNSELECTED,
                marker={
                    "size": interactive.point_size(len(points)),
                    "opacity": 0.9,
                    "color": interactive.PALETTE[1],
                },
            )
        )
    return figure


def chosen_by(event: dict, drawn: Map, points) -> np.ndarray:
    """The samples that the browser's selection on a map is about, sorted. event: "points", "box" and "lasso".

    Where every sample is drawn, its points; else all samples, drawn or not, in its areas, and a single touched
    point by itself.
    """
    areas = [*event.get("lasso", ()), *event.get("box", ())]
    if drawn.whole or not areas:
        found = [
            drawn.traces[point["curve_number"]][point["point_index"]]
            for point in event.get("points", ())
            if point.get("curve_number", 0) < len(drawn.traces)
        ]
        return np.unique(np.asarray(found, dtype=np.int64))
    points = np.asarray(points, np.float32)
    mask = np.zeros(len(points), bool)
    for area in event.get("lasso", ()):
        mask |= inside(points, np.c_[area["x"], area["y"]])
    for area in event.get("box", ()):
        mask |= within(points, (area["x"][0], area["y"][0]), (area["x"][1], area["y"][1]))
    return np.flatnonzero(mask)

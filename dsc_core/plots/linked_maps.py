"""Linked maps (Plotly): a figure together with the samples that its points stand for.

The same arguments give the same figure, byte for byte: the browser keeps a lasso only as long as its figure stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dsc_core.analysis.selection import inside, within
from dsc_core.plots import maps
from dsc_core.plots.colourings import Colouring
from dsc_core.plots.contours import contours
from dsc_core.plots.palette import PALETTE
from dsc_core.sampling import sample_by_group, sample_rows

MOST_EXTRA = 3000  # selected samples drawn in addition to the sample of all
ID_LENGTH = 40  # characters of an id on hover


@dataclass(frozen=True)
class Map:
    """A figure and, for each of its point traces, the positions of its samples in the order of the data.

    complete: whether the traces hold all samples, and not only some of them.
    """

    figure: go.Figure
    traces: tuple[np.ndarray, ...]
    complete: bool


def draw(
    points: np.ndarray,
    colouring: Colouring,
    ids: np.ndarray,
    clusters: np.ndarray,
    confidence: np.ndarray,
    *,
    title: str = "",
    limit: int = maps.MAP_LIMIT,
    seed: int = 0,
) -> Map:
    """The map of `points` (n, 2); above `limit` a seeded sample, stratified by cluster, over density contours.

    ids, clusters (as text) and confidence, (n,), are shown on hover.
    """
    points, values = np.asarray(points, np.float32), np.asarray(colouring.values)
    rows = sample_by_group(clusters, limit, seed)
    if colouring.names is None:
        rows = rows[np.argsort(-values[rows], kind="stable")]  # the order in which `value_map` draws them
    numbers: dict[str, Any] = {"numbers": confidence[rows], "numbers_text": ", confidence ", "title": title}
    if colouring.names is None:
        hover = [f"{str(ids[i])[:ID_LENGTH]}\ncluster {clusters[i]}" for i in rows]
        about = {"name": colouring.title, "bounds": colouring.bounds, **numbers}
        figure = maps.value_map(points[rows], values[rows], hover, **about)
        traces: tuple[np.ndarray, ...] = (rows,)
    else:
        names = colouring.names
        traces = tuple(rows[values[rows] == group] for group in names)
        below = _shared(names, traces, clusters)
        hover = [str(ids[i])[:ID_LENGTH] + ("" if below else f"\ncluster {clusters[i]}") for i in rows]
        figure = maps.group_map(
            points[rows], values[rows], names, hover, colours=colouring.colours, below=below, **numbers
        )
    figure.update_layout(dragmode="lasso")
    complete = len(rows) == len(points)
    if not complete:
        # A lasso over a sample selects an area, also where groups are hidden in the browser: so none can be hidden.
        figure.update_layout(legend_itemclick=False, legend_itemdoubleclick=False)
        figure.add_trace(contours(points))
    return Map(figure, traces, complete)


def _shared(
    names: Mapping[Any, str], traces: tuple[np.ndarray, ...], clusters: np.ndarray
) -> dict[Any, str] | None:
    """{group: "cluster …"} where all samples of a group are in one cluster, as on a map coloured by it; else None."""
    if any((clusters[samples] != clusters[samples[:1]]).any() for samples in traces):
        return None
    firsts = [str(clusters[samples[0]]) if len(samples) else "" for samples in traces]
    return {group: f"cluster {first}" for group, first in zip(names, firsts, strict=True)}


def highlight(base: Map, rows: np.ndarray, points: np.ndarray, seed: int = 0) -> go.Figure:
    """A copy of the figure in which the samples at `rows` (m,) are bright and the others dimmed.

    points: (n, 2), of all samples. Samples that the map leaves out are added, at most MOST_EXTRA of them.
    """
    mask = np.zeros(len(points), bool)
    mask[rows] = True
    figure = go.Figure(base.figure)
    for trace, samples in zip(figure.data, base.traces, strict=False):
        trace.selectedpoints = np.flatnonzero(mask[samples]).tolist()
    if base.complete:
        return figure
    for samples in base.traces:
        mask[samples] = False
    missing = np.flatnonzero(mask)
    missing = missing[sample_rows(len(missing), MOST_EXTRA, seed)]
    if len(missing):
        figure.add_trace(_extra(np.asarray(points, np.float32)[missing], len(points)))
    return figure


def _extra(points: np.ndarray, total: int) -> go.Scattergl:
    """The trace of selected points (m, 2) beyond the sample of `total` points."""
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name="selected, not in the sample",
        hoverinfo="skip",
        selectedpoints=list(range(len(points))),
        unselected=maps.UNSELECTED,
        marker={"size": maps.point_size(total), "opacity": 0.9, "color": PALETTE[1]},
    )


def selected_rows(event: Mapping[str, Any], base: Map, points: np.ndarray) -> np.ndarray:
    """Sorted positions of the samples that a selection in the browser means. event: "points", "box" and "lasso".

    On a complete map these are its points; otherwise all samples in its areas, whether drawn or not, or the one point
    that was clicked.
    """
    areas = [*event.get("lasso", ()), *event.get("box", ())]
    if base.complete or not areas:
        rows = [
            base.traces[point["curve_number"]][point["point_index"]]
            for point in event.get("points", ())
            if point.get("curve_number", 0) < len(base.traces)
        ]
        return np.unique(np.asarray(rows, dtype=np.int64))
    points = np.asarray(points, np.float32)
    mask = np.zeros(len(points), bool)
    for area in event.get("lasso", ()):
        mask |= inside(points, np.c_[area["x"], area["y"]])
    for area in event.get("box", ()):
        mask |= within(points, (area["x"][0], area["y"][0]), (area["x"][1], area["y"][1]))
    return np.flatnonzero(mask)

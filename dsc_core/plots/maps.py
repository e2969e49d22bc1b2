"""Scatter maps (Plotly) of the latent and the spectral space, coloured by group or by a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dsc_core.plots.palette import colour

MAP_LIMIT = 20_000  # points at which a browser still pans and zooms two maps fluently
MARGIN = 0.04  # around the points, as a share of their range
AXIS = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None}
TOP = 34  # pixels above the points, for the title
LEGEND = {
    "orientation": "h",
    "y": -0.02,
    "yanchor": "top",
    "x": 0,
    "itemsizing": "constant",
    "font": {"size": 11},
}


# While samples are selected; Plotly's own dimming is invisible in dense clusters.
UNSELECTED, SELECTED = {"marker": {"color": "#b4b9c0", "opacity": 0.22}}, {"marker": {"opacity": 0.95}}


def point_size(count: int) -> float:
    """Marker diameter in pixels for `count` points: visible alone, small enough to show density."""
    return float(np.clip(9 - 1.6 * np.log10(max(count, 1)), 2.2, 7))


def opacity(count: int) -> float:
    """Marker opacity for `count` points."""
    return 0.8 if count < 5000 else 0.6


def limits(points: np.ndarray, margin: float = MARGIN) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper ends of both axes, (2,) and (2,), with room around `points` (n, 2)."""
    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.ones(2))
    pad = (high - low) * margin + 1e-6
    return low - pad, high + pad


def square(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits, (2,) and (2,), of a square around those given, with the same centre: for charts that are drawn square."""
    middle, half = (low + high) / 2, float((high - low).max()) / 2
    return middle - half, middle + half


def group_colours(
    groups: Sequence[Any] | Mapping[Any, str], colours: Mapping[Any, str] | None
) -> dict[Any, str]:
    """The colour of each group: its own in `colours`, else the next one of the palette."""
    return {group: (colours or {}).get(group) or colour(i) for i, group in enumerate(groups)}


def group_map(
    points: np.ndarray,
    groups: np.ndarray,
    names: Mapping[Any, str],
    hover: Sequence[str] | np.ndarray,
    *,
    title: str = "",
    colours: Mapping[Any, str] | None = None,
    below: Mapping[Any, str] | None = None,
    numbers: np.ndarray | None = None,
    numbers_text: str = "",
) -> go.Figure:
    """Scatter of `points` (n, 2) with one legend entry per group.

    groups: (n,), the group of each point. names: group -> legend text, in the order of the legend. hover: (n,) str.
    below: group -> text on the second line on hover, the same for all its points. numbers, numbers_text: see `_hover`.
    """
    points, groups, hover = np.asarray(points, np.float32), np.asarray(groups), _texts(hover)
    shades, traces = group_colours(names, colours), []
    for group, name in names.items():
        member = groups == group
        more = _hover(
            None if below is None else below[group],
            None if numbers is None else numbers[member],
            numbers_text,
        )
        marker = {"color": shades[group]}
        traces.append(
            _scatter(points[member], hover[member], name=escape(name), marker=marker, total=len(points))
            | more
        )
    return _figure(traces, title, points)


def value_map(
    points: np.ndarray,
    values: np.ndarray,
    hover: Sequence[str] | np.ndarray,
    *,
    title: str = "",
    name: str = "",
    bounds: tuple[float, float] = (0.0, 1.0),
    numbers: np.ndarray | None = None,
    numbers_text: str = "",
) -> go.Figure:
    """Scatter of `points` (n, 2) coloured by `values` (n,) on a perceptually uniform scale, low values on top.

    hover: (n,) str. numbers, numbers_text: see `_hover`.
    """
    points = np.asarray(points, np.float32)
    order = np.argsort(-np.asarray(values), kind="stable")
    marker = {
        "color": np.asarray(values, np.float32)[order],
        "colorscale": "Viridis",
        "cmin": bounds[0],
        "cmax": bounds[1],
        "colorbar": {
            "title": {"text": name, "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
            "len": 0.8,
        },
    }
    more = _hover(None, None if numbers is None else np.asarray(numbers)[order], numbers_text)
    trace = _scatter(points[order], _texts(hover)[order], name=name, marker=marker, total=len(points))
    return _figure([trace | more], title, points)


def escape(text: object) -> str:
    """Text for legends and hover boxes: Plotly reads some HTML in them, and a file name must not become markup."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", "<br>")


def _texts(texts: Sequence[str] | np.ndarray) -> np.ndarray:
    """Texts for hover boxes, escaped, (n,): Plotly takes an array of strings in a third of the time of a list."""
    return np.array([escape(text) for text in texts], np.str_)


def _hover(below: str | None, numbers: np.ndarray | None, numbers_text: str) -> dict[str, Any]:
    """What a trace shows on hover besides its texts, as parts of the trace.

    below: a second line. numbers: (m,), added at the end in two decimals, after `numbers_text`. What all points of a
    trace share is sent once, and numbers as bytes: written into every text, they would be most of the figure.
    """
    template, more = "%{text}", dict[str, Any]()
    if below is not None:  # not in the template, in which a name may mean something
        template, more = f"{template}<br>%{{meta}}", {"meta": escape(below)}
    if numbers is not None:
        template += f"{numbers_text}%{{customdata:.2f}}"
        more["customdata"] = np.asarray(numbers, np.float32)
    return more | {"hovertemplate": f"{template}<extra></extra>"}


def _scatter(
    points: np.ndarray, hover: np.ndarray, *, name: str, marker: dict[str, Any], total: int
) -> dict[str, Any]:
    """The trace of points (m, 2), whose texts are escaped, without what it shows on hover."""
    return {
        "type": "scattergl",
        "x": points[:, 0],
        "y": points[:, 1],
        "mode": "markers",
        "name": name,
        "text": hover,
        "marker": {"size": point_size(total), "opacity": opacity(total), **marker},
        "unselected": UNSELECTED,
        "selected": SELECTED,
    }


def _figure(traces: list[dict[str, Any]], title: str, points: np.ndarray) -> go.Figure:
    """The traces with axes that hold `points`. Made at once: Plotly takes longer to change a figure than to make it."""
    low, high = limits(points)
    layout = {
        "title": {"text": title, "font": {"size": 14}, "x": 0, "xanchor": "left"},
        "height": 460,
        "dragmode": "pan",
        "margin": {"l": 0, "r": 0, "t": TOP, "b": 0},
        "hovermode": "closest",
        "uirevision": "map",
        "legend": LEGEND,
        # One unit is as long to the right as upwards, however wide the window, so that shapes are not stretched.
        "xaxis": {**AXIS, "range": [float(low[0]), float(high[0])], "scaleanchor": "y", "constrain": "range"},
        "yaxis": {**AXIS, "range": [float(low[1]), float(high[1])], "constrain": "range"},
    }
    return go.Figure(traces, layout)

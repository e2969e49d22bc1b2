"""Pictures from arrays: ECharts options for what moves, Plotly for the maps, Altair for the matrix.

Nothing here knows of runs, files or Streamlit. The same cluster has the same colour in every figure.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa

PALETTE = (
    "#2f6fb5",
    "#e8952a",
    "#12966f",
    "#dd99ff",
    "#00eecc",
    "#aa3322",
    "#446655",
    "#1199bb",
    "#aadd88",
    "#aa6600",
    "#774488",
    "#ffbb33",
    "#22cc99",
    "#7777dd",
    "#bbccff",
    "#99aacc",
    "#66aa99",
    "#cc6655",
    "#886688",
    "#aa88ee",
)
MAP_LIMIT = 20_000  # points that a browser still turns and zooms fluently, two maps side by side
CURVE_LIMIT = 500  # points of a curve; more cannot be told apart on a screen
LANDING_LIMIT = 3000  # points of the map behind the noise explorer, which is sent anew at every move
FILM_LIMIT = (
    2000  # points of the film's map, drawn anew twice a second while training wants the processor too
)
LEGEND_LIMIT = 20  # names of a legend; beyond it colours repeat anyway
LANDING_SYMBOLS = ("circle", "triangle", "rect", "diamond")  # one a sample
EARLY = 0.3  # share of a curve's width in which a mark's text has no room to its left
CHANCE_MI = 2 * np.log(2)  # where both mutual-information losses start
MUTED = "#8a94a3"  # lines, to be seen on white and on the dark theme alike; too pale for words on white
WORDS = {
    False: "#5b6675",
    True: "#98a2b0",
}  # of axes and legends, on white and on the dark ground: at least 4.5 : 1


def colour(index: int) -> str:
    """The colour of cluster or class number `index`; after 20 they repeat."""
    return PALETTE[int(index) % len(PALETTE)]


# Curves ---------------------------------------------------------------------------------------------------


def smooth(values: np.ndarray, amount: float) -> np.ndarray:
    """Exponential moving average over the finite values, (n,) -> (n,); amount 0 leaves them as they are.

    Divided by the sum of its weights, so that the first values are not pulled to zero.
    """
    values = np.asarray(values, float)
    if amount <= 0:
        return values
    result, total, weight = np.full(len(values), np.nan), 0.0, 0.0
    for i in np.flatnonzero(np.isfinite(values)):
        total = amount * total + (1 - amount) * values[i]
        weight = amount * weight + (1 - amount)
        result[i] = total / weight
    return result


def thin(frame: pd.DataFrame, limit: int = CURVE_LIMIT) -> pd.DataFrame:
    """At most `limit` rows: means over equal stretches; the last row stays as it is: the end is live."""
    if len(frame) <= limit:
        return frame
    stretch = np.arange(len(frame) - 1) * (limit - 1) // (len(frame) - 1)
    return pd.concat([frame.iloc[:-1].groupby(stretch).mean(), frame.iloc[-1:]], ignore_index=True)


def curve(
    columns: dict[str, np.ndarray],
    x: str,
    lines: dict[str, str],
    *,
    log=False,
    title="",
    level=None,
    bounds=None,
    marks=(),
) -> dict:
    """ECharts option of the columns `lines` (column -> colour) over column `x`, all arrays of one length.

    level: (value, text) of a dotted line across. bounds: (low, high) of the axis. marks: (x, text) of
    upright lines, or (x, text, colour) of solid ones; those before the first point stand at it. On a
    logarithmic axis, values that are not positive are left out rather than drawn wrong.
    """
    columns = {name: np.asarray(columns[name], float) for name in (x, *lines)}
    if log:
        columns |= {name: np.where(columns[name] > 0, columns[name], np.nan) for name in lines}
    axis = {"type": "log" if log else "value", "scale": True, "splitNumber": 3}
    if bounds:
        axis |= {"min": bounds[0], "max": bounds[1]}
    alone = len(columns[x]) == 1  # a line of one point would not be seen
    series = [_line(name, x, shade) | {"showSymbol": alone} for name, shade in lines.items()]
    extra = [{"yAxis": level[0], "name": level[1]}] if level else []
    inside = columns[x][[0, -1]] if len(columns[x]) else (0, 0)
    early = inside[0] + EARLY * (inside[1] - inside[0])
    extra += [_mark(max(at, inside[0]), at < early, *rest) for at, *rest in marks if at <= inside[1]]
    if extra and series:
        series[0]["markLine"] = _mark_lines(extra)
    return {
        "animation": False,
        "title": {"text": title, "textStyle": {"fontSize": 13, "fontWeight": 600}, "left": 0, "top": 4},
        "legend": {"show": len(lines) > 1, "right": 0, "top": 4, "itemHeight": 8, "itemWidth": 14},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.4g", "confine": True},
        "grid": {"left": 4, "right": 12, "top": 36, "bottom": 4, "containLabel": True},
        "dataset": {"source": _table(columns)},
        "xAxis": {
            "type": "value",
            "min": "dataMin",
            "max": "dataMax",
            "splitNumber": 3,
            **_quiet_axis(False, ends=False),
        },
        "yAxis": axis | _quiet_axis(True),
        "series": series,
    }


def _table(columns: dict) -> pa.Table:
    """An Arrow table, which goes to the browser as it is: ten times faster than by way of pandas."""
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def _line(name: str, x: str, shade: str) -> dict:
    return {
        "type": "line",
        "name": name,
        "encode": {"x": x, "y": name},
        "showSymbol": False,
        "connectNulls": True,
        "lineStyle": {"width": 1.8, "color": shade},
        "itemStyle": {"color": shade},
        "emphasis": {"disabled": True},
    }


def _mark(at: float, early: bool, text: str, shade: str | None = None) -> dict:
    """An upright line; the text of an early one stands to its right, clear of the axis, else to its left."""
    mark: dict = {"xAxis": float(at), "name": text}
    if early:
        mark["label"] = {"position": "insideEndBottom"}
    if shade:
        mark["lineStyle"] = {"color": shade, "type": "solid", "width": 1.2}
    return mark


def _mark_lines(places: list[dict]) -> dict:
    return {
        "silent": True,
        "symbol": "none",
        "animation": False,
        "data": places,
        "lineStyle": {"type": "dotted", "color": MUTED, "width": 1},
        "label": {"formatter": "{b}", "fontSize": 10, "position": "insideEndTop"},
    }


def _quiet_axis(grid_lines: bool, *, ends: bool | None = None) -> dict:
    """Ends False: no numbers at the two ends, where the data begin and stop between the round ones."""
    words = {"fontSize": 11, "hideOverlap": True, "showMinLabel": ends, "showMaxLabel": ends}
    return {
        "axisLabel": words,
        "axisLine": {"show": not grid_lines, "lineStyle": {"color": MUTED, "opacity": 0.4}},
        "axisTick": {"show": False},
        "splitLine": {"show": grid_lines, "lineStyle": {"color": MUTED, "opacity": 0.18}},
    }


def legible(option: dict, dark: bool) -> dict:
    """An ECharts option whose words have the contrast that reading takes, on white or on the dark ground."""
    words = {"color": WORDS[dark]}
    option = dict(option)
    for name in ("xAxis", "yAxis"):
        axis = option.get(name, {})
        option[name] = axis | {part: axis.get(part, {}) | words for part in ("axisLabel", "nameTextStyle")}
    if "legend" in option:
        option["legend"] = option["legend"] | {"textStyle": words}
    marked = [line for line in option.get("series", ()) if "markLine" in line]
    for line in marked:
        line["markLine"] = line["markLine"] | {"label": line["markLine"].get("label", {}) | words}
    return option


def bars(names: list[str], counts: np.ndarray, *, title="", first_colour: int | None = 0, most=None) -> dict:
    """ECharts option of one bar a name. first_colour None: all in one colour; else each in its cluster's.

    most: where the axis ends, for shares.
    """
    frame = _table({"name": [str(name) for name in names], "count": np.asarray(counts)})
    one = first_colour is None
    return {
        "animation": False,
        "color": [colour(0)] if one else [colour(first_colour + i) for i in range(max(len(frame), 1))],
        "title": {"text": title, "textStyle": {"fontSize": 13, "fontWeight": 600}, "left": 0, "top": 4},
        "tooltip": {"trigger": "item", "confine": True},
        "grid": {"left": 4, "right": 12, "top": 36 if title else 12, "bottom": 4, "containLabel": True},
        "dataset": {"source": frame},
        "xAxis": {"type": "category", **_quiet_axis(False)},
        "yAxis": {
            "type": "value",
            "splitNumber": 3,
            **({} if most is None else {"max": most}),
            **_quiet_axis(True),
        },
        "series": [
            {
                "type": "bar",
                "encode": {"x": "name", "y": "count"},
                "barMaxWidth": 44,
                "colorBy": "series" if one else "data",
                "itemStyle": {"borderRadius": [3, 3, 0, 0]},
            }
        ],
    }


# Maps -----------------------------------------------------------------------------------------------------


def drawn(count: int, limit: int = MAP_LIMIT, seed: int = 0) -> np.ndarray:
    """Which of `count` points to draw: all, or a seeded sample of `limit`, as sorted positions."""
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, limit, replace=False))


def point_size(count: int) -> float:
    """Marker size in pixels: large enough to be seen alone, small enough to show density."""
    return float(np.clip(9 - 1.6 * np.log10(max(count, 1)), 2.2, 7))


def group_map(points, groups, names: dict, hover, *, title="", colours: dict | None = None) -> go.Figure:
    """Scatter of `points` (n, 2) with one legend entry a group.

    groups: (n,) what each point belongs to. names: group -> text of the legend, in its order.
    hover: (n,) str.
    """
    points, groups, hover = np.asarray(points, np.float32), np.asarray(groups), np.asarray(hover, object)
    figure = go.Figure()
    for place, (group, name) in enumerate(names.items()):
        member = groups == group
        shade = (colours or {}).get(group) or colour(place)
        figure.add_trace(
            _points(
                points[member], hover[member], name=plain(name), marker={"color": shade}, total=len(points)
            )
        )
    return _map_layout(figure, title, points)


def value_map(points, values, hover, *, title="", name="", bounds=(0.0, 1.0)) -> go.Figure:
    """Scatter of `points` (n, 2) coloured by `values` (n,) on a scale that grows lighter evenly."""
    points = np.asarray(points, np.float32)
    order = np.argsort(-np.asarray(values), kind="stable")  # the unsure ones on top
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
    hover = np.asarray(hover, object)[order]
    figure = go.Figure(_points(points[order], hover, name=name, marker=marker, total=len(points)))
    return _map_layout(figure, title, points)


def _points(points, hover, *, name, marker, total) -> go.Scattergl:
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name=name,
        text=[plain(text) for text in hover],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": point_size(total), "opacity": 0.8 if total < 5000 else 0.6, **marker},
    )


def plain(text) -> str:
    """Plotly reads a little HTML in legends and hover texts: a file name must not become markup."""
    text = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\n", "<br>")


def _map_layout(figure: go.Figure, title: str, points: np.ndarray) -> go.Figure:
    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.ones(2))
    pad = (high - low) * 0.04 + 1e-6
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None}
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "x": 0, "xanchor": "left"},
        height=460,
        dragmode="pan",
        margin={"l": 0, "r": 0, "t": 34, "b": 0},
        hovermode="closest",
        uirevision="map",
        legend={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "x": 0,
            "itemsizing": "constant",
            "font": {"size": 11},
        },
        xaxis={**bare, "range": [float(low[0] - pad[0]), float(high[0] + pad[0])]},
        yaxis={**bare, "range": [float(low[1] - pad[1]), float(high[1] + pad[1])]},
    )
    return figure


def landing_map(points, groups, samples: list[dict], *, dark=False) -> dict:
    """ECharts option of a faint map `points` (n, 2), coloured by the cluster `groups` (n,), and what lands on it.

    samples: of each its "name", its own place "own" (2,) and "draws" (k, 2), the places of its noisy codes.
    """
    points, groups = np.asarray(points, float), np.asarray(groups)
    kinds = sorted(set(groups.tolist()))
    low, high = points.min(0), points.max(0)
    pad = (high - low) * 0.04 + 1e-6
    ink = "#f2f5f9" if dark else "#10161f"
    series: list[dict] = [
        {
            "type": "scatter",
            "encode": {"x": "x", "y": "y"},
            "symbolSize": 5,
            "silent": True,
            "itemStyle": {"opacity": 0.3},
            "tooltip": {"show": False},
            "z": 1,
        }
    ]
    for place, one in enumerate(samples):
        series += _landed(one, LANDING_SYMBOLS[place % len(LANDING_SYMBOLS)], ink)
    axis = {"type": "value", "show": False}
    return {
        "animation": False,
        "legend": {
            "show": True,
            "bottom": 0,
            "itemWidth": 12,
            "itemHeight": 10,
            "data": [s["name"] for s in samples],
        },
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{a}"},
        "grid": {"left": 4, "right": 4, "top": 4, "bottom": 30},
        "dataset": {"source": _table({"x": points[:, 0], "y": points[:, 1], "cluster": groups})},
        "visualMap": {
            "type": "piecewise",
            "show": False,
            "seriesIndex": 0,
            "dimension": 2,
            "categories": kinds,
            "inRange": {"color": [colour(kind) for kind in kinds]},
        },
        "xAxis": axis | {"min": float(low[0] - pad[0]), "max": float(high[0] + pad[0])},
        "yAxis": axis | {"min": float(low[1] - pad[1]), "max": float(high[1] + pad[1])},
        "series": series,
    }


def _landed(one: dict, symbol: str, ink: str) -> list[dict]:
    """The series of one sample: its draws, filled, and its own place, larger and open, in the same shape."""
    draws = np.round(np.asarray(one["draws"], float), 4).tolist()
    own = [np.round(np.asarray(one["own"], float), 4).tolist()]
    alike = {"type": "scatter", "name": one["name"], "symbol": symbol}
    return [
        {**alike, "data": draws, "symbolSize": 9, "z": 3, "itemStyle": {"color": ink, "opacity": 0.75}},
        {
            **alike,
            "data": own,
            "symbolSize": 20,
            "z": 4,
            "itemStyle": {"color": "transparent", "borderColor": ink, "borderWidth": 2.5},
        },
    ]


def film_map(points, groups, samples, names: dict[int, str], limits, *, title="", moving=False) -> dict:
    """ECharts option of one frame of the film: `points` (n, 2), coloured by `groups` (n,), in fixed axes.

    samples: (n,), which sample each point is. names: group -> text of the legend, in its order; -1 is grey. limits:
    (low, high), the ends of both axes, each (2,). moving: let the points wander from the frame before.
    """
    points, (low, high) = np.asarray(points, np.float32), limits
    shades = {group: MUTED if group < 0 else colour(group) for group in names}
    axis = {"type": "value", "show": False}
    columns = {
        "x": points[:, 0],
        "y": points[:, 1],
        "group": np.asarray(groups),
        "sample": np.asarray(samples),
    }
    legend = [
        {"type": "scatter", "name": str(name), "data": [], "itemStyle": {"color": shades[group]}}
        for group, name in (names.items() if len(names) <= LEGEND_LIMIT else ())
    ]
    return {
        "animation": moving,
        "animationDurationUpdate": 400,
        "animationDuration": 0,
        "title": {"text": title, "textStyle": {"fontSize": 13, "fontWeight": 600}, "left": 0, "top": 4},
        "legend": {
            "show": bool(legend),
            "type": "scroll",
            "selectedMode": False,
            "bottom": 0,
            "itemWidth": 9,
            "itemHeight": 9,
            "icon": "circle",
            "data": [one["name"] for one in legend],
        },
        "tooltip": {"trigger": "item", "confine": True, "formatter": "sample {@sample}"},
        "grid": {"left": 4, "right": 4, "top": 30, "bottom": 30},
        "dataset": {"source": _table(columns)},
        "visualMap": {
            "type": "piecewise",
            "show": False,
            "seriesIndex": 0,
            "dimension": 2,
            "categories": list(shades),
            "inRange": {"color": list(shades.values())},
        },
        "xAxis": axis | {"min": float(low[0]), "max": float(high[0])},
        "yAxis": axis | {"min": float(low[1]), "max": float(high[1])},
        "series": [
            {
                "type": "scatter",
                "id": "film",
                "encode": {"x": "x", "y": "y"},
                "itemStyle": {"opacity": 0.75},
                "symbolSize": point_size(len(points)) + 1.5,
                "emphasis": {"disabled": True},
            },
            *legend,
        ],
    }


# Confusion matrix -----------------------------------------------------------------------------------------


def confusion_chart(
    matrix, classes, clusters, *, shares=False, dark=False, row="class", column="cluster", chosen=None
) -> alt.LayerChart:
    """Altair rectangles of a (classes, clusters) count matrix, as ordered; shares: of each class, in %.

    A point selection named "cell" carries the row and the column that was clicked. chosen: how many samples of
    each cell are selected, like `matrix`; those cells are framed and say it, the others are dim.
    """
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    rows, columns = [str(name) for name in classes], [str(name) for name in clusters]
    frame = pd.DataFrame(
        {
            row: np.repeat(rows, len(columns)),
            column: np.tile(columns, len(rows)),
            "count": matrix.ravel(),
            "share": share.ravel(),
        }
    )
    frame["text"] = [
        f"{s:.0%}" if shares else f"{c:d}" for s, c in zip(frame["share"], frame["count"], strict=True)
    ]
    frame["selected"] = 0 if chosen is None else np.asarray(chosen).ravel()
    if chosen is not None:
        told = frame["selected"] > 0
        frame.loc[told, "text"] = [
            f"{part:d}/{whole:d}" for part, whole in frame.loc[told, ["selected", "count"]].to_numpy()
        ]
    frame.loc[frame["count"] == 0, "text"] = ""
    cell = alt.selection_point(name="cell", fields=[row, column], empty=False)
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{column}:N",
            sort=columns,
            title=column.capitalize(),
            axis=alt.Axis(labelAngle=0, orient="top", labelColor=WORDS[dark], titleColor=WORDS[dark]),
        ),
        y=alt.Y(
            f"{row}:N",
            sort=rows,
            title=row.capitalize(),
            axis=alt.Axis(labelColor=WORDS[dark], titleColor=WORDS[dark]),
        ),
    )
    told = [row, column, "count", alt.Tooltip("share:Q", format=".1%", title=f"share of the {row}")]
    squares = base.mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1]), legend=None),
        stroke=alt.condition("datum.selected > 0", alt.value(PALETTE[1]), alt.value("transparent")),
        opacity=alt.value(1)
        if chosen is None
        else alt.condition("datum.selected > 0", alt.value(1), alt.value(0.5)),
        tooltip=told if chosen is None else [*told, "selected"],
    )
    squares = squares.add_params(cell)
    if matrix.shape[1] > 30:
        return alt.layer(squares).properties(height=max(220, 26 * len(rows) + 60))
    # The scale grows darker on white and lighter on the dark theme, so the words turn the other way.
    strong, weak = ("#0b1018", "#e6eaf0") if dark else ("#ffffff", "#1b2430")
    ink = alt.condition("datum.share > 0.45", alt.value(strong), alt.value(weak))
    words = base.mark_text(fontSize=11).encode(text="text:N", color=ink)
    return alt.layer(squares, words).properties(height=max(220, 30 * len(rows) + 60))


# Images ---------------------------------------------------------------------------------------------------


def image_sheet(images, columns: int, *, tile: int = 56, gap: int = 4, band: str | None = None) -> np.ndarray:
    """`images` (n, C, H, W) in [0, 1] as one sheet of tiles, uint8 RGBA; the gaps are transparent.

    Small images are enlarged by whole pixels, so that an 8 x 8 digit stays what it is; of
    large ones every second, third, ... pixel is taken. band: a colour for a bar at the left edge.
    """
    images = np.clip(np.nan_to_num(np.asarray(images, np.float32)), 0, 1)
    count, channels, height, width = images.shape
    scale = max(tile // max(height, width), 1)
    skip = max(-(-max(height, width) // (2 * tile)), 1)
    images = images[:, :, ::skip, ::skip].repeat(scale, 2).repeat(scale, 3)
    height, width = images.shape[2:]
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for place, image in enumerate(images):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        colours = image.transpose(1, 2, 0) if channels == 3 else image[0][..., None].repeat(3, 2)
        sheet[top : top + height, left : left + width, :3] = np.round(colours * 255)
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet if band is None else np.concatenate([_bar(len(sheet), gap, band), sheet], axis=1)


def _bar(height: int, gap: int, shade: str) -> np.ndarray:
    bar = np.zeros((height, 3 * gap, 4), np.uint8)
    bar[:, : 2 * gap] = [*bytes.fromhex(shade[1:]), 255]
    return bar


def seeded_choice(count: int, size: int, seed: int) -> np.ndarray:
    """`size` of `count` positions, drawn by `seed` without repeats, in order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:size])

"""Line charts (ECharts) of what changes while training runs: loss curves, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsc_core.plots import echarts
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import MUTED

CURVE_LIMIT = 500  # points of a curve: a screen cannot show more
ROOM = 0.06  # share of a curve's width that the upright text of a mark takes: 15 pixels where a chart is narrowest
NEGLIGIBLE = 1e-17  # of a weight beside 1
TEXT_LIMIT = 24  # letters of the text of a mark, as many as a chart is high

X_AXIS: Option = {
    "type": "value",
    "min": "dataMin",
    "max": "dataMax",
    "splitNumber": 3,
    "axisPointer": {"label": {"precision": 0}},  # steps and epochs are whole numbers
    **echarts.quiet_axis(grid_lines=False, end_labels=False),
}
LABELS: dict[str, Option] = {
    "right": {"position": "insideEndBottom"},
    "left": {"position": "insideEndTop"},
    "": {"show": False},
}
Mark = tuple[float, str] | tuple[float, str, str]  # x, text[, colour]


def smooth(values: np.ndarray, amount: float) -> np.ndarray:
    """Exponential moving average over the finite values, (n,) -> (n,); amount 0 leaves them as they are.

    Divided by the sum of its weights, so that the first values are not pulled towards zero.
    """
    values = np.asarray(values, float)
    if amount <= 0:
        return values
    finite = np.isfinite(values)
    sums = values[finite]
    # Σ aʲ xᵢ₋ⱼ over twice as many values j in each pass, until aʲ is beyond the precision of a number.
    reach, share = 1, amount
    while reach < len(sums) and share > NEGLIGIBLE:
        sums = np.concatenate([sums[:reach], sums[reach:] + share * sums[:-reach]])
        reach, share = 2 * reach, share**2
    result = np.full(len(values), np.nan)
    result[finite] = sums * (1 - amount) / (1 - amount ** np.arange(1, len(sums) + 1))
    return result


def extremes(values: np.ndarray, limit: int = CURVE_LIMIT) -> np.ndarray:
    """The rows (m,), ascending, that a curve of `values` (n,) needs: about `limit` at most, all where n is less.

    Of each stretch of rows the lowest and the highest value, so that no spike is lost, and the first and the last row.
    The stretches have a power of two of rows: as a curve grows, they stay where they are, and it does not flicker.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    size = 1 << int(np.ceil(np.log2(2 * count / limit)))
    starts = np.arange(0, count, size)
    padded = np.pad(np.asarray(values, float), (0, len(starts) * size - count), mode="edge").reshape(-1, size)
    lowest = np.where(np.isfinite(padded), padded, np.inf).argmin(1)
    highest = np.where(np.isfinite(padded), padded, -np.inf).argmax(1)
    rows = np.concatenate([[0, count - 1], starts + lowest, starts + highest])
    return np.unique(np.minimum(rows, count - 1))


def curve(
    columns: Mapping[str, np.ndarray],
    x: str,
    lines: Mapping[str, str],
    *,
    log: bool = False,
    title: str = "",
    level: tuple[float, str] | None = None,
    bounds: tuple[float, float] | None = None,
    marks: Sequence[Mark] = (),
) -> Option:
    """ECharts option of the columns `lines` (column -> colour) over column `x`, all arrays of one length.

    level: (value, text) of a dotted horizontal line, whose text stands below the title. bounds: (low, high) of the
    vertical axis. marks: vertical lines, dotted, or solid where they have a colour; those before the first point are
    drawn at it. The text of a mark is left out where it would meet another mark. A logarithmic axis leaves out values
    that are not positive.
    """
    columns = {name: np.asarray(columns[name], float) for name in (x, *lines)}
    if log:
        columns |= {name: np.where(columns[name] > 0, columns[name], np.nan) for name in lines}
    single = len(columns[x]) == 1  # a line of one point would be invisible
    series = [_line(name, x, shade) | {"showSymbol": single} for name, shade in lines.items()]
    extra = [{"yAxis": level[0], "label": {"show": False}}] if level else []
    extra += _marks_in_range(columns[x], marks)
    if extra and series:
        series[0]["markLine"] = _mark_line(extra)
    return {
        "animation": False,
        "title": echarts.title(title, f"┈ {level[1]}" if level else ""),
        "legend": {"show": len(lines) > 1, "right": 0, "top": 4, "itemHeight": 8, "itemWidth": 14},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.4g", "confine": True},
        "grid": echarts.grid(top=54 if level else 36),
        "dataset": {"source": echarts.table(columns)},
        "xAxis": dict(X_AXIS),
        "yAxis": _y_axis(log, bounds),
        "series": series,
    }


def _y_axis(log: bool, bounds: tuple[float, float] | None) -> Option:
    limits = dict(zip(("min", "max"), bounds, strict=True)) if bounds else {}
    kind = "log" if log else "value"
    return {"type": kind, "scale": True, "splitNumber": 3, **limits, **echarts.quiet_axis(grid_lines=True)}


def _line(name: str, x: str, shade: str) -> Option:
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


def _marks_in_range(x: np.ndarray, marks: Sequence[Mark]) -> list[Option]:
    """The vertical lines of the marks up to the last point, from left to right."""
    first, last = (float(x[0]), float(x[-1])) if len(x) else (0.0, 0.0)
    shown = sorted((mark for mark in marks if mark[0] <= last), key=lambda mark: mark[0])
    places = [max(mark[0], first) for mark in shown]
    sides = text_sides([(at - first) / max(last - first, 1e-9) for at in places])
    return [
        _mark(at, side, mark[1], mark[2] if len(mark) == 3 else None)
        for at, side, mark in zip(places, sides, shown, strict=True)
    ]


def text_sides(positions: Sequence[float]) -> list[str]:
    """On which side of each mark its text stands: "right", "left", or "" where there is no room.

    positions: of the marks, ascending, as shares of the width of the curve. No text reaches over another mark, over
    another text, or out of the curve.
    """
    sides: list[str] = []
    taken = 0.0  # up to here lies the text of the mark before
    for i, at in enumerate(positions):
        after = positions[i + 1] if i + 1 < len(positions) else 1.0
        if after - at >= ROOM:
            sides.append("right")
        else:
            sides.append("left" if at - taken >= ROOM else "")
        taken = at + ROOM if sides[-1] == "right" else at
    return sides


def _mark(at: float, side: str, text: str, shade: str | None = None) -> Option:
    """A vertical line; its text stands upright on one of its sides, if there is room."""
    text = text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"
    mark: Option = {"xAxis": float(at), "name": text, "label": LABELS[side]}
    if shade:
        mark["lineStyle"] = {"color": shade, "type": "solid", "width": 1.2}
    return mark


def _mark_line(lines: list[Option]) -> Option:
    return {
        "silent": True,
        "symbol": "none",
        "animation": False,
        "data": lines,
        "lineStyle": {"type": "dotted", "color": MUTED, "width": 1},
        "label": {"formatter": "{b}", "fontSize": 10, "position": "insideEndTop"},
    }

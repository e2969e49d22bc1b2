"""Parts that all ECharts options share: title, axes, data, contrast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dsc_core.plots.palette import MUTED, TEXT

Option = dict[str, Any]  # an ECharts option or a part of one
FONT_SIZE = 11  # of axes


def title(text: str, below: str = "") -> Option:
    """The title of a chart, upper left. below: a smaller line."""
    main = {"text": text, "textStyle": {"fontSize": 13, "fontWeight": 600}, "left": 0, "top": 4}
    return main | ({"subtext": below, "subtextStyle": {"fontSize": 10}, "itemGap": 7} if below else {})


def grid(*, left: int = 4, right: int = 12, top: int = 12, bottom: int = 4, labels: bool = True) -> Option:
    """Margins around the plot, in pixels. labels: leave room for the axis labels besides."""
    return {"left": left, "right": right, "top": top, "bottom": bottom, "containLabel": labels}


def table(columns: Mapping[str, Any]) -> pa.Table:
    """An Arrow table, which is sent to the browser as it is: ten times faster than through pandas."""
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def quiet_axis(*, grid_lines: bool, end_labels: bool | None = None) -> Option:
    """The style of an axis. end_labels False: no labels at the ends of the data, which are rarely round numbers."""
    return {
        "axisLabel": {
            "fontSize": FONT_SIZE,
            "hideOverlap": True,
            "showMinLabel": end_labels,
            "showMaxLabel": end_labels,
        },
        "axisLine": {"show": not grid_lines, "lineStyle": {"color": MUTED, "opacity": 0.4}},
        "axisTick": {"show": False},
        "splitLine": {"show": grid_lines, "lineStyle": {"color": MUTED, "opacity": 0.18}},
    }


def hidden_axis(low: float, high: float) -> Option:
    """A value axis from `low` to `high` that is not drawn."""
    return {"type": "value", "show": False, "min": float(low), "max": float(high)}


def colours_by_group(shades: Mapping[Any, str]) -> Option:
    """Colours the points of the first series by the data's third column. shades: group -> colour."""
    return {
        "type": "piecewise",
        "show": False,
        "seriesIndex": 0,
        "dimension": 2,
        "categories": list(shades),
        "inRange": {"color": list(shades.values())},
    }


def legible(option: Option, dark: bool) -> Option:
    """A copy of an option whose text contrasts enough with the light or the dark theme."""
    text = {"color": TEXT[dark]}
    option = dict(option)
    for name in ("xAxis", "yAxis"):
        axis = option.get(name, {})
        option[name] = axis | {part: axis.get(part, {}) | text for part in ("axisLabel", "nameTextStyle")}
    if "subtextStyle" in option.get("title", {}):
        option["title"] = option["title"] | {"subtextStyle": option["title"]["subtextStyle"] | text}
    if "legend" in option:
        option["legend"] = option["legend"] | {"textStyle": text}
    for series in option.get("series", ()):
        if "markLine" in series:
            series["markLine"] = series["markLine"] | {"label": series["markLine"].get("label", {}) | text}
    return option

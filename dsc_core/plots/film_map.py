"""A frame of the film of the latent map (ECharts)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsc_core.plots import echarts, maps
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import MUTED, colour

FILM_LIMIT = 2000  # points: a frame is drawn twice per second while training needs the processor too
SIDE = 340  # pixels of the map, which fits into the narrowest window; the legend is below it
LEGEND_LIMIT = 20  # names; colours repeat beyond it


def film_map(
    points: np.ndarray,
    groups: np.ndarray,
    samples: np.ndarray,
    names: Mapping[int, str],
    limits: tuple[np.ndarray, np.ndarray],
    *,
    title: str = "",
    moving: bool = False,
) -> Option:
    """ECharts option of one frame of the film: `points` (n, 2), coloured by `groups` (n,), on fixed axes.

    samples: (n,), the number of each point's sample. names: group -> legend text, in the order of the legend; group -1
    is grey. limits: (low, high), the ends of both axes, each (2,). moving: animate from the frame before.
    """
    points, (low, high) = np.asarray(points, np.float32), maps.square(*limits)
    shades = {group: MUTED if group < 0 else colour(group) for group in names}
    columns = {
        "x": points[:, 0],
        "y": points[:, 1],
        "group": np.asarray(groups),
        "sample": np.asarray(samples),
    }
    listed = names if len(names) <= LEGEND_LIMIT else {}
    entries = [_legend_entry(str(name), shades[group]) for group, name in listed.items()]
    scatter: Option = {
        "type": "scatter",
        "id": "film",
        "encode": {"x": "x", "y": "y"},
        "itemStyle": {"opacity": 0.75},
        "symbolSize": maps.point_size(len(points)) + 1.5,
        "emphasis": {"disabled": True},
    }
    return {
        "animation": moving,
        "animationDurationUpdate": 400,
        "animationDuration": 0,
        "title": echarts.title(title),
        "legend": _legend([entry["name"] for entry in entries]),
        "tooltip": {"trigger": "item", "confine": True, "formatter": "sample {@sample}"},
        # Square, as its limits are: one unit is as long to the right as upwards.
        "grid": {"width": SIDE, "height": SIDE, "left": "center", "top": 34},
        "dataset": {"source": echarts.table(columns)},
        "visualMap": echarts.colours_by_group(shades),
        "xAxis": echarts.hidden_axis(low[0], high[0]),
        "yAxis": echarts.hidden_axis(low[1], high[1]),
        "series": [scatter, *entries],
    }


def _legend_entry(name: str, shade: str) -> Option:
    """An empty series: the points are one series, so each group needs its own for the legend."""
    return {"type": "scatter", "name": name, "data": [], "itemStyle": {"color": shade}}


def _legend(names: list[str]) -> Option:
    return {
        "show": bool(names),
        "type": "scroll",
        "selectedMode": False,
        "bottom": 0,
        "itemWidth": 9,
        "itemHeight": 9,
        "icon": "circle",
        "data": names,
    }

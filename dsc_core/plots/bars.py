"""Bar charts (ECharts): cluster sizes, probabilities, shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsc_core.plots import echarts
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import colour


def bars(
    names: Sequence[str],
    values: np.ndarray | Sequence[float],
    *,
    title: str = "",
    first_colour: int | None = 0,
    clusters: Sequence[int] | None = None,
    maximum: float | None = None,
) -> Option:
    """ECharts option of one bar per name.

    first_colour: the first bar's number in the palette, the next bars follow; None draws all bars in one colour.
    clusters: the number in the palette of each bar, in place of these.
    maximum: the end of the axis, for shares.
    """
    single_colour = first_colour is None and clusters is None
    if clusters is None:
        count = len(names) or 1
        clusters = [0] if first_colour is None else range(first_colour, first_colour + count)
    shades = [colour(cluster) for cluster in clusters]
    axis_end = {} if maximum is None else {"max": maximum}
    return {
        "animation": False,
        "color": shades,
        "title": echarts.title(title),
        "tooltip": {"trigger": "item", "confine": True},
        "grid": echarts.grid(top=36 if title else 12),
        "dataset": {"source": echarts.table({"name": list(map(str, names)), "count": np.asarray(values)})},
        "xAxis": {"type": "category", **echarts.quiet_axis(grid_lines=False)},
        "yAxis": {"type": "value", "splitNumber": 3, **axis_end, **echarts.quiet_axis(grid_lines=True)},
        "series": [
            {
                "type": "bar",
                "encode": {"x": "name", "y": "count"},
                "barMaxWidth": 44,
                "colorBy": "series" if single_colour else "data",
                "itemStyle": {"borderRadius": [3, 3, 0, 0]},
            }
        ],
    }

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
    maximum: float | None = None,
) -> Option:
    """ECharts option of one bar per name.

    first_colour: the first bar's number in the palette, the next bars follow; None draws all bars in one colour.
    maximum: the end of the axis, for shares.
    """
    single_colour = first_colour is None
    shades = (
        [colour(0)] if first_colour is None else [colour(first_colour + i) for i in range(len(names) or 1)]
    )
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

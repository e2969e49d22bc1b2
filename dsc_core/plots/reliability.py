"""The reliability diagram (ECharts): how often samples of each confidence are correct."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dsc_core.plots import echarts
from dsc_core.plots.echarts import FONT_SIZE, Option
from dsc_core.plots.palette import MUTED, PALETTE


def reliability_diagram(
    edges: np.ndarray, confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray
) -> Option:
    """The share of correct samples in each bin of confidence, beside the mean confidence of the bin.

    edges: (bins + 1,). The others: (bins,). Empty bins show nothing.
    """
    text = {"fontSize": FONT_SIZE}
    style = {"axisTick": {"show": False}, "axisLabel": text, "nameTextStyle": text}
    return {
        "animation": False,
        "legend": {"show": True, "top": 0, "right": 0, "itemHeight": 8, "itemWidth": 14},
        "tooltip": {"trigger": "axis", "confine": True},
        "grid": echarts.grid(right=8, top=30, bottom=20),
        "xAxis": {
            "type": "category",
            "data": [f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges)],
            "name": "Confidence",
            "nameLocation": "middle",
            "nameGap": 28,
            **style,
            "axisLine": {"lineStyle": {"color": MUTED, "opacity": 0.4}},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 1,
            "interval": 0.25,
            **style,
            "splitLine": {"lineStyle": {"color": MUTED, "opacity": 0.18}},
        },
        "series": [_bars(_of_bins(accuracy, counts)), _line(_of_bins(confidence, counts))],
    }


def _of_bins(values: np.ndarray, counts: np.ndarray) -> list[float | None]:
    """A value per bin, None for empty bins."""
    return [round(float(value), 4) if count else None for value, count in zip(values, counts, strict=True)]


def _bars(values: Sequence[float | None]) -> Option:
    return {
        "type": "bar",
        "name": "accuracy",
        "data": values,
        "barMaxWidth": 44,
        "itemStyle": {"color": PALETTE[0], "borderRadius": [3, 3, 0, 0]},
    }


def _line(values: Sequence[float | None]) -> Option:
    return {
        "type": "line",
        "name": "mean confidence",
        "data": values,
        "symbol": "diamond",
        "symbolSize": 10,
        "connectNulls": True,
        "lineStyle": {"color": PALETTE[1], "type": "dotted"},
        "itemStyle": {"color": PALETTE[1]},
    }

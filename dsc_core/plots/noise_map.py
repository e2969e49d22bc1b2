"""The map of the noise explorer (ECharts): where the noisy codes of a few samples lie on the latent map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from dsc_core.plots import echarts, maps
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import colour

NOISE_MAP_LIMIT = 3000  # points of the map, which is sent anew at every move of the slider
SIDE = 300  # pixels of the map; the legend is below it
SYMBOLS = ("circle", "triangle", "rect", "diamond")  # one per sample
INK = {False: "#10161f", True: "#f2f5f9"}  # by "is the theme dark"


class NoisySample(TypedDict):
    """A sample on the map. name: legend text. own: (2,), its position. draws: (k, 2), those of its noisy codes."""

    name: str
    own: np.ndarray
    draws: np.ndarray


def noise_map(
    points: np.ndarray, groups: np.ndarray, samples: Sequence[NoisySample], *, dark: bool = False
) -> Option:
    """ECharts option of `samples` and their noisy codes over a faint map, `points` (n, 2) coloured by `groups` (n,)."""
    points, groups = np.asarray(points, float), np.asarray(groups)
    low, high = maps.square(*maps.limits(points))
    background: Option = {
        "type": "scatter",
        "encode": {"x": "x", "y": "y"},
        "symbolSize": 5,
        "silent": True,
        "itemStyle": {"opacity": 0.3},
        "tooltip": {"show": False},
        "z": 1,
    }
    series = [background]
    for i, sample in enumerate(samples):
        series += _sample_series(sample, SYMBOLS[i % len(SYMBOLS)], INK[dark])
    names = [sample["name"] for sample in samples]
    return {
        "animation": False,
        "legend": {"show": True, "bottom": 0, "itemWidth": 12, "itemHeight": 10, "data": names},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{a}"},
        # Square, as its limits are: one unit is as long to the right as upwards.
        "grid": {"width": SIDE, "height": SIDE, "left": "center", "top": 4},
        "dataset": {"source": echarts.table({"x": points[:, 0], "y": points[:, 1], "cluster": groups})},
        "visualMap": echarts.colours_by_group({group: colour(group) for group in np.unique(groups).tolist()}),
        "xAxis": echarts.hidden_axis(low[0], high[0]),
        "yAxis": echarts.hidden_axis(low[1], high[1]),
        "series": series,
    }


def _sample_series(sample: NoisySample, symbol: str, ink: str) -> list[Option]:
    """The series of one sample: its noisy codes, filled, and its own position, larger and open, in the same shape."""
    shared: dict[str, Any] = {"type": "scatter", "name": sample["name"], "symbol": symbol}
    open_symbol = {"color": "transparent", "borderColor": ink, "borderWidth": 2.5}
    return [
        shared
        | {
            "data": _rounded(sample["draws"]),
            "symbolSize": 9,
            "z": 3,
            "itemStyle": {"color": ink, "opacity": 0.75},
        },
        shared | {"data": [_rounded(sample["own"])], "symbolSize": 20, "z": 4, "itemStyle": open_symbol},
    ]


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(np.asarray(values, float), 4).tolist()

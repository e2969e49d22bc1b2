"""Charts of the questions that are asked of a result: ECharts options from arrays, in the style of `figures`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dsc_core.plots import interactive
from dsc_core.plots.interactive import MUTED, PALETTE, colour

MARKED = PALETTE[1]
RIGHT, SURE = colour(0), PALETTE[1]


def eigenvalues(values: np.ndarray, best: int | None, present: int) -> dict:
    """The eigenvalues (m,) by their rank, with the largest gap after rank `best` marked, and the run's own K."""
    columns = {"clusters": np.arange(1, len(values) + 1), "eigenvalue": values}
    option = interactive.curve(
        columns,
        "clusters",
        {"eigenvalue": colour(0)},
        title="Eigenvalues of the graph",
        marks=marks_of(best and best + 0.5, f"gap after {best}", present),
    )
    return dotted(option)


def marks_of(at: float | None, text: str, present: int) -> list[tuple]:
    """The upright lines: what a figure favours, and the K of the run, one line where they are the same."""
    own = (present, "this run")
    if not at:
        return [own]
    if at == present:
        return [(at, f"{text}, this run", MARKED)]
    return [own, (at, text, MARKED)]


def by_clusters(
    numbers: list[int], lines: dict[str, tuple[list, str]], best, present: int, title: str, bounds=None
) -> dict:
    """Curves over the number of clusters. lines: name -> (a value for each number or None, colour)."""
    columns = {"clusters": np.array(numbers, dtype=float)}
    columns |= {name: np.array(values, dtype=float) for name, (values, _) in lines.items()}
    shades = {name: shade for name, (_, shade) in lines.items()}
    marks = marks_of(best, f"best at {best}", present)
    return dotted(interactive.curve(columns, "clusters", shades, title=title, marks=marks, bounds=bounds))


def dotted(option: dict) -> dict:
    """The curves of an option with a dot at each of their points, and whole numbers along the bottom."""
    for line in option["series"]:
        line |= {"showSymbol": True, "symbol": "circle", "symbolSize": 6}
    for mark in option["series"][0].get("markLine", {}).get("data", ()):
        # What is favoured is written above its line, the run's own K along the foot of its own: no two texts meet.
        place = {"position": "end", "rotate": 0} if "lineStyle" in mark else {"position": "insideStartTop"}
        mark["label"] = place
    option["xAxis"] |= {"minInterval": 1, "splitNumber": 8}
    option["grid"] |= {"top": 52, "right": 20}
    return option


def reliability(edges, confidence, accuracy, counts) -> dict:
    """The reliability diagram: in each bin of confidence the share that is right, beside the mean confidence.

    edges: (bins + 1,). The others: (bins,); empty bins are left empty.
    """
    names = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges)]
    right = [None if not n else round(float(v), 4) for v, n in zip(accuracy, counts, strict=True)]
    sure = [None if not n else round(float(v), 4) for v, n in zip(confidence, counts, strict=True)]
    words = {"fontSize": 11}
    quiet = {"axisTick": {"show": False}, "axisLabel": words, "nameTextStyle": words}
    return {
        "animation": False,
        "legend": {"show": True, "top": 0, "right": 0, "itemHeight": 8, "itemWidth": 14},
        "tooltip": {"trigger": "axis", "confine": True},
        "grid": {"left": 4, "right": 8, "top": 30, "bottom": 20, "containLabel": True},
        "xAxis": {
            "type": "category",
            "data": names,
            "name": "confidence",
            "nameLocation": "middle",
            "nameGap": 28,
            **quiet,
            "axisLine": {"lineStyle": {"color": MUTED, "opacity": 0.4}},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 1,
            "interval": 0.25,
            **quiet,
            "splitLine": {"lineStyle": {"color": MUTED, "opacity": 0.18}},
        },
        "series": [
            {
                "type": "bar",
                "name": "share that is right",
                "data": right,
                "barMaxWidth": 44,
                "itemStyle": {"color": RIGHT, "borderRadius": [3, 3, 0, 0]},
            },
            {
                "type": "line",
                "name": "mean confidence",
                "data": sure,
                "symbol": "diamond",
                "symbolSize": 10,
                "connectNulls": True,
                "lineStyle": {"color": SURE, "type": "dotted"},
                "itemStyle": {"color": SURE},
            },
        ],
    }

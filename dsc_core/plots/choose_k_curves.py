"""Curves over the number of clusters (ECharts), for choosing K."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.plots.curves import Mark, curve
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import MUTED, PALETTE, colour

if TYPE_CHECKING:
    from dsc_core.analysis.cluster_marks import Marks

AGREEMENT, JUMP = "agreement of subsets (nats)", "cost jump (doublings)"
BEST = PALETTE[1]  # colour of the mark of the best K


def eigenvalue_curve(eigenvalues: np.ndarray, best: int | None, current: int) -> Option:
    """The eigenvalues (m,) by rank; marked are the largest gap, after rank `best`, and the K of the run."""
    columns = {"clusters": np.arange(1, len(eigenvalues) + 1), "eigenvalue": np.asarray(eigenvalues)}
    marks = _marks(best and best + 0.5, f"gap after {best}", current)
    title = "Eigenvalues of the graph"
    return _with_dots(curve(columns, "clusters", {"eigenvalue": colour(0)}, title=title, marks=marks))


def curve_by_clusters(
    numbers: Sequence[int],
    lines: Mapping[str, tuple[Sequence[float | None], str]],
    best: int | None,
    current: int,
    title: str,
    bounds: tuple[float, float] | None = None,
) -> Option:
    """Curves over the numbers of clusters; marked are the best K and the K of the run.

    lines: name -> (one value per number, None where it is undefined; colour).
    """
    columns = {"clusters": np.array(numbers, dtype=float)}
    columns |= {name: np.array(values, dtype=float) for name, (values, _) in lines.items()}
    shades = {name: shade for name, (_, shade) in lines.items()}
    marks = _marks(best, f"best at {best}", current)
    return _with_dots(curve(columns, "clusters", shades, title=title, marks=marks, bounds=bounds))


def marks_chart(marks: Marks, chosen: int, own: int) -> Option:
    """What subsets agree on and the cost jump by the number of clusters; marked are the best, the chosen and the run's.

    The best by agreement; chosen, own: numbers of clusters of the cut and of the run.
    """
    numbers = marks.numbers.astype(float)
    columns = {"clusters": numbers, AGREEMENT: marks.agreement, JUMP: np.log2(np.maximum(marks.jump, 1e-3))}
    best = marks.best
    lines: dict[int, list[str]] = {own: ["this run"]}
    lines.setdefault(chosen, []).append("cut")
    if best is not None:
        lines.setdefault(best, []).append("best")
    shown = [
        (number, ", ".join(words), BEST) if "cut" in words else (number, ", ".join(words))
        for number, words in lines.items()
    ]
    shades = {AGREEMENT: colour(0), JUMP: PALETTE[2]}
    option = curve(columns, "clusters", shades, title="Marks", marks=shown)
    for line, dotted in zip(option["series"], (marks.agreed, marks.jumps), strict=True):
        line["showSymbol"] = False
        line["markPoint"] = {
            "symbol": "circle",
            "symbolSize": 9,
            "label": {"show": True, "position": "top", "formatter": "{b}", "fontSize": 10, "color": MUTED},
            "data": [
                {"name": str(number), "coord": [number, float(columns[line["name"]][number - 2])]}
                for number in dotted
            ],
        }
    option["xAxis"] |= {"minInterval": 1, "splitNumber": 8}
    option["grid"] |= {"top": 52, "right": 20}
    return option


def _marks(at: float | None, text: str, current: int) -> list[Mark]:
    """Vertical lines at the best K and at the K of the run; one line where they are the same."""
    own = (current, "this run")
    if not at:
        return [own]
    if at == current:
        return [(at, f"{text}, this run", BEST)]
    return [own, (at, text, BEST)]


def _with_dots(option: Option) -> Option:
    """The curves with a dot at each point, and whole numbers on the horizontal axis."""
    for line in option["series"]:
        line |= {"showSymbol": True, "symbol": "circle", "symbolSize": 6}
    for mark in option["series"][0].get("markLine", {}).get("data", ()):
        # The best K is labelled above its line, the K of the run at the bottom of its own: the labels never overlap.
        is_best = "lineStyle" in mark
        mark["label"] = {"position": "end", "rotate": 0} if is_best else {"position": "insideStartTop"}
    option["xAxis"] |= {"minInterval": 1, "splitNumber": 8}
    option["grid"] |= {"top": 52, "right": 20}
    return option

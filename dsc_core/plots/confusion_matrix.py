"""The confusion matrix (Vega-Lite), whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from dsc_core.plots.palette import PALETTE, TEXT

MOST_LABELLED = 30  # columns; with more, the cells are too narrow for numbers
SELECTED = "datum.selected > 0"
Spec = dict[str, Any]  # a Vega-Lite specification or a part of one


def confusion_chart(
    matrix: np.ndarray,
    classes: Sequence[Any],
    clusters: Sequence[Any],
    *,
    shares: bool = False,
    dark: bool = False,
    row: str = "class",
    column: str = "cluster",
    selected: np.ndarray | None = None,
) -> Spec:
    """Rectangles of a (classes, clusters) count matrix, in the given order; shares: percentages of each class.

    A Vega-Lite specification with its data, an Arrow table of one row per cell. A point selection named "cell" carries
    the row and the column of the clicked cell. selected: the number of selected samples in each cell, shaped like
    `matrix`; those cells are framed and show it, the others are dimmed.
    """
    matrix, names = np.asarray(matrix), (row, column)
    rows, columns = [str(name) for name in classes], [str(name) for name in clusters]
    layers = [_squares(names, selected is not None)]
    labelled = len(columns) <= MOST_LABELLED
    if labelled:
        layers.append(_numbers(dark))
    axis = {"labelColor": TEXT[dark], "titleColor": TEXT[dark]}
    return {
        "data": _cells(matrix, rows, columns, names, shares, selected),
        "height": max(220, (30 if labelled else 26) * len(rows) + 60),
        "encoding": {
            "x": _place(column, columns, {**axis, "labelAngle": 0, "orient": "top"}),
            "y": _place(row, rows, axis),
        },
        "layer": layers,
    }


def _place(name: str, order: list[str], axis: Spec) -> Spec:
    """One of the two places of a cell."""
    return {"field": name, "type": "nominal", "sort": order, "title": name.capitalize(), "axis": axis}


def _squares(names: tuple[str, str], partly: bool) -> Spec:
    """The cells, which can be clicked; partly: some samples are selected."""
    tooltip: list[Spec] = [{"field": name, "type": "nominal"} for name in names]
    share: Spec = {"field": "share", "type": "quantitative"}
    tooltip += [
        {"field": "count", "type": "quantitative"},
        {**share, "format": ".1%", "title": f"share of the {names[0]}"},
    ]
    opacity: Spec = {"value": 1}
    if partly:
        tooltip.append({"field": "selected", "type": "quantitative"})
        opacity = {"condition": {"test": SELECTED, "value": 1}, "value": 0.5}
    return {
        "mark": {"type": "rect", "cornerRadius": 3, "stroke": "transparent", "strokeWidth": 2},
        "encoding": {
            "color": {**share, "scale": {"domain": [0, 1]}, "legend": None},
            "stroke": {"condition": {"test": SELECTED, "value": PALETTE[1]}, "value": "transparent"},
            "opacity": opacity,
            "tooltip": tooltip,
        },
        "params": [{"name": "cell", "select": {"type": "point", "fields": list(names)}}],
    }


def _numbers(dark: bool) -> Spec:
    """The texts of the cells."""
    # The scale grows darker on the light theme and lighter on the dark one; the text contrasts with it.
    strong, weak = ("#0b1018", "#e6eaf0") if dark else ("#ffffff", "#1b2430")
    ink = {"condition": {"test": "datum.share > 0.45", "value": strong}, "value": weak}
    return {
        "mark": {"type": "text", "fontSize": 11},
        "encoding": {"text": {"field": "text", "type": "nominal"}, "color": ink},
    }


def _cells(
    matrix: np.ndarray,
    rows: list[str],
    columns: list[str],
    names: tuple[str, str],
    shares: bool,
    selected: np.ndarray | None,
) -> pa.Table:
    """One line per cell: its row and column (called `names`), count, share of the row, selected samples and text."""
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    picked = np.zeros_like(matrix) if selected is None else np.asarray(selected)
    cells = zip(matrix.ravel().tolist(), share.ravel().tolist(), picked.ravel().tolist(), strict=True)
    return pa.table(
        {
            names[0]: np.repeat(rows, len(columns)),
            names[1]: np.tile(columns, len(rows)),
            "count": matrix.ravel(),
            "share": share.ravel(),
            "selected": picked.ravel(),
            "text": [_text(*cell, shares) for cell in cells],
        }
    )


def _text(count: int, share: float, selected: int, shares: bool) -> str:
    """The text of a cell: count or share, "3/12" where 3 of 12 samples are selected, nothing in empty cells."""
    if not count:
        return ""
    if selected > 0:
        return f"{selected}/{count}"
    return f"{share:.0%}" if shares else f"{count}"

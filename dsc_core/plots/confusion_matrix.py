"""The confusion matrix (Altair), whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dsc_core.plots.palette import PALETTE, TEXT

MOST_LABELLED = 30  # columns; with more, the cells are too narrow for numbers
SELECTED = "datum.selected > 0"


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
) -> alt.LayerChart | alt.FacetChart:
    """Altair rectangles of a (classes, clusters) count matrix, in the given order; shares: percentages of each class.

    A point selection named "cell" carries the row and the column of the clicked cell. selected: the number of selected
    samples in each cell, shaped like `matrix`; those cells are framed and show it, the others are dimmed.
    """
    matrix = np.asarray(matrix)
    rows, columns = [str(name) for name in classes], [str(name) for name in clusters]
    names = [row, column]
    frame = _cells(matrix, rows, columns, names, selected)
    frame["text"] = _cell_texts(frame, shares, selected is not None)
    text: dict[str, Any] = {"labelColor": TEXT[dark], "titleColor": TEXT[dark]}
    above = alt.Axis(labelAngle=0, orient="top", **text)
    base = alt.Chart(frame).encode(
        x=alt.X(f"{column}:N", sort=columns, title=column.capitalize(), axis=above),
        y=alt.Y(f"{row}:N", sort=rows, title=row.capitalize(), axis=alt.Axis(**text)),
    )
    squares = _squares(base, names, selected is not None)
    if len(columns) > MOST_LABELLED:
        return alt.layer(squares).properties(height=max(220, 26 * len(rows) + 60))
    # The scale grows darker on the light theme and lighter on the dark one; the text contrasts with it.
    strong, weak = ("#0b1018", "#e6eaf0") if dark else ("#ffffff", "#1b2430")
    ink = alt.condition("datum.share > 0.45", alt.value(strong), alt.value(weak))
    numbers = base.mark_text(fontSize=11).encode(text="text:N", color=ink)
    return alt.layer(squares, numbers).properties(height=max(220, 30 * len(rows) + 60))


def _squares(base: alt.Chart, names: list[str], partly: bool) -> alt.Chart:
    """The cells, which can be clicked; partly: some samples are selected."""
    tooltip = [*names, "count", alt.Tooltip("share:Q", format=".1%", title=f"share of the {names[0]}")]
    squares = base.mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1]), legend=None),
        stroke=alt.condition(SELECTED, alt.value(PALETTE[1]), alt.value("transparent")),
        opacity=alt.condition(SELECTED, alt.value(1), alt.value(0.5)) if partly else alt.value(1),
        tooltip=[*tooltip, "selected"] if partly else tooltip,
    )
    return squares.add_params(alt.selection_point(name="cell", fields=names, empty=False))


def _cells(
    matrix: np.ndarray, rows: list[str], columns: list[str], names: list[str], selected: np.ndarray | None
) -> pd.DataFrame:
    """One line per cell: its row and column (called `names`), count, share of the row and selected samples."""
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return pd.DataFrame(
        {
            names[0]: np.repeat(rows, len(columns)),
            names[1]: np.tile(columns, len(rows)),
            "count": matrix.ravel(),
            "share": share.ravel(),
            "selected": 0 if selected is None else np.asarray(selected).ravel(),
        }
    )


def _cell_texts(frame: pd.DataFrame, shares: bool, partly: bool) -> list[str]:
    """The text of each cell: count or share, "3/12" where 3 of 12 samples are selected, nothing in empty cells."""
    texts = []
    for count, share, selected in frame[["count", "share", "selected"]].itertuples(index=False):
        if partly and selected > 0:
            text = f"{selected:d}/{count:d}"
        else:
            text = f"{share:.0%}" if shares else f"{count:d}"
        texts.append(text if count else "")
    return texts

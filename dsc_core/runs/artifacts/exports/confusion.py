"""Export "confusion": the confusion matrix of labels and clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsc_core.errors import InputError
from dsc_core.plots import static
from dsc_core.plots.maps import escape
from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.exports.page import write_figures, write_picture


def write(context: Context) -> None:
    """Rows are labels, columns clusters."""
    confusion = context.edited_results.confusion
    if confusion is None:
        raise InputError(f"The run '{context.run.name}' has no labels, so there is no confusion matrix.")
    matrix, labels, clusters = confusion
    titles = [context.edited.title(cluster) for cluster in clusters]
    if context.suffix == ".html":
        write_figures(context, [_heatmap(matrix, labels, titles)])
    else:
        write_picture(context, static.still_confusion(matrix, labels, titles))


def _heatmap(matrix: np.ndarray, labels: list[Any], clusters: list[str]) -> Any:
    """The Plotly figure of counts (rows, columns), coloured by their share of the row."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Heatmap(
            z=matrix / np.maximum(matrix.sum(1, keepdims=True), 1),
            customdata=matrix,
            x=[escape(name) for name in clusters],
            y=[escape(name) for name in labels],
            text=matrix,
            texttemplate="%{text:,}",
            colorscale="Blues",
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            hovertemplate="label %{y}, cluster %{x}: %{customdata:,} (%{z:.1%} of the label)<extra></extra>",
            showscale=False,
        )
    )
    figure.update_layout(height=max(260, 34 * len(matrix) + 90), margin={"l": 0, "r": 0, "t": 30, "b": 0})
    figure.update_xaxes(title="cluster", side="top", type="category")
    figure.update_yaxes(title="label", autorange="reversed", type="category", automargin=True)
    return figure


EXPORTS = (
    Export(
        "confusion",
        "Confusion matrix",
        (".html", ".svg", ".png"),
        "Labels against clusters.",
        write,
        order=10,
        edited=True,
        needs_labels=True,
    ),
)

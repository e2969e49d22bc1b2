"""The confusion matrix: a click on a cell selects its samples everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from dsc_core.analysis import metrics, selection
from dsc_core.errors import InputError, RunError
from dsc_core.plots.confusion_matrix import confusion_chart
from pages.shared import choices, formatting, state
from pages.shared.results import run_view, selected

CLASSES = "Labels"


@dataclass(frozen=True)
class Axes:
    """What the cells stand for.

    rows: the row name of each sample. row_noun: "label" or "other run". classes: the row names in order.
    titles: {cluster: column title}, in order.
    """

    rows: np.ndarray
    row_noun: str
    classes: list
    titles: dict[int, str]


def draw(view: run_view.View) -> None:
    """Labels, or the clusters of another run on the same data, against the clusters."""
    others = _other_runs(view)
    options = ([CLASSES] if "label" in view.frame else []) + [run.id for run in others]
    if not options:
        st.caption(
            "The data have no labels. A matrix appears here once another run on the same data has finished, to compare "
            "the two."
        )
        return
    against, cells = _head(options, choices.labels([run.id for run in others], _described(others)))
    try:
        rows = _row_names(view, against, others)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return
    known = view.edited_results.confusion if against == CLASSES else None
    matrix, classes, order = known or metrics.confusion(rows, view.clusters)
    titles = {int(cluster): view.edited.title(cluster) for cluster in order}
    noun = "label" if against == CLASSES else "other run"
    axes = Axes(rows, noun, classes, titles)
    picked = selected.current(view.run)
    part = _counts(axes, view.clusters, picked.rows) if picked else None
    dark = st.context.theme.type == "dark"
    chart = confusion_chart(
        matrix, classes, list(titles.values()), shares=cells == "Shares", dark=dark, row=noun, selected=part
    )
    with st.container(border=True):
        st.vega_lite_chart(
            spec=chart,
            key="confusion",
            on_select=partial(_on_click, view, axes),
            selection_mode="cell",
            alt=f"Matrix of {'labels' if against == CLASSES else 'the clusters of another run'} and clusters",
        )
    _select_by_name(view, axes)


def _described(others: list) -> Callable[[str], str]:
    """A function that describes another run by its id."""
    names = {run.id: f"Run {run.name}" for run in others}
    return names.__getitem__


def _head(options: list[str], names: dict[str, str]) -> tuple[str, str]:
    """Headline, what to compare with, and whether cells show counts or shares."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Confusion matrix",
            anchor=False,
            width="content",
            help="Clusters are ordered like the rows they match. Click a cell to select its samples.",
        )
        st.space("stretch")
        against = st.selectbox(
            "Compare with",
            options,
            key="against",
            label_visibility="collapsed",
            width=210,
            format_func=lambda option: names.get(option, option),
        )
        cells = st.segmented_control(
            "Cells",
            ["Counts", "Shares"],
            default="Counts",
            required=True,
            key="cells",
            label_visibility="collapsed",
        )
    return against, cells


def _other_runs(view: run_view.View) -> list:
    """The other finished runs on the same data."""
    key = view.run.dataset.get("key")
    return [
        run
        for run in state.store().list()
        if run.id != view.run.id and run.status in ("done", "stopped") and run.dataset.get("key") == key
    ]


def _row_names(view: run_view.View, against: str, others: list) -> np.ndarray:
    """The row of the matrix that each sample counts for, (n,)."""
    if against == CLASSES:
        return view.frame["label"].to_numpy()
    other = next(run for run in others if run.id == against)
    clusters = run_view.load(other).labels["cluster"].to_numpy()
    if len(clusters) != len(view.frame):
        raise RunError(f"Run {other.name} has other samples: choose another run to compare with.")
    return clusters


def _counts(axes: Axes, clusters: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """How many of `samples` lie in each cell of the matrix."""
    row_index = {str(name): index for index, name in enumerate(axes.classes)}
    column_index = {cluster: index for index, cluster in enumerate(axes.titles)}
    counts = np.zeros((len(axes.classes), len(column_index)), int)
    rows = [row_index[str(row)] for row in axes.rows[samples]]
    columns = [column_index[int(cluster)] for cluster in clusters[samples]]
    np.add.at(counts, (rows, columns), 1)
    return counts


def _on_click(view: run_view.View, axes: Axes) -> None:
    """Select the samples of the clicked cell. A redrawn chart, or a second click, reports none: nothing changes."""
    cells = (st.session_state.get("confusion") or {}).get("selection", {}).get("cell") or []
    if cells:
        clusters = {title: cluster for cluster, title in axes.titles.items()}
        _select(view, axes, str(cells[0][axes.row_noun]), clusters.get(str(cells[0]["cluster"])))


def _select(view: run_view.View, axes: Axes, row: str, cluster: int | None) -> None:
    """Select the samples of one cell."""
    if cluster in axes.titles:
        rows = selection.in_cell(axes.rows, view.clusters, row, str(cluster))
        if len(rows):
            text = f"{axes.row_noun} {row} in cluster {axes.titles[cluster]}"
            selected.choose(view.run, rows, "matrix", text)


def _select_by_name(view: run_view.View, axes: Axes) -> None:
    """The same for users without a mouse: a chart cannot be clicked with the keyboard."""
    with st.popover("Select a cell by name", icon=":material/keyboard:", key="cell_by_names"):
        row = st.selectbox("Row", [str(name) for name in axes.classes], key="cell_row")
        column = st.selectbox("Cluster", list(axes.titles), key="cell_column", format_func=axes.titles.get)
        st.button(
            "Select", key="cell_select", on_click=_select, args=(view, axes, row, column), type="primary"
        )

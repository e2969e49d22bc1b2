"""The confusion matrix: a click on a cell selects its samples everywhere."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from dsc_core.analysis import metrics, selection
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from pages.shared import state, widgets
from pages.shared.results import chosen
from pages.shared.results.opening import View, opened

CLASSES = "Classes"


def draw(view: View) -> None:
    """Classes, or the clusters of another run of the same data, against the clusters."""
    others = _others(view)
    options = ([CLASSES] if "label" in view.frame else []) + [run.id for run in others]
    if not options:
        st.caption(
            "The data have no labels: a matrix appears here once another run of them has ended, to compare with."
        )
        return
    names = {run.id: f"Run {run.name}" for run in others}
    against, way = _head(options, names)
    try:
        rows = _rows(view, against, others)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return
    word = "class" if against == CLASSES else "other run"
    columns = view.clusters
    matrix, classes, order = metrics.confusion(rows, columns)
    kept = chosen.current(view.run)
    part = None
    if kept:
        part = _counts(rows[kept.rows], columns[kept.rows], classes, order)
    titles = [view.edited.title(cluster) for cluster in order]
    dark = st.context.theme.type == "dark"
    chart = interactive.confusion_chart(
        matrix, classes, titles, shares=way == "Shares", dark=dark, row=word, chosen=part
    )
    told = dict(zip(titles, order, strict=True))
    with st.container(border=True):
        st.altair_chart(
            chart,
            key="confusion",
            on_select=partial(_clicked, view, rows, word, told),
            selection_mode="cell",
            alt=f"Matrix of {'classes' if against == CLASSES else 'the clusters of another run'} and clusters",
        )
    _by_keys(view, rows, word, classes, told)


def _head(options: list[str], names: dict[str, str]) -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Confusion matrix",
            anchor=False,
            width="content",
            help="The clusters stand in the order of the rows they match. Click a cell to select its samples.",
        )
        st.space("stretch")
        against = st.selectbox(
            "Against",
            options,
            key="against",
            label_visibility="collapsed",
            width=210,
            format_func=lambda option: names.get(option, option),
        )
        way = st.segmented_control(
            "Cells",
            ["Counts", "Shares"],
            default="Counts",
            required=True,
            key="cells",
            label_visibility="collapsed",
        )
    return against, way


def _others(view: View) -> list:
    """The other finished runs of the same data."""
    key = view.run.dataset.get("key")
    return [
        run
        for run in state.store().list()
        if run.id != view.run.id and run.status in ("done", "stopped") and run.dataset.get("key") == key
    ]


def _rows(view: View, against: str, others: list) -> np.ndarray:
    """What the rows of the matrix count, of each sample."""
    if against == CLASSES:
        return view.frame["label"].to_numpy()
    other = next(run for run in others if run.id == against)
    clusters = opened(other.id, other.ended).labels["cluster"].to_numpy()
    if len(clusters) != len(view.frame):
        raise RunError(f"The run {other.name} is of other samples: choose another to compare with.")
    return clusters


def _counts(rows, columns, classes: list, order: list) -> np.ndarray:
    """How many of some samples lie in each cell of the matrix."""
    row_of = {str(name): place for place, name in enumerate(classes)}
    column_of = {name: place for place, name in enumerate(order)}
    counts = np.zeros((len(classes), len(order)), int)
    np.add.at(counts, ([row_of[str(row)] for row in rows], [column_of[int(column)] for column in columns]), 1)
    return counts


def _clicked(view: View, rows, word: str, told: dict) -> None:
    cells = (st.session_state.get("confusion") or {}).get("selection", {}).get("cell") or []
    if cells:  # a chart that was drawn anew, or a second click, tells of none: the selection stands
        _select(view, rows, word, str(cells[0][word]), str(cells[0]["cluster"]), told)


def _select(view: View, rows, word: str, row: str, column: str, told: dict) -> None:
    if column in told:
        found = selection.in_cell(rows, view.clusters, row, str(told[column]))
        if len(found):
            chosen.choose(view.run, found, "matrix", f"{word} {row} in cluster {column}")


def _by_keys(view: View, rows, word: str, classes: list, told: dict) -> None:
    """The same for who uses no mouse: a chart cannot be clicked with the keyboard."""
    with st.popover("Select a cell by its names", icon=":material/keyboard:", key="cell_by_names"):
        row = st.selectbox("Row", [str(name) for name in classes], key="cell_row")
        column = st.selectbox("Cluster", list(told), key="cell_column")
        st.button(
            "Select",
            key="cell_select",
            on_click=_select,
            args=(view, rows, word, row, column, told),
            type="primary",
        )

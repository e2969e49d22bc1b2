"""Edits of clusters: name, merge, split, move, undo, redo.

Edits are stored beside the run. A callback makes the change; then the whole page is drawn again, since the scores
above depend on the edits too.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.analysis import cluster_split
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations.edits import sentence
from pages.shared import formatting, widgets
from pages.shared.results import run_view, selected

CHANGED = "edits_changed"  # in the session
NEW = "a new cluster"
HISTORY = 8  # edits that are listed
MAX_NAME, MAX_PARTS = 60, 12


def draw(view: run_view.View, cluster: int, titles: dict[int, str]) -> None:
    """The actions on the chosen cluster."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="cluster_actions"):
        rows = np.flatnonzero(view.clusters == cluster)
        st.button(
            "Select its samples",
            icon=":material/select_all:",
            key="select_cluster",
            on_click=selected.choose,
            args=(view.run, rows, "cluster", f"cluster {titles[cluster]}"),
        )
        _name(view, cluster)
        _merge(view, cluster, titles)
        _split(view, cluster)
        _move(view, titles)
        st.space("stretch")
        _undo_buttons(view)


def _apply(change, *args) -> None:
    """Make one edit; errors are shown as toasts."""
    with widgets.errors_as_toasts():
        change(*args)
        st.session_state[CHANGED] = True


def _name(view: run_view.View, cluster: int) -> None:
    with st.popover("Name", icon=":material/edit:", key="name_cluster"):
        key = f"cluster_name_{view.run.id}_{cluster}"
        st.session_state.setdefault(key, view.edited.names.get(cluster, ""))
        name = st.text_input("Name of this cluster", key=key, max_chars=MAX_NAME)
        arguments = (view.edits.name, cluster, name)
        st.button("Save name", key="name_now", on_click=_apply, args=arguments, type="primary")


def _merge(view: run_view.View, cluster: int, titles: dict[int, str]) -> None:
    with st.popover("Merge", icon=":material/merge:", disabled=len(titles) < 2, key="merge_cluster"):
        others = [other for other in titles if other != cluster]
        into = st.selectbox("Into", others, format_func=titles.get, key="merge_into")
        arguments = (view.edits.merge, cluster, into)
        st.button("Merge", key="merge_now", on_click=_apply, args=arguments, type="primary")


def _split(view: run_view.View, cluster: int) -> None:
    with st.popover("Split", icon=":material/call_split:", key="split_cluster"):
        about = "Spectral clustering of its samples."
        parts = st.number_input("Parts", 2, MAX_PARTS, 2, key="split_parts", help=about)
        arguments = (_split_cluster, view, cluster, int(parts))
        st.button("Split", key="split_now", on_click=_apply, args=arguments, type="primary")


def _split_cluster(view: run_view.View, cluster: int, parts: int) -> None:
    rows = np.flatnonzero(view.clusters == cluster)
    latent = np.asarray(view.coordinates("latent")[rows])
    config = view.run.config
    labels = cluster_split.split(latent, parts, config.seed, config.neighbours, config.damping)
    view.edits.split(cluster, rows, labels)


def _move(view: run_view.View, titles: dict[int, str]) -> None:
    """Move the selected samples into another cluster, or a new one."""
    selection = selected.current(view.run)
    with st.popover(
        "Move selected samples", icon=":material/move_item:", disabled=not selection, key="move_selected"
    ):
        target = st.selectbox("Into", [*titles, NEW], format_func=lambda t: titles.get(t, t), key="move_into")
        into = None if target == NEW else target
        label = f"Move {formatting.count(len(selection.rows), 'sample')}"
        arguments = (view.edits.move, selection.rows, into)
        st.button(label, key="move_now", on_click=_apply, args=arguments, type="primary")


def _undo_buttons(view: run_view.View) -> None:
    for label, change, possible in (
        ("Undo", view.edits.undo, view.edited.done),
        ("Redo", view.edits.redo, view.edited.undone),
    ):
        st.button(
            label,
            icon=f":material/{label.lower()}:",
            key=label.lower(),
            on_click=_apply,
            args=(change,),
            disabled=not possible,
        )


def draw_history(view: run_view.View) -> None:
    """The edited labels as a file, and the list of edits, the last one first."""
    edits = view.edited.done
    if not edits:
        return
    st.download_button(
        "labels-edited.csv",
        data=lambda: run_edits.edited_csv(view.results.labels, view.edited),
        file_name="labels-edited.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="download_edited",
        help="All samples with their edited clusters and names beside those of the run. See also Exports.",
    )
    with st.expander(formatting.count(len(edits), "edit"), key="edit_history"):
        for edit in edits[::-1][:HISTORY]:
            st.caption(formatting.plain(sentence(edit)))
        if len(edits) > HISTORY:
            st.caption(f"and {len(edits) - HISTORY} earlier")

"""Edits of clusters: name, merge, split, move, undo, redo.

Edits are stored beside the run. A callback makes the change; then the parts of the page that depend on edits are drawn
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import streamlit as st

from dsc_core.analysis import cluster_split
from dsc_core.runs.annotations.edits import MAX_NAME, sentence
from pages.shared import choices, formatting, widgets
from pages.shared.results import parts, run_view, selected

NEW = "new"  # a target of moved samples
HISTORY = 8  # edits that are listed
MAX_PARTS = 12


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


@contextmanager
def _menu(view: run_view.View, label: str, key: str, **options) -> Iterator[None]:
    """A popover that closes with the next edit: a new key makes it another one. key: of what is around it."""
    with (
        st.container(key=key, width="content"),
        st.popover(label, key=f"{key}_{view.run.id}_{view.edited.version}", **options),
    ):
        yield


def _apply(change, *args) -> None:
    """Make one edit and draw again what depends on it; errors are shown as toasts.

    Afterwards no target is chosen: a second click must not go on with another cluster.
    """
    done = False
    with widgets.errors_as_toasts():
        change(*args)
        done = True
    if done:
        st.session_state["merge_into"] = st.session_state["move_into"] = None
        parts.redraw()


def _name(view: run_view.View, cluster: int) -> None:
    with _menu(view, "Name", "name_cluster", icon=":material/edit:"):
        # A form: Enter saves, and what was typed arrives together with the click. A new key after each edit, so that
        # the field shows the name as it is after an undo.
        key = f"cluster_name_{view.run.id}_{cluster}_{view.edited.version}"
        with st.form("name_form", border=False):
            st.text_input(
                "Name of this cluster", view.edited.names.get(cluster, ""), key=key, max_chars=MAX_NAME
            )
            st.form_submit_button(
                "Save name", key="name_now", on_click=_save_name, args=(view, cluster, key), type="primary"
            )


def _save_name(view: run_view.View, cluster: int, key: str) -> None:
    _apply(view.edits.name, cluster, st.session_state[key])


def _merge(view: run_view.View, cluster: int, titles: dict[int, str]) -> None:
    with _menu(view, "Merge", "merge_cluster", icon=":material/merge:", disabled=len(titles) < 2):
        others = {other: title for other, title in titles.items() if other != cluster}
        into = _target(others, "merge_into")
        arguments = (_merge_clusters, view, cluster, into)
        enabled = into is not None
        st.button(
            "Merge", key="merge_now", on_click=_apply, args=arguments, type="primary", disabled=not enabled
        )


def _target(titles: dict, key: str) -> int | str | None:
    """The cluster that is chosen as a target, by its title; None until one is."""
    if st.session_state.get(key) not in titles:
        st.session_state[key] = None
    return st.selectbox(
        "Into",
        list(titles),
        format_func=lambda one: titles.get(one, str(one)),
        key=key,
        index=None,
        placeholder="Choose a cluster",
    )


def _merge_clusters(view: run_view.View, cluster: int, into: int) -> None:
    """Merge, and go on with the cluster that is left."""
    view.edits.merge(cluster, into)
    st.session_state["cluster"] = into


def _split(view: run_view.View, cluster: int) -> None:
    with _menu(view, "Split", "split_cluster", icon=":material/call_split:"):
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
    """Move the selected samples into another cluster, or a new one; not into one that holds all of them."""
    selection = selected.current(view.run)
    icon = ":material/move_item:"
    with _menu(view, "Move selected samples", "move_selected", icon=icon, disabled=not selection):
        own = np.unique(view.clusters[selection.rows]).tolist()
        others = [cluster for cluster in titles if own != [cluster]]
        options = choices.labels([*others, NEW], lambda one: "a new cluster" if one == NEW else titles[one])
        target = _target(options, "move_into")
        label = f"Move {formatting.count(len(selection.rows), 'sample')}"
        arguments = (view.edits.move, selection.rows, None if target == NEW else target)
        enabled = target is not None
        st.button(
            label, key="move_now", on_click=_apply, args=arguments, type="primary", disabled=not enabled
        )


def _undo_buttons(view: run_view.View) -> None:
    for label, change, possible in (
        ("Undo", view.edits.undo, view.edited.done),
        ("Redo", view.edits.redo, view.edited.undone),
    ):
        chosen = _cluster_after(label, possible)
        st.button(
            label,
            icon=f":material/{label.lower()}:",
            key=label.lower(),
            on_click=_apply,
            args=(_walk, change, chosen),
            disabled=not possible,
        )


def _cluster_after(label: str, edits: tuple) -> int | None:
    """The cluster to go on with after the undo or redo of the last of `edits`; None leaves it as it is."""
    if not edits or edits[-1]["kind"] != "merge":
        return None
    return int(edits[-1]["cluster" if label == "Undo" else "into"])


def _walk(change, cluster: int | None) -> None:
    """Undo or redo, and go on with a cluster."""
    change()
    if cluster is not None:
        st.session_state["cluster"] = cluster


def draw_history(view: run_view.View) -> None:
    """The list of edits, the last one first."""
    edits = view.edited.done
    if not edits:
        return
    with st.expander(view.edited.count_text(), key="edit_history"):
        for edit in edits[::-1][:HISTORY]:
            st.caption(formatting.plain(sentence(edit)))
        if len(edits) > HISTORY:
            st.caption(f"and {len(edits) - HISTORY} earlier")

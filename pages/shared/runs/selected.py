"""Actions on the runs that are selected in the table."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from dsc_core.errors import InputError
from dsc_core.runs.artifacts.labels import has_results
from dsc_core.runs.store import MAX_NAME, MAX_NOTE
from pages.shared import formatting, links, run_actions, state, widgets
from pages.shared.runs import trash_bin


def draw_one(run, sizes: dict[str, int]) -> None:
    """Name, note and actions of one run."""
    st.session_state.setdefault(f"name_{run.id}", run.name)
    st.session_state.setdefault(f"note_{run.id}", run.note)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            widgets.status_badge(run)
            if run.reason:
                st.caption(formatting.plain(run.reason), width="content")
        left, right = st.columns([1, 2])
        left.text_input("Name", key=f"name_{run.id}", max_chars=MAX_NAME, on_change=_rename, args=(run,))
        right.text_area(
            "Note",
            key=f"note_{run.id}",
            max_chars=MAX_NOTE,
            height=68,
            on_change=_annotate,
            args=(run,),
            placeholder="What is this run for?",
        )
        with st.container(horizontal=True):
            _links(run)
            run_actions.queue_button(run)
            if run.status == "running":
                requests = state.store().requests_in_force(run.id)
                run_actions.pause_button(run, requests)
                run_actions.stop_button(run, "stop" in requests)
            run_actions.resume_button(run)
            _star_button([run], "Remove star")
            trash_bin.delete_button([run], sizes)


def draw_several(runs, sizes: dict[str, int]) -> None:
    """Actions on several runs at once."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(runs)} runs**", width="content")
        _star_button(runs, "Remove stars")
        trash_bin.delete_button(runs, sizes)


def _links(run) -> None:
    """Buttons that open the run on other pages."""
    if has_results(run) and st.button(
        "Show results", type="primary", icon=":material/scatter_plot:", key="open_results"
    ):
        _open(run, links.RESULTS)
    if st.button("Show training", icon=":material/show_chart:", key="open_training"):
        _open(run, links.TRAIN)


def _open(run, target: str) -> None:
    """Open a page about the run."""
    state.choose("run", run.id)
    st.switch_page(target, query_params={"run": run.id})


def _star_button(runs, remove: str) -> None:
    """Star the runs, or remove the stars if all have one."""
    starred = all(run.starred for run in runs)
    st.button(
        remove if starred else "Star",
        icon=":material/star:",
        key="star",
        on_click=_star,
        args=(runs, not starred),
    )


def _star(runs, starred: bool) -> None:
    with widgets.errors_as_toasts():
        for run in runs:
            state.store().star(run.id, starred)


def _rename(run) -> None:
    """Save the name, and say so; where it is refused, show why and restore the old one."""
    name = st.session_state[f"name_{run.id}"].strip()
    with widgets.errors_as_toasts():
        state.store().rename(run.id, name)
        st.toast(f"The run is now called {formatting.plain(name)}.", icon=":material/edit:")
    with suppress(InputError):  # deleted in another browser, which the toast says
        st.session_state[f"name_{run.id}"] = state.store().get(run.id).name


def _annotate(run) -> None:
    """Save the note, and say so."""
    with widgets.errors_as_toasts():
        state.store().annotate(run.id, st.session_state[f"note_{run.id}"])
        st.toast("The note is saved.", icon=":material/edit:")

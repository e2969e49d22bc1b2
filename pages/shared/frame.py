"""What stands round every page: the mark, the address, and on the pages about a run, the run picker."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from dsc_core.errors import RunError
from dsc_core.runs import queue
from pages.shared import state, widgets

ABOUT_A_RUN = ("train", "results", "assign")
# White can be read on the buttons' colour, and so words of that colour cannot be read on the dark ground.
COLOURED = ("[data-testid=stSliderThumbValue]", "[data-testid=stButtonGroup] button:not(:disabled)")
STYLE = f"<style>{', '.join(f'{one}, {one} *' for one in COLOURED)} {{ color: inherit !important }}</style>"


def draw(page) -> None:
    """The frame of `page`, above what the page itself draws."""
    st.logo("assets/logo.svg", size="large")
    st.html(STYLE)
    state.keep_address()
    take_up_queue()
    if page.url_path in ABOUT_A_RUN:
        _run_picker()


def take_up_queue() -> None:
    """Start what waits and has room, where a process that was killed could not; and look after the rest."""
    with suppress(RunError):  # a page can be looked at on a full disk too
        queue.advance(state.store())
        queue.keep_going(state.store())


def _run_picker() -> None:
    runs = {run.id: run for run in state.store().list()}
    if not runs:
        return
    now = state.current("run")
    st.session_state["picked_run"] = now if now in runs else None
    st.selectbox(
        "Run",
        list(runs),
        format_func=lambda run_id: _title(runs[run_id]) if run_id in runs else str(run_id),
        key="picked_run",
        index=None,
        placeholder="Choose a run",
        on_change=_pick,
        label_visibility="collapsed",
        icon=":material/history:",
    )


def _pick() -> None:
    state.choose("run", st.session_state["picked_run"])
    st.session_state["new_run"] = False


def _title(run) -> str:
    word = widgets.STATUS[run.status][2].lower()
    about = f"{run.samples:,} samples, {run.clusters} clusters"
    star = "★ " if run.starred else ""
    return f"{star}{run.name}  ·  {about}  ·  {word}, {widgets.ago(run.created)}"

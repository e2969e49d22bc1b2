"""What surrounds every page: the logo, the address, the queue, and the run picker."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs import queue
from dsc_core.runs.run import DAMAGED
from dsc_core.workspace import app_folder
from pages.shared import choices, formatting, state

LOGO = str(app_folder() / "assets" / "logo.svg")
WITH_RUN_PICKER = ("train", "results", "assign")
# The theme's primary colour is dark enough for white text on it, and so too dark for text on the dark background.
COLOURED = ("[data-testid=stSliderThumbValue]", "[data-testid=stButtonGroup] button:not(:disabled)")
STYLE = f"<style>{', '.join(f'{one}, {one} *' for one in COLOURED)} {{ color: inherit !important }}</style>"


def draw(page) -> None:
    """Draw everything above the page itself."""
    st.logo(LOGO, size="large")
    st.html(STYLE)
    state.sync_address()
    advance_queue()
    _notice()
    if page.url_path in WITH_RUN_PICKER:
        _run_picker()


@contextmanager
def problems_as_sentences():
    """Show a problem with the workspace, such as an index that another program holds, in place of the page."""
    try:
        yield
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")


def _notice() -> None:
    """What happened to the index of runs, until it is dismissed."""
    text = state.store().notice()
    if text:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(formatting.plain(text), icon=":material/build:")
            st.button("Dismiss", key="dismiss_notice", on_click=state.store().dismiss_notice)


def advance_queue() -> None:
    """Start queued runs that have room, in case the process that would start them was killed."""
    with suppress(RunError):  # pages stay usable with a full disk
        queue.advance(state.store())
        queue.watch(state.store())


def _run_picker() -> None:
    runs = {run.id: run for run in state.store().list()}
    if not runs:
        return
    current = state.current("run")
    titles = choices.labels(runs, lambda run_id: _title(runs[run_id]))
    st.session_state["picked_run"] = current if current in runs else None
    st.selectbox(
        "Run",
        list(runs),
        format_func=lambda run_id: titles.get(run_id, str(run_id)),
        key="picked_run",
        index=None,
        placeholder="Select a run",
        on_change=_pick,
        label_visibility="collapsed",
        icon=":material/history:",
    )


def _pick() -> None:
    """Show the chosen run. Where its label changed under the pointer, as the run was renamed, its id is not known."""
    picked = st.session_state["picked_run"]
    if picked is not None and picked not in [run.id for run in state.store().list()]:
        st.toast("The list of runs has changed. Select the run again.", icon=":material/error:")
        return
    state.choose("run", picked)
    st.session_state["new_run"] = False


def _title(run) -> str:
    """What tells the run from others, and never changes by itself: its status is in the badge below."""
    damaged = run.status == DAMAGED  # nothing is known of it
    about = "damaged" if damaged else f"{run.samples:,} samples, {run.clusters} clusters"
    star = "★ " if run.starred else ""
    created = formatting.moment(run.created, st.context.timezone)
    return f"{star}{run.name}  ·  {about}  ·  created {created}"

"""Results: scores, two linked maps, the confusion matrix, the samples, the clusters, and the labels to take away."""

from __future__ import annotations

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts import results as run_results
from pages.shared import state, widgets
from pages.shared.results import explore, exports, how_many, label_few, noise, scores, trust
from pages.shared.results.opening import opened

TRAIN, DATA = "pages/views/train.py", "pages/views/data.py"
# The page from top to bottom: each draws itself, with what the run has found.
SECTIONS = (scores.draw, explore.draw, how_many.draw, trust.draw, label_few.draw, exports.draw, noise.draw)


def show(run) -> None:
    """The whole page for one finished run."""
    found = opened(run.id, run.ended)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(widgets.plain(run.name), anchor=False, width="content")
        widgets.status_badge(run)
        st.space("stretch")
        st.download_button(
            "labels.csv",
            data=csv_of(run.id),
            file_name="labels.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
            key="download",
            help="One row a sample, in the input's order.",
        )
    for section in SECTIONS:
        section(run, found)


def csv_of(run_id: str):
    """A callable that makes labels.csv when it is asked for."""
    return lambda: run_results.labels_csv(state.store().get(run_id))


# When there is nothing to show ----------------------------------------------------------------------------


def nothing(run) -> None:
    """Why there are no results, and what to do next."""
    if run is None:
        if state.store().list():
            widgets.empty(":material/history:", "No run chosen", "Choose a run above, or train a new one.")
        else:
            widgets.empty(
                ":material/scatter_plot:",
                "No results yet",
                "Results appear here once a run has been trained: choose data, then start a run.",
            )
        page, word = (TRAIN, "Go to Train") if state.current("data") else (DATA, "Choose data")
    elif run.status == "failed":
        widgets.empty(
            ":material/error:", "This run failed", widgets.plain(run.reason or "It ended without results.")
        )
        page, word = TRAIN, "See its log"
    elif run.status in ("created", "queued"):
        waits = "waits in the queue" if run.status == "queued" else "has not been started"
        widgets.empty(
            ":material/hourglass_empty:",
            f"{widgets.plain(run.name)} {waits}",
            "Its results appear here when it has been trained.",
        )
        page, word = TRAIN, "See the run"
    else:
        widgets.empty(
            ":material/hourglass_top:",
            f"{widgets.plain(run.name)} is still training",
            "Its results appear here when it ends. Stop it on the Train page to get them sooner.",
        )
        page, word = TRAIN, "Watch it train"
    if run is not None and not run.finished:
        st.fragment(wait, run_every=2.0)(run.id, run.status)
    forward = ":material/arrow_back:" if page == DATA else ":material/arrow_forward:"
    with st.container(horizontal=True):
        if st.button(word, type="primary", icon=forward, key="next_step"):
            st.switch_page(page)
        if run is None:
            widgets.newest_run("Open", "done", "stopped")


def wait(run_id: str, status: str) -> None:
    """Draw the page anew when the run has begun or ended."""
    try:
        now = state.store().get(run_id).status
    except InputError:  # deleted from elsewhere
        now = None
    if now != status:
        st.rerun()


run = state.run()
if run is not None and run.status in ("done", "stopped"):
    try:
        show(run)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
else:
    nothing(run)

"""Results: scores, linked maps, the confusion matrix, samples, clusters, and exports."""

from __future__ import annotations

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts.labels import has_results
from pages.shared import formatting, links, state, widgets
from pages.shared.results import (
    exports,
    how_many,
    label_few,
    labels_download,
    linked,
    mending,
    noise,
    parts,
    run_view,
    scores,
    trust,
)

# The page from top to bottom; each section is called with the run and its results.
SECTIONS = (scores.draw, linked.draw, how_many.draw, trust.draw, label_few.draw, exports.draw, noise.draw)


def show(run) -> None:
    """The whole page for one finished run."""
    results = run_view.load(run)
    parts.begin()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(run.name), anchor=False, width="content")
        widgets.status_badge(run)
        parts.draw("labels", labels_download.draw, run, results)
    mending.draw(run, results.missing)
    for section in SECTIONS:
        section(run, results)


def no_results(run) -> None:
    """Why there are no results, and what to do next."""
    icon, headline, text, target, action = empty_state(run)
    widgets.empty(f":material/{icon}:", headline, text)
    if run is not None and not run.finished:
        st.fragment(rerun_on_change, run_every=2.0)(run.id, run.status)
    arrow = ":material/arrow_back:" if target == links.DATA else ":material/arrow_forward:"
    with st.container(horizontal=True):
        if st.button(action, type="primary", icon=arrow, key="next_step"):
            st.switch_page(target)
        if run is None:
            widgets.newest_run("Open", has_results)


def empty_state(run) -> tuple[str, str, str, str, str]:
    """The empty state as (icon, headline, text, page to go to, label of the button)."""
    if run is None:
        target, action = (
            (links.TRAIN, "Go to Train") if state.current("data") else (links.DATA, "Choose data")
        )
        if state.store().list():
            return "history", "No run selected", "Select a run above, or train a new one.", target, action
        text = "Results appear here once a run has finished. Choose data, then start a run."
        return "scatter_plot", "No results yet", text, target, action
    name = formatting.plain(run.name)
    if run.status == "failed":
        reason = formatting.plain(run.reason or "The run ended without results.")
        return "error", f"{name} failed", reason, links.TRAIN, "Open the run"
    if run.status == "running":
        text = "Results appear here when training ends. To get them sooner, stop the run on the Train page."
        return "hourglass_top", f"{name} is still training", text, links.TRAIN, "Watch training"
    if run.status == "stopped":
        text = f"{formatting.plain(run.reason)} Start it again on the Train page.".strip()
        return "stop_circle", f"{name} has no results", text, links.TRAIN, "Open the run"
    if run.status == "damaged":
        return "broken_image", f"{name} is damaged", formatting.plain(run.reason), links.RUNS, "Go to Runs"
    headline = f"{name} is queued" if run.status == "queued" else f"{name} has not been started"
    text = "Results appear here when training ends."
    return "hourglass_empty", headline, text, links.TRAIN, "Open the run"


def rerun_on_change(run_id: str, status: str) -> None:
    """Draw the page again when the run starts, ends or is deleted."""
    try:
        current = state.store().get(run_id).status
    except InputError:  # deleted in another session
        current = None
    if current != status:
        st.rerun()


def page() -> None:
    """The results of the current run, or why there are none."""
    run = state.run()
    if run is None or not has_results(run):
        no_results(run)
        return
    try:
        run_view.load(run)
    except (InputError, RunError) as problem:  # without labels there is nothing to show
        st.error(formatting.plain(problem), icon=":material/error:")
        mending.button(run)
        return
    try:
        show(run)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")


page()

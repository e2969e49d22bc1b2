"""Train: choose a preset and settings, start, and watch the run as it trains."""

from __future__ import annotations

import streamlit as st

from pages.shared import formatting, links, noise_explorer, run_actions, state, widgets
from pages.shared.results import run_view
from pages.shared.train import branching, curves, film, form, history, progress, record, run_buttons, steering


def show(run) -> None:
    """A run from top to bottom: status and buttons, controls, curves, latent map, noise explorer and record."""
    past, requests = history.history(run), progress.requests(run)
    heading(run, requests)
    branching.panel(run)
    metrics = st.container()  # above the controls, but drawn again with the curves
    badge = steering.panel(run, past) if run.status == "running" else None
    options, paused = curves.options(run, past) if past.latest else (curves.NOTHING, False)
    polling = None if paused else progress.interval(run)
    st.fragment(progress.live, run_every=polling)(
        run.id, metrics, badge, options, progress.signature(run, requests, past)
    )
    film.draw(run, progress.interval(run))
    explorer(run)
    record.draw(run)


def heading(run, requests: frozenset[str]) -> None:
    """Name, status and buttons; below them the note, the parent of a branch, and the reason of a failure."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(run.name), anchor=False, width="content")
        widgets.status_badge(run, paused="pause" in requests)
        st.space("stretch")
        run_buttons.draw(run, requests)
    for text in (run.note, branching.origin(run)):
        if text:
            st.caption(formatting.plain(text))
    if run.status == "failed":
        message = " ".join([run.reason or "The run failed.", run_actions.resume_outlook(run)])
        st.error(formatting.plain(message), icon=":material/error:")
    elif run.status == "damaged":
        st.error(formatting.plain(run.reason), icon=":material/broken_image:")
    elif run.reason:
        st.caption(formatting.plain(run.reason))


def explorer(run) -> None:
    """The noise explorer once the run has a model, which is loaded when the section is opened."""
    if not noise_explorer.available(run):
        return
    section = st.expander("Noise explorer", icon=":material/blur_on:", key="explorer", on_change="rerun")
    if section.open:
        with section:
            noise_explorer.draw(run, run_view.edited_clusters(run))


def no_data() -> None:
    """The empty state: neither a run nor a data set is chosen."""
    widgets.empty(
        ":material/dataset:",
        "No data yet",
        "Choose a data set or upload your own. The settings for training then appear here.",
    )
    with st.container(horizontal=True):
        if st.button("Choose data", type="primary", icon=":material/arrow_back:"):
            st.switch_page(links.DATA)
        widgets.newest_run("Watch", lambda run: run.status == "running")


def page() -> None:
    """The current run, else the form for the current data set, else the way to the data."""
    run = state.run()
    if run is not None:
        show(run)
        return
    dataset = state.dataset()
    if dataset is not None:
        form.draw(dataset)
    else:
        no_data()


page()

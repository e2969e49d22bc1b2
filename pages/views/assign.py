"""Assign: new images or rows through a trained run."""

from __future__ import annotations

import streamlit as st

from dsc_core.data import sample_names
from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts.labels import has_results
from pages.shared import formatting, links, state, uploads, widgets
from pages.shared.assign import report, task


def show(run) -> None:
    """The form for new data, and beside it the result of the last assignment."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Assign new data with {formatting.plain(run.name)}", anchor=False, width="content")
        widgets.status_badge(run)
    job = task.current(run)
    if job is not None and job.is_alive():
        task.wait(job)
        st.rerun()
    if job is None or job.result is None:
        with st.container(width=760):
            form(run, job)
        return
    main, side = st.columns([2, 1], gap="large")
    with side:
        form(run, job)
    with main:
        report.draw(job)


def form(run, job: task.Assignment | None) -> None:
    """The ways to choose new data, and what is wrong with the last ones."""
    images = run.dataset.get("kind") == "image"
    shape = " × ".join(map(str, run.dataset.get("shape", ())))
    if images:
        st.caption(f"Any number of images of any size. They are resized to {shape}, as for training.")
    else:
        st.caption(
            "A table with the columns of the training data and any number of rows, each a sample. It is preprocessed "
            "as for training."
        )
    options = {}
    if images:
        options["labels_from_folders"] = st.toggle(
            "Use folder names as labels",
            key="assign_folders",
            help="The label of an image is the folder it lies in. Labels only add an accuracy.",
        )
        if st.toggle(
            "All pages of each file",
            key="assign_pages",
            help="Of TIFF and GIF files with several pages. Each page becomes a sample; otherwise the first one does.",
        ):
            options["pages"] = "all"
    try:
        pick_data(run, options)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
    if job is not None and job.problem is not None:
        st.error(formatting.plain(job.problem), icon=":material/error:")


def pick_data(run, options: dict) -> None:
    """The uploader and the built-in data sets; starts the assignment. InputError or RunError where it cannot start."""
    path = uploads.pick("assign_")
    if path is not None:
        start(run, path, options)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Built-in data set",
            sample_names(),
            key="assign_sample",
            index=None,
            placeholder="Choose a data set",
        )
        if st.button("Assign", key="assign_it", icon=":material/move_to_inbox:", disabled=name is None):
            start(run, name, options)


def start(run, source, options: dict) -> None:
    """Start the assignment and draw the page again."""
    task.start(run, source, options)
    st.rerun()


def no_model(run) -> None:
    """The empty state: no run is selected, or it has no results yet."""
    if run is None:
        runs = state.store().list()
        headline = "No run selected" if runs else "No runs yet"
        text = "A trained run assigns new samples to its clusters. "
        text += "Select a run above, or train a new one." if runs else "Choose data, then train one."
        target, action = (
            (links.TRAIN, "Go to Train") if state.current("data") else (links.DATA, "Choose data")
        )
        widgets.empty(":material/move_to_inbox:", headline, text)
    else:
        text = "You can assign new samples once the run has finished."
        if run.finished:
            text = "The run ended without results. Select another run, or start this one again."
        target, action = links.TRAIN, "Open the run"
        widgets.empty(":material/hourglass_top:", f"{formatting.plain(run.name)} has no results", text)
    with st.container(horizontal=True):
        arrow = ":material/arrow_back:" if target == links.DATA else ":material/arrow_forward:"
        if st.button(action, type="primary", icon=arrow, key="next_step"):
            st.switch_page(target)
        if run is None:
            widgets.newest_run("Open", has_results)


def page() -> None:
    """The current run if it is trained, else what is missing."""
    run = state.run()
    if run is not None and has_results(run):
        show(run)
    else:
        no_model(run)


page()

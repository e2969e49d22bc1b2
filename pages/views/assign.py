"""Assign: new images or rows through a trained run, and what of them looks like nothing that was trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.data import sample_names
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from pages.shared import assignments, state, uploads, widgets

DATA, TRAIN = "pages/views/data.py", "pages/views/train.py"


def page(run) -> None:
    """What to assign, and beside it what was found."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"New data through {widgets.plain(run.name)}", anchor=False, width="content")
        widgets.status_badge(run)
    job = assignments.current(run)
    if job is not None and job.is_alive():
        assignments.settled(job)
        st.rerun()
    found = job is not None and job.found is not None
    main, side = st.columns([2, 1], gap="large") if found else (None, st.container(width=760))
    with side:
        choose(run, job)
    if found:
        with main:
            show(job)


# Choosing -------------------------------------------------------------------------------------------------


def choose(run, job) -> None:
    """The ways to give new data, and what was wrong with the last ones."""
    like = run.dataset
    shape = " × ".join(map(str, like.get("shape", ())))
    if like.get("kind") == "image":
        st.caption(f"Images of any size: they are brought to {shape}, as in training. Any number of them.")
    else:
        st.caption(
            "A table with the columns of the training data, prepared as they were. Any number of rows."
        )
    options = {}
    if like.get("kind") == "image":
        options["labels_from_folders"] = st.toggle(
            "Folders are labels",
            key="assign_folders",
            help="The folder that holds an image is its class: gives an accuracy, changes nothing else.",
        )
    try:
        path = uploads.pick("assign_")
        if path is not None:
            begin(run, path, options)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox(
                "Or a sample", sample_names(), key="assign_sample", index=None, placeholder="Choose one"
            )
            if st.button("Assign", key="assign_it", icon=":material/move_to_inbox:", disabled=name is None):
                begin(run, name, options)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
    if job is not None and job.problem is not None:
        st.error(widgets.plain(job.problem), icon=":material/error:")


def begin(run, source, options: dict) -> None:
    """Start, and draw the page anew."""
    assignments.start(run, source, options)
    st.rerun()


# Showing --------------------------------------------------------------------------------------------------


def show(job) -> None:
    """What was found of the new samples."""
    found = job.found
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(widgets.plain(getattr(job.source, "name", job.source)), anchor=False, width="content")
        st.space("stretch")
        st.download_button(
            assignments.NAME,
            data=lambda: job.path.open("rb"),
            file_name=assignments.NAME,
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
            key="download_assigned",
            help="One row a sample, in the input's order.",
            disabled=not found.samples,
        )
    if found.stopped:
        total = f" of {found.total:,}" if found.total else ""
        st.warning(
            f"Stopped after {found.samples:,}{total}; the file holds these.", icon=":material/stop_circle:"
        )
    if not found.samples:
        return
    numbers(found)
    told(job)
    charts(found)
    unseen(found)
    st.markdown("**The first rows**")
    st.dataframe(found.first, hide_index=True, height=320, key="first_rows", column_config=COLUMNS)


COLUMNS = {
    name: st.column_config.NumberColumn(format="%.3f")
    for name in ("confidence", "latent_x", "latent_y", "spectral_x", "spectral_y", "distance", "error")
}


def numbers(found) -> None:
    """How many, how sure, how far."""
    with st.grid(4, min_column_width=140):
        st.metric("Samples", f"{found.samples:,}")
        st.metric("Like nothing seen", f"{found.unseen:,}", help=beyond(found.known))
        sure = found.sure[len(found.sure) // 2 :].sum() / found.samples
        st.metric("Sure", f"{sure:.1%}", help="Share of samples with a confidence of 0.5 or more.")
        if found.acc is not None:
            st.metric("ACC", f"{found.acc:.3f}", help="Against the labels that came with the new data.")


def beyond(known) -> str:
    """What makes a sample look like nothing seen, in words."""
    badly = "" if np.isinf(known.error_limit) else f", or rebuilt with an error above {known.error_limit:.3g}"
    return (
        f"Farther than {known.limit:.3g} from the tenth nearest training code{badly}. About 1 % of the training data "
        "are, and as many of new data like them."
    )


def told(job) -> None:
    """What was left out and noted while reading."""
    if job.skipped:
        st.warning(f"{len(job.skipped):,} could not be read and are left out.", icon=":material/warning:")
        with st.expander("What was left out, and why", key="assign_skipped"):
            st.dataframe(pd.DataFrame(job.skipped, columns=["file", "reason"]), hide_index=True)
    for note in job.notes:
        st.caption(widgets.plain(note))


def charts(found) -> None:
    """How sure the assignment is, and how many samples each cluster takes."""
    with st.grid(2, min_column_width=320):
        with st.container(border=True):
            edges = np.arange(len(found.sure)) / len(found.sure)
            names = [f"{edge:.2f}" for edge in edges]
            option = interactive.bars(names, found.sure, title="Samples by confidence", first_colour=None)
            widgets.echart(option, height=220, key="confidence", alt="Histogram of confidence")
        with st.container(border=True):
            option = interactive.bars(
                [str(k) for k in range(len(found.sizes))], found.sizes, title="Samples by cluster"
            )
            widgets.echart(option, height=220, key="assigned_sizes", alt="Samples by cluster")


def unseen(found) -> None:
    """The samples least like the training data."""
    st.markdown(
        "**Look like nothing seen**",
        help="Their cluster is the nearest guess of a model that knows nothing of their like, whatever its confidence.",
    )
    if not found.unseen:
        st.caption("None of the samples is stranger than the training data themselves are.")
        return
    share = found.unseen / found.samples
    st.caption(
        f"{found.unseen:,} of {found.samples:,} ({share:.1%}); the strangest {len(found.farthest)} first."
    )
    if found.kind == "image":
        sheet = interactive.image_sheet(found.pictures, 12, tile=56)
        st.image(sheet, width="stretch", alt="The samples least like the training data")
    names = [
        "id",
        "distance",
        "error",
        "cluster",
        "confidence",
        *(["label"] if "label" in found.farthest else []),
    ]
    st.dataframe(found.farthest[names], hide_index=True, height=180, key="farthest", column_config=COLUMNS)


# When there is nothing to show ----------------------------------------------------------------------------


def nothing(run) -> None:
    """What is missing, and the way there."""
    if run is None:
        widgets.empty(
            ":material/move_to_inbox:",
            "No run chosen" if state.store().list() else "No run yet",
            "New samples are assigned by a trained run: choose one above, or train one first.",
        )
        target, word = (TRAIN, "Go to Train") if state.current("data") else (DATA, "Choose data")
    else:
        text = {
            "failed": "It ended without results; another run can assign.",
            "running": "It can assign new samples once it has ended.",
        }.get(run.status, "It can assign new samples once it has been trained.")
        widgets.empty(":material/hourglass_top:", f"{widgets.plain(run.name)} has no results", text)
        target, word = TRAIN, "See the run"
    with st.container(horizontal=True):
        if st.button(word, type="primary", icon=":material/arrow_forward:", key="next_step"):
            st.switch_page(target)
        if run is None:
            widgets.newest_run("Open", "done", "stopped")


run = state.run()
if run is not None and run.status in ("done", "stopped"):
    page(run)
else:
    nothing(run)

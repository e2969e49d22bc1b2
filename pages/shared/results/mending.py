"""A run with missing or damaged files: what cannot be shown, and a button that makes the files again."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs.artifacts import mending
from pages.shared import formatting, jobs

SCORES = "summary.json"  # the file without which there are no scores


def draw(run, missing: tuple[str, ...]) -> None:
    """The files that are missing from results that are shown all the same."""
    if not missing:
        return
    verb = "is" if len(missing) == 1 else "are"
    text = f"{' and '.join(missing)} of this run {verb} missing or damaged"
    shown = "its scores are not shown" if SCORES in missing else "the maps below are those in labels.parquet"
    st.warning(formatting.plain(f"{text}: {shown}."), icon=":material/broken_image:")
    button(run)


def button(run) -> None:
    """Make the files again; progress while it does so, and why it could not."""
    key = f"mend_{run.id}"
    if jobs.show_progress(key):
        return
    job = jobs.get(key)
    if job is not None and job.problem:
        st.error(formatting.plain(job.problem), icon=":material/error:")
    st.button(
        "Make the files again",
        icon=":material/build:",
        key="mend",
        on_click=jobs.start,
        args=(key, lambda report: mending.mend(run, report)),
        help="From what is left of the run: its model, its data set and its other files.",
    )

"""Importing a data set in a server thread, with progress and a Cancel button on the page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import Cancelled, import_data
from dsc_core.runs import home
from pages.shared import formatting, state
from pages.shared.background import BackgroundTask

POLL_SECONDS = 0.15
READING_OPTIONS = ("size", "crop", "channels")  # that can be changed after the import


class Import(BackgroundTask):
    """One import; it ends with a `key`, with a `problem`, or with neither where it was cancelled."""

    NAME = "import"
    UNEXPECTED = "The data could not be read because of an internal error; see the server's log."
    ENDED_BY_USER = (Cancelled,)

    def __init__(self, source, folder: Path, options: dict):
        super().__init__("Reading")
        self.source, self.folder, self.options = source, folder, options
        self.key: str | None = None
        self.cancelled = False

    def work(self) -> None:
        """Import the source into the workspace."""
        self.key = import_data(self.source, self.folder, self._report, **self.options)

    def _report(self, stage: str, done: int, total: int) -> None:
        if self.cancelled:
            raise Cancelled
        self.progress = stage, done, total

    @property
    def title(self) -> str:
        """The name of the file or data set, as Markdown."""
        return formatting.plain(Path(self.source).name)

    @property
    def message(self) -> str:
        """The current stage; the megabytes received where the total is unknown."""
        stage, done, total = self.progress
        if total or not done:
            return stage
        return f"Downloading from OpenML, {done / 1e6:.1f} MB so far"


def import_source(source, **options) -> None:
    """Start to import `source` into the workspace; the next run of the page waits for it."""
    st.session_state["data_problem"] = None
    start(source, home(), options)


def start(source, folder: Path, options: dict) -> None:
    """Start to import `source` into the workspace `folder`; an earlier import that still runs is cancelled."""
    cancel()
    job = st.session_state["import"] = Import(source, folder, options)
    job.start()


def cancel() -> None:
    """Cancel the running import: the page forgets it at once, its thread ends at its next step."""
    job = st.session_state.pop("import", None)
    if job is not None:
        job.cancelled = True


def finish() -> bool:
    """Wait for the running import, if any, and make its result the current data set; whether there was one.

    Where the data cannot be read, the current data set stays and the page shows the problem.
    """
    job = wait()
    if job is None:
        return False
    st.session_state["data_problem"] = job.problem
    if job.key is not None:
        st.session_state["preview_seed"] = 0
        _remember_source(job)
        state.choose("data", job.key)
        state.choose("run", None)
    return True


def wait() -> Import | None:
    """Wait for the running import, if any, with its progress and a Cancel button on screen; then return it.

    The script itself waits: a click on Cancel or on another page interrupts the wait, not the import.
    """
    job = st.session_state.get("import")
    if job is None:
        return None
    with st.container(border=True, key="importing"):
        st.markdown(f"**{job.title}**")
        bar = st.progress(job.share, text=job.message)
        st.button("Cancel", icon=":material/close:", key="cancel_import", on_click=cancel)
        while job.is_alive():
            bar.progress(job.share, text=job.message)
            job.join(POLL_SECONDS)
    st.session_state.pop("import", None)
    return job


def _remember_source(job: Import) -> None:
    """Remember where the current data set came from, so that it can be imported again with other options.

    "plain": the key of the first import; the preview of other options is made from its images.
    """
    origin = st.session_state.get("came_from")
    if origin and origin["source"] == job.source and any(job.options.get(name) for name in READING_OPTIONS):
        origin["key"] = job.key
        return
    st.session_state["came_from"] = {
        "key": job.key,
        "plain": job.key,
        "source": job.source,
        "options": job.options,
    }

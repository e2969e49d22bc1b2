"""An assignment in a server thread, with progress and a Stop button on the page."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import streamlit as st

from dsc_core.data import Cancelled, open_stream
from dsc_core.data.notes import Note
from dsc_core.errors import RunError
from dsc_core.runs import Run, failures, home
from dsc_core.runs.annotations import edits
from dsc_core.runs.annotations.edited import Edited
from dsc_core.runs.files import written_whole
from dsc_core.temporary import temporary_folder
from pages.shared import formatting
from pages.shared.background import BackgroundTask

POLL_SECONDS = 0.15
KEPT_SECONDS = 86_400  # for which the file of a closed session is kept
FILE_NAME = "assigned.csv"


class Assignment(BackgroundTask):
    """New data through one run; ends with `result` and a file at `path`, with a `problem`, or with neither.

    edited: the run's clusters as edited, whose names are shown.
    """

    NAME = "assignment"
    UNEXPECTED = "The data could not be assigned because of an internal error; see the server's log."
    ENDED_BY_USER = (Cancelled,)

    def __init__(self, run: Run, source, options: dict, folder: Path):
        super().__init__("Loading the model")
        self.trained, self.source, self.options, self.path = run, source, options, folder / FILE_NAME
        self.result = None
        self.edited: Edited | None = None
        self.notes: list[Note] = []
        self.skipped: list[tuple[str, str]] = []
        self.stopping = False

    def run(self) -> None:
        """Assign; delete the folder of the file where there is no result. Called by the thread."""
        try:
            super().run()
        finally:
            if self.result is None:
                shutil.rmtree(self.path.parent, ignore_errors=True)

    def work(self) -> None:
        """Assign all samples; RunError where the file cannot be written."""
        from dsc_core.runs.assigning import assign_all
        from dsc_core.runs.loaded_run import LoadedRun

        loaded, options = LoadedRun(self.trained), self.options | {"progress": self._reading}
        self.edited = edits.of_run(self.trained, loaded.frame).now()
        try:
            with (
                open_stream(self.source, self.trained.dataset, **options) as stream,
                written_whole(self.path) as out,
            ):
                assigner = replace(loaded.assigner, edited=self.edited if self.edited.changed else None)
                self.result = assign_all(assigner, stream, out, self._assigning, lambda: self.stopping)
        except OSError as error:
            raise RunError(f"The labels could not be written: {failures.os_reason(error)}.") from error
        self.notes, self.skipped = stream.notes, stream.skipped

    def _reading(self, done: int, total: int) -> None:
        if self.stopping:
            raise Cancelled
        self.progress = "Reading", done, total

    def _assigning(self, done: int, total: int | None) -> None:
        self.progress = "Assigning", done, total

    @property
    def message(self) -> str:
        """The current activity, with the number of assigned samples."""
        activity, done, total = self.progress
        if activity != "Assigning":
            return activity
        return f"Assigned {done:,}" + (f" of {total:,}" if total else "")


def start(run: Run, source, options: dict) -> None:
    """Start to assign `source`; an assignment of this session that still runs is stopped."""
    forget()
    job = st.session_state["assignment"] = Assignment(run, source, options, _new_folder())
    job.start()


def current(run: Run) -> Assignment | None:
    """The session's assignment through `run`, running or finished."""
    job = st.session_state.get("assignment")
    return job if job is not None and job.trained.id == run.id else None


def stop() -> None:
    """Stop the running assignment; what has been assigned so far is kept."""
    job = st.session_state.get("assignment")
    if job is not None:
        job.stopping = True


def forget() -> None:
    """Stop and forget the session's assignment, and delete its file."""
    job = st.session_state.pop("assignment", None)
    if job is not None:
        job.stopping = True
        shutil.rmtree(job.path.parent, ignore_errors=True)


def wait(job: Assignment) -> None:
    """Wait for the assignment, with its progress and a Stop button on screen.

    The script itself waits: a click on Stop or on another page interrupts the wait, not the assignment.
    """
    with st.container(border=True, key="assigning"):
        st.markdown(f"**{formatting.plain(Path(job.source).name)}**")
        bar = st.progress(job.share, text=job.message)
        st.button("Stop", icon=":material/stop:", key="stop_assigning", on_click=stop, disabled=job.stopping)
        while job.is_alive():
            bar.progress(job.share, text=job.message)
            job.join(POLL_SECONDS)


def _new_folder() -> Path:
    """A new folder in the workspace for a file; folders of closed sessions are deleted after a day."""
    root = home() / "assigned"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in root.iterdir():
            if folder.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        return temporary_folder(root, "")
    except OSError as error:
        raise RunError(f"The workspace cannot be written: {failures.os_reason(error)}.") from error

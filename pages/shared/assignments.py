"""The assignment that runs: in a thread of its own, so that its page can tell how far it is, and stop it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import streamlit as st

from dsc_core.data import Cancelled, open_stream
from dsc_core.errors import RunError
from dsc_core.runs import Run, failures, home
from dsc_core.runs.files import written_whole
from pages.shared import widgets
from pages.shared.work import Work

POLL_SECONDS = 0.15
KEPT_SECONDS = 86_400  # for so long the file of a session that has gone is kept
NAME = "assigned.csv"


class Assignment(Work):
    """New data through one run. Ends with `found` and a file at `path`, or a `problem`, or neither if given up."""

    WHAT = "assignment"
    FAULT = "The data could not be assigned, by a fault of this program; its log tells more."
    GIVEN_UP = (Cancelled,)

    def __init__(self, run: Run, source, options: dict, folder: Path):
        super().__init__("Opening the model")
        self.of, self.source, self.options, self.path = run, source, options, folder / NAME
        self.found = None
        self.notes: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.stopping = False

    def run(self) -> None:
        """For the thread."""
        try:
            super().run()
        finally:
            if self.found is None:
                shutil.rmtree(self.path.parent, ignore_errors=True)

    def work(self) -> None:
        """Assign; RunError where the labels cannot be written."""
        from dsc_core.runs.artifacts.results import LoadedRun
        from dsc_core.runs.assigning import assign_all

        options = self.options | {"progress": self._reading}
        try:
            with (
                open_stream(self.source, self.of.dataset, **options) as stream,
                written_whole(self.path) as out,
            ):
                self.found = assign_all(
                    LoadedRun(self.of), stream, out, self._assigning, lambda: self.stopping
                )
        except OSError as error:
            raise RunError(f"The labels could not be written: {failures.plainly(error)}.") from error
        self.notes, self.skipped = stream.notes, stream.skipped

    def _reading(self, done: int, total: int) -> None:
        if self.stopping:
            raise Cancelled
        self.step = "Reading", done, total

    def _assigning(self, done: int, total: int | None) -> None:
        self.step = "Assigning", done, total

    @property
    def words(self) -> str:
        """This step in words, with the number of samples that are done."""
        step, done, total = self.step
        if step != "Assigning":
            return step
        return f"Assigned {done:,}" + (f" of {total:,}" if total else "")


def start(run: Run, source, options: dict) -> None:
    """Begin to assign `source`; an assignment of this session that still runs is given up."""
    forget()
    folder = _folder()
    job = st.session_state["assignment"] = Assignment(run, source, options, folder)
    job.start()


def current(run: Run) -> Assignment | None:
    """This session's assignment through `run`, running or ended."""
    job = st.session_state.get("assignment")
    return job if job is not None and job.of.id == run.id else None


def stop() -> None:
    """Ask the running assignment to end with what it has."""
    job = st.session_state.get("assignment")
    if job is not None:
        job.stopping = True


def forget() -> None:
    """Let the session's assignment go, and its file."""
    job = st.session_state.pop("assignment", None)
    if job is not None:
        job.stopping = True
        shutil.rmtree(job.path.parent, ignore_errors=True)


def settled(job: Assignment) -> None:
    """Wait for the assignment, with its progress and a way out on screen.

    The wait is the script's own: a click on Stop, or on another page, interrupts it, and the assignment runs on.
    """
    with st.container(border=True, key="assigning"):
        st.markdown(f"**{widgets.plain(Path(job.source).name)}**")
        bar = st.progress(job.share, text=job.words)
        st.button("Stop", icon=":material/stop:", key="stop_assigning", on_click=stop, disabled=job.stopping)
        while job.is_alive():
            bar.progress(job.share, text=job.words)
            job.join(POLL_SECONDS)


def _folder() -> Path:
    """A new folder for a file, in the workspace; those of sessions that have gone are cleared away."""
    root = home() / "assigned"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left in root.iterdir():
            if left.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=root))
    except OSError as error:
        raise RunError(f"The workspace cannot be written: {failures.plainly(error)}.") from error

"""Computations that take more than a second: server threads with progress and a Stop button on the page.

A job belongs to the server, not to a session: after a refresh, or in another tab, the page finds it again.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dsc_core.errors import RunError
from pages.shared import formatting
from pages.shared.background import BackgroundTask

POLL_SECONDS = 0.7
WAIT_SECONDS = 0.3  # for a job that may be quick enough to need no progress bar
KEPT = 8  # finished jobs whose results are kept


class Stopped(Exception):
    """The user stopped the job."""


class Job(BackgroundTask):
    """A background call of `task(report)`; `report(activity, done, total)` raises Stopped after `stop`.

    Ends with a `result`, with a `problem` (one sentence), or with neither where it was stopped.
    """

    NAME = "job"
    UNEXPECTED = "This could not be computed because of an internal error; see the server's log."
    ENDED_BY_USER = (Stopped,)

    def __init__(self, task: Callable):
        super().__init__("Starting")
        self.task = task
        self.result = None
        self.problem: str = ""
        self.stopped = False

    def work(self) -> None:
        """Call the task."""
        try:
            self.result = self.task(self.report)
        except MemoryError as error:
            raise RunError(
                "The computer ran out of memory: close other programs, or request less."
            ) from error

    def run(self) -> None:
        """Call `work` and keep its problem as a sentence; called by the thread."""
        super().run()
        self.problem = str(self.problem or "")

    def report(self, activity: str, done: int, total: int) -> None:
        """Set the progress; total is 0 where it is unknown."""
        if self.stopped:
            raise Stopped
        self.progress = activity, done, total


@st.cache_resource(show_spinner=False)
def _all() -> dict[str, Job]:
    return {}


def get(key: str) -> Job | None:
    """The job that was started under this key, running or finished."""
    return _all().get(key)


def start(key: str, task: Callable) -> Job:
    """Start `task(report)` under this key, unless a job runs under it already; the job.

    Waits a moment: a job that is done by then needs no progress bar.
    """
    jobs = _all()
    job = jobs.get(key)
    if job is None or not job.is_alive():
        finished = [name for name, other in list(jobs.items()) if not other.is_alive()]
        for name in finished[: max(len(jobs) - KEPT, 0)]:
            jobs.pop(name, None)
        job = jobs[key] = Job(task)
        job.start()
        job.join(WAIT_SECONDS)
    if job.is_alive():
        st.session_state["job_started"] = True
    return job


def rerun_if_started() -> None:
    """In a fragment, after a click that may have started a job: draw the whole page, which shows its progress."""
    if st.session_state.pop("job_started", False):
        st.rerun()


def forget(key: str) -> None:
    """Forget a finished job, so that it can be started again."""
    _all().pop(key, None)


def stop(key: str) -> None:
    """Stop the job at its next step."""
    job = get(key)
    if job is not None:
        job.stopped = True


def running(prefix: str) -> str | None:
    """The key of a job that runs and whose key begins so; None if there is none."""
    return next((key for key, job in list(_all().items()) if key.startswith(prefix) and job.is_alive()), None)


def show_progress(key: str, button: str = "Stop") -> bool:
    """Show progress and a button that stops the job if one runs under this key; whether one does.

    Not for use in a fragment: the progress is a fragment of its own, which draws the whole page at the job's end.
    """
    job = get(key)
    if job is None or not job.is_alive():
        return False
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.fragment(_poll, run_every=POLL_SECONDS)(key)
        icon = ":material/stop:" if button == "Stop" else ":material/close:"
        st.button(button, icon=icon, key=f"stop_{key}", on_click=stop, args=(key,))
    return True


def _poll(key: str) -> None:
    job = get(key)
    if job is None or not job.is_alive():
        st.rerun()
    activity, _, total = job.progress
    message = f"{activity}, {job.share:.0%}" if total else activity
    st.progress(job.share, text=formatting.plain("Stopping" if job.stopped else message))

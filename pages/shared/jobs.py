"""Work of over a second that a page asks for: in a thread of the server, told of on screen, to be stopped.

A job belongs to the server, not to a session: a refresh or another tab finds it where it is.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dsc_core.errors import RunError
from pages.shared import widgets
from pages.shared.work import Work

POLL = 0.7  # seconds between two looks
MOMENT = 0.3  # seconds
MOST = 8  # jobs kept with what they found, for the pages that asked


class Stopped(Exception):
    """The user stopped the job."""


class Job(Work):
    """Work under way: `task(tell)` is called with a function to tell of progress, which raises where it was stopped.

    Ends with a `result`, or with a `problem`, one sentence; with neither where it was stopped.
    """

    WHAT = "a job"
    FAULT = "This could not be computed, by a fault of this program; the server's log tells more."
    GIVEN_UP = (Stopped,)

    def __init__(self, task: Callable):
        super().__init__("Beginning")
        self.task = task
        self.result = None
        self.problem: str = ""
        self.stopped = False

    def work(self) -> None:
        """Call the task."""
        try:
            self.result = self.task(self.tell)
        except MemoryError as error:
            told = "The computer ran out of memory: close other programs, or ask for less."
            raise RunError(told) from error

    def run(self) -> None:
        """For the thread."""
        super().run()
        self.problem = str(self.problem)

    def tell(self, words: str, done: int, total: int) -> None:
        """How far it is; total 0 where the end is not known."""
        if self.stopped:
            raise Stopped
        self.step = words, done, total


@st.cache_resource(show_spinner=False)
def _all() -> dict[str, Job]:
    return {}


def known(key: str) -> Job | None:
    """The job that was begun under this key, whether it runs or has ended."""
    return _all().get(key)


def begin(key: str, work: Callable) -> Job:
    """Begin `work(tell)` under this key; where one runs under it already, that one.

    Waits a moment for it: what is done by then needs no progress on screen.
    """
    jobs = _all()
    job = jobs.get(key)
    if job is None or not job.is_alive():
        ended = [name for name, other in list(jobs.items()) if not other.is_alive()]
        for name in ended[: max(len(jobs) - MOST, 0)]:
            jobs.pop(name, None)
        job = jobs[key] = Job(work)
        job.start()
        job.join(MOMENT)
    if job.is_alive():
        st.session_state["job_begun"] = True
    return job


def follow() -> None:
    """Within a fragment, after a click that may have begun a job: have the page drawn, on which its progress stands."""
    if st.session_state.pop("job_begun", False):
        st.rerun()


def forget(key: str) -> None:
    """Let go of a job that has ended, so that it can be begun anew."""
    _all().pop(key, None)


def stop(key: str) -> None:
    """Stop the job at its next step."""
    job = known(key)
    if job is not None:
        job.stopped = True


def show(key: str) -> bool:
    """Where a job runs under this key: its progress and a way to stop it. Whether one does.

    Not from within a fragment: the progress is one of its own, which draws the page anew at the job's end.
    """
    job = known(key)
    if job is None or not job.is_alive():
        return False
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.fragment(_poll, run_every=POLL)(key)
        st.button("Stop", icon=":material/stop:", key=f"stop_{key}", on_click=stop, args=(key,))
    return True


def _poll(key: str) -> None:
    job = known(key)
    if job is None or not job.is_alive():
        st.rerun()
    words = f"{job.step[0]}, {job.share:.0%}" if job.step[2] else job.step[0]
    st.progress(job.share, text=widgets.plain("Stopping" if job.stopped else words))

"""Work of over a second that a page asks for: in a thread of the server, told of on screen, to be stopped.

A job belongs to the server, not to a session: a refresh or another tab finds it where it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import streamlit as st

from dsc_core.errors import InputError, RunError
from pages.shared import widgets

POLL = 0.7  # seconds between two looks
MOMENT = 0.3  # seconds
MOST = 8  # jobs kept with what they found, for the pages that asked


class Stopped(Exception):
    """The user stopped the job."""


class Job(threading.Thread):
    """Work under way: `work(tell)` is called with a function to tell of progress, which raises where it was stopped.

    Ends with a `result`, or with a `problem`, one sentence; with neither where it was stopped.
    """

    def __init__(self, work: Callable):
        super().__init__(daemon=True)
        self.work = work
        self.step: tuple[str, int, int] = ("Beginning", 0, 0)
        self.result = None
        self.problem = ""
        self.stopped = False

    def run(self) -> None:
        """Work; for the thread."""
        try:
            self.result = self.work(self.tell)
        except Stopped:
            pass
        except (InputError, RunError) as problem:
            self.problem = str(problem)
        except MemoryError:
            self.problem = "The computer ran out of memory: close other programs, or ask for less."
        except Exception:  # a mistake of the program: told of in a sentence, and in full in the server's log
            logging.getLogger(__name__).exception("a job failed")
            self.problem = (
                "This could not be computed, by a fault of this program; the server's log tells more."
            )

    def tell(self, words: str, done: int, total: int) -> None:
        """How far it is; total 0 where the end is not known."""
        if self.stopped:
            raise Stopped
        self.step = words, done, total

    @property
    def share(self) -> float:
        """How much of this step is done, 0 to 1."""
        _, done, total = self.step
        return min(done / total, 1.0) if total else 0.0


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

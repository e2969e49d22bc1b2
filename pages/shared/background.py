"""Work that runs in a server thread, however its page waits for it."""

from __future__ import annotations

import logging
import threading

from dsc_core.errors import InputError, RunError


class BackgroundTask(threading.Thread):
    """A thread that reports progress and ends with a `problem`, one sentence, or without one.

    Subclasses implement `work`. progress: (what is being done, how much of it, of how much); the last one is 0 or
    None where the total is unknown.
    """

    NAME = "background task"  # in the server's log
    UNEXPECTED = "This failed because of an internal error; see the server's log."
    ENDED_BY_USER: tuple[type[Exception], ...] = ()  # what `work` raises where the user ended it

    def __init__(self, activity: str):
        super().__init__(daemon=True)
        self.progress: tuple[str, int, int | None] = (activity, 0, 0)
        self.problem: InputError | RunError | None = None

    def work(self) -> None:
        """Do the work; the messages of InputError and RunError are shown to the user as they are."""
        raise NotImplementedError

    def run(self) -> None:
        """Call `work` and keep its problem; called by the thread."""
        try:
            self.work()
        except self.ENDED_BY_USER:
            pass
        except (InputError, RunError) as problem:
            self.problem = problem
        except Exception:  # a bug: one sentence for the user, the traceback in the server's log
            logging.getLogger(__name__).exception("%s failed", self.NAME)
            self.problem = RunError(self.UNEXPECTED)

    @property
    def share(self) -> float:
        """The completed share of the current activity, 0 to 1; 0 where the total is unknown."""
        _, done, total = self.progress
        return min(done / total, 1.0) if total else 0.0

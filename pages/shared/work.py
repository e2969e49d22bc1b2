"""Work in a thread of the server: what every kind of it has, however its page waits for it."""

from __future__ import annotations

import logging
import threading

from dsc_core.errors import InputError, RunError


class Work(threading.Thread):
    """Work under way; a kind of it says what it does in `work`.

    Ends with a `problem`, one sentence, or without one. step: (what is done now, how much of it, of how much; 0 or
    None where the end is not known).
    """

    WHAT = "the work"  # in the server's log
    FAULT = "This could not be done, by a fault of this program; its log tells more."
    GIVEN_UP: tuple[type[Exception], ...] = ()  # what `work` raises where the user ended it

    def __init__(self, step: str):
        super().__init__(daemon=True)
        self.step: tuple[str, int, int | None] = (step, 0, 0)
        self.problem: InputError | RunError | None = None

    def work(self) -> None:
        """Do it; InputError and RunError are told to the user as they stand."""
        raise NotImplementedError

    def run(self) -> None:
        """For the thread."""
        try:
            self.work()
        except self.GIVEN_UP:
            pass
        except (InputError, RunError) as problem:
            self.problem = problem
        except Exception:  # a mistake of the program: told of in a sentence, and in full in the server's log
            logging.getLogger(__name__).exception("%s failed", self.WHAT)
            self.problem = RunError(self.FAULT)

    @property
    def share(self) -> float:
        """How much of this step is done, 0 to 1; 0 where its end is not known."""
        _, done, total = self.step
        return min(done / total, 1.0) if total else 0.0

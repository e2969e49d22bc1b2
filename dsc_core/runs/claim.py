"""The claim of a process on the run that it trains.

A process that did not answer for long, since it was suspended or its machine slept, may count as lost where only
heartbeats tell (`processes.alive`), and its run may have been started again. If nobody did so, it takes up the run with
its next sign of life; else it ends, and leaves everything to the other process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dsc_core.errors import RunError
from dsc_core.runs import processes

if TYPE_CHECKING:
    from dsc_core.runs.run import Run
    from dsc_core.runs.store import Store

TAKEN = "Another process trains this run by now, because this one had not answered for too long."
GONE = "The run was deleted while it trained."


class Lost(RunError):
    """The process no longer has the run, and must not write to it."""


def check(store: Store, run: Run) -> None:
    """Lost if the run, as it was claimed by this process, was deleted or has been started by another one."""
    row = store.index.run(run.id)
    if row is None or not run.folder.is_dir():
        raise Lost(GONE)
    if (row["pid"], row["started"]) != (run.pid, run.started):
        raise Lost(TAKEN)


def beat(store: Store, run: Run) -> None:
    """Note that the run's process lives; a run that counted as lost meanwhile is running again."""
    with store.index.transaction():
        check(store, run)
        store.heartbeat(run.id)
        row = store.index.run(run.id)
        if row and row["status"] in ("failed", "queued"):
            again = {"status": "running", "reason": "", "ended": None, "queued": None}
            store.index.update_run(run.id, **again)


@contextmanager
def beating(store: Store, run: Run) -> Iterator[None]:
    """A heartbeat every few seconds while the block runs."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(processes.BEAT):
            with suppress(RunError):  # training will meet the same error and report it
                beat(store, run)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

"""How long a run still takes, and when the runs of the queue start, as far as that can be said."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from dsc_core.runs import expectation
from dsc_core.runs.expectation import Expectation, Finished
from dsc_core.runs.run import Run
from dsc_core.training.costs import Job

if TYPE_CHECKING:
    from dsc_core.runs.store import Store

LOOKED_AT = 30  # the newest events of a run, among which its last estimate is sought
LEAST = 0.1  # of the time that was expected: so much is left of a run that reports nothing yet


def expected(store: Store, run: Run, finished: Sequence[Finished]) -> Expectation | None:
    """How long a run takes from its start to its end; None where its data set does not say. finished: runs of `store`.

    A branch has some of its training behind it, so nothing is said about one.
    """
    if run.parent:
        return None
    with suppress(ValueError, TypeError, KeyError, ZeroDivisionError):  # a run of another version
        job = Job(run.samples, tuple(run.dataset["shape"]), run.config)
        return expectation.expect(store.home, job, finished)
    return None


def seconds_left(run: Run, whole: Expectation | None, now: float | None = None) -> float | None:
    """What is left of a run that trains and has reported nothing yet, from what was expected. None if unknown."""
    if whole is None:
        return None
    passed = max((now or time.time()) - run.started, 0.0) if run.started and not run.paused else 0.0
    return max(whole.seconds - passed, LEAST * whole.seconds)


def starts_in(
    store: Store, run_id: str, running: Sequence[Run], queued: Sequence[Run], places: int
) -> tuple[float | None, Expectation | None]:
    """(seconds until a queued run starts, how long it then takes), each None where it cannot be said.

    running, queued: the runs that train and that wait, in their order. places: how many train at once.
    """
    finished = expectation.finished_runs(store)
    ends = [_left(store, run, finished) for run in running]
    known = sorted(end for end in ends if end is not None)
    # Those beyond the places, which were started beside the others, leave none when they end.
    free = [0.0] * (places - len(ends)) + known[max(len(known) - places, 0) :]
    certain = len(known) == len(ends)
    for run in queued:
        whole = expected(store, run, finished)
        start = heapq.heappop(free) if certain and free else None
        if run.id == run_id:
            return start, whole
        certain = certain and whole is not None
        if whole is not None and start is not None:
            heapq.heappush(free, start + whole.seconds)
    return None, None


def _left(store: Store, run: Run, finished: Sequence[Finished]) -> float | None:
    """Seconds that a run which trains still takes, by its newest estimate."""
    last = store.event_log.last_number(run.id)
    for _, event in reversed(store.events(run.id, after=max(last - LOOKED_AT, 0))):
        if event.remaining is not None:
            return event.remaining
    return seconds_left(run, expected(store, run, finished)) if last < LOOKED_AT else None

"""The queue: which runs of a workspace wait, and how many train at once.

It lives in the index and so outlives every process. A process that ends a run starts the next one, without a browser
or a server (`worker.execute`). If it was killed and could not, the next page or command does so, or `watch` in a
server that nobody looks at.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from dsc_core.errors import InputError, RunError
from dsc_core.runs import expectation, forecast, starting
from dsc_core.runs.run import Run, readable
from dsc_core.runs.store import Store

MAX_RUNS = 16  # the largest number of concurrent runs that can be set
PERIOD = 5.0  # seconds between two checks of `watch`
PATIENCE = 12  # checks in a row that may fail, as on a full disk, before `watch` gives up
SETTING = "at_a_time"
HELD_UP = {  # what a run waits for, by the phase of one that trains
    "paused": "It waits for the run '{}', which is paused: resume or stop that run, or start this one now.",
    "silent": "It waits for the run '{}', which does not answer: stop that run, or start this one now.",
}


def concurrent_runs(store: Store) -> int:
    """How many runs may train at once; until a number is set, as many as the launcher has room for."""
    return int(store.index.setting(SETTING, "0")) or store.launcher.capacity()


def set_concurrent_runs(store: Store, number: int) -> None:
    """Let `number` runs train at once, and start those that now have room. InputError if out of range."""
    if not 1 <= number <= MAX_RUNS:
        raise InputError(f"The number of concurrent runs is 1 to {MAX_RUNS}, not {number}.")
    store.index.set_setting(SETTING, str(int(number)))
    advance(store)


def enqueue(store: Store, run_id: str) -> None:
    """Put the run at the end of the queue; it starts at once if there is room.

    InputError if it is running or done. A run that is queued keeps its position.
    """
    store.get(run_id)
    with store.index.transaction():
        starting.check_startable(store, run_id)
        store.index.enqueue(run_id)
    store.save_facts(run_id)
    advance(store)


def withdraw(store: Store, run_id: str) -> None:
    """Take the run out of the queue. InputError if it is not queued."""
    run = store.get(run_id)
    # An earlier attempt may have left results; they stay available.
    status, reason = ("stopped", "It was taken out of the queue.") if run.started else ("created", "")
    if not store.index.withdraw(run_id, status, reason):
        raise InputError(f"The run '{run.name}' is not in the queue: it is {run.status}.")
    store.save_facts(run_id)


def waiting(store: Store) -> list[Run]:
    """The runs in the queue, the next one first; without those whose folder is gone."""
    return [run for run in readable(store.index.queued(), store.home) if run.folder.is_dir()]


def start_now(store: Store, run_id: str) -> None:
    """Train a run of the queue at once, beside the runs that train already. InputError if it is running or done."""
    store.start(run_id)


def outlook(store: Store, run_id: str) -> str:
    """Its place in the queue, what it waits for and for how long; "" if the run is not queued."""
    ids = [run.id for run in waiting(store)]
    if run_id not in ids:
        return ""
    place = f"Number {ids.index(run_id) + 1} of {len(ids)} in the queue."
    running = readable(filter(starting.alive, store.index.runs("running")), store.home)
    start, whole = forecast.starts_in(store, run_id, running, waiting(store), concurrent_runs(store))
    for run in running:
        if run.phase in HELD_UP:
            takes = f" It then takes {whole.words}." if whole else ""
            return f"{place} {HELD_UP[run.phase].format(run.name)}{takes}"
    when = f"in {expectation.about(start)}, " if start else ""
    takes = f", and then takes {whole.words}" if whole else ""
    return f"{place} It starts {when}when an earlier run has ended{takes}."


def advance(store: Store) -> list[str]:
    """Start as many runs of the queue as there is room for, in their order. → the ids of those started.

    Safe to call at any time from several processes: room is counted and taken in one transaction. A run whose
    process cannot be started fails with the reason, and the next one is tried.
    """
    started: list[str] = []
    if not store.index.queued():  # usually nothing is queued, and a read never waits for other processes
        return started
    limit = concurrent_runs(store)  # may take seconds, so before the transaction
    while store.index.queued():
        run_id, running = _start_next(store, limit)
        if run_id is None:
            break
        store.save_facts(run_id)
        started += [run_id] if running else []
    return started


def _start_next(store: Store, limit: int) -> tuple[str | None, bool]:
    """(id of the run taken from the queue, whether it runs); (None, False) if there is no room.

    A run on several graphics cards counts for as many runs, but one that needs more than `limit` runs alone.
    """
    with store.index.transaction():
        used, queued = starting.running_slots(store), waiting(store)
        if not queued or (used and used + store.launcher.slots(queued[0].config) > limit):
            return None, False
        run = queued[0]
        try:
            starting.launch(store, run)
        except RunError as error:
            failed = {"status": "failed", "reason": str(error), "ended": time.time(), "queued": None}
            store.index.update_run(run.id, **failed)
            return run.id, False
        return run.id, True


# In a server that nobody looks at -----------------------------------------------------------------------------

_watchers: dict[Path, threading.Thread] = {}
_watchers_lock = threading.Lock()


def watch(store: Store) -> None:
    """Advance the queue from a thread of this process for as long as runs wait; one thread per workspace."""
    with _watchers_lock:
        watcher = _watchers.get(store.home)
        if (watcher and watcher.is_alive()) or not waiting(store):
            return
        _watchers[store.home] = threading.Thread(target=_watch, args=(store,), daemon=True)
        _watchers[store.home].start()


def _watch(store: Store) -> None:
    failures = 0
    while failures < PATIENCE:
        time.sleep(PERIOD)
        try:
            advance(store)
            if not waiting(store):
                return
            failures = 0
        except RunError:
            failures += 1

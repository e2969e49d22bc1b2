"""The queue: which runs of a workspace wait, and how many train at a time.

It lives in the store's index and so outlives every process. Whoever ends a run starts the next, without a
browser or a server (`worker.execute`); where a process was killed and could not, the next look at the
workspace does it: a page, a command, or `keep_going` in a server that nobody looks at.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from dsc_core.errors import InputError, RunError
from dsc_core.runs import processes
from dsc_core.runs.store import Run, Store, numbers
from dsc_core.training import launch

MOST = 16  # runs at a time that can be asked for
EVERY = 5.0  # seconds between two looks of `keep_going`
PATIENCE = 12  # looks in a row that may fail, as on a full disk, before it gives up
WAITING = "SELECT * FROM runs WHERE status = 'queued' ORDER BY queued, id"


def at_a_time(store: Store) -> int:
    """How many runs may train at once; until a number is set, one a graphics card, and 1 without any."""
    return int(store.setting("at_a_time", "0")) or max(1, launch.cards())


def set_at_a_time(store: Store, number: int) -> None:
    """Let `number` runs train at once, and start those that now have room. InputError beyond 1 to MOST."""
    if not 1 <= number <= MOST:
        raise InputError(f"From 1 to {MOST} runs can train at a time, not {number}.")
    store.set_setting("at_a_time", str(int(number)))
    advance(store)


def enqueue(store: Store, run_id: str) -> None:
    """Put the run at the end of the queue; it starts at once where there is room.

    InputError where it is running already or is done. A run that waits already keeps its place.
    """
    store.get(run_id)
    with store._transaction() as db:
        store._refuse_second_start(db, run_id)
        db.execute(
            "UPDATE runs SET status = 'queued', reason = '', queued = ? WHERE id = ? AND status != 'queued'",
            (time.time(), run_id),
        )
    store._write_card(run_id)
    advance(store)


def withdraw(store: Store, run_id: str) -> None:
    """Take the run out of the queue. InputError where it does not wait there (any more)."""
    run = store.get(run_id)
    # An earlier attempt may have left results; they stay within reach.
    status, reason = ("stopped", "It was taken out of the queue.") if run.started else ("created", "")
    with store._transaction() as db:
        changed = db.execute(
            "UPDATE runs SET status = ?, reason = ?, queued = NULL WHERE id = ? AND status = 'queued'",
            (status, reason, run_id),
        )
    if not changed.rowcount:
        raise InputError(f"The run '{run.name}' does not wait in the queue: it is {run.status}.")
    store._write_card(run_id)


def waiting(store: Store) -> list[Run]:
    """The runs that wait, the next one first."""
    return [store._as_run(row) for row in store._read(WAITING)]


def advance(store: Store) -> list[str]:
    """Start as many of the waiting runs as there is room for, in their order; the ids of those started.

    Safe to call at any time from several processes: room is counted and taken in one transaction. A run
    whose process cannot be started fails with the reason and makes way for the next.
    """
    started = []
    if not waiting(store):  # mostly nobody waits, and a read itself waits for nobody
        return started
    most = at_a_time(store)  # counts the graphics cards, which may take seconds, before the transaction
    while store._read(f"{WAITING} LIMIT 1"):
        run_id, running = _start_next(store, most)
        if run_id is None:
            break
        store._write_card(run_id)
        started += [run_id] if running else []
    return started


def _start_next(store: Store, most: int) -> tuple[str | None, bool]:
    """(id of the run taken from the queue, whether it runs); (None, False) where there is no room.

    A run on several graphics cards takes as many places, or all of them where it wants more than there are.
    """
    with store._transaction() as db:
        at_work = db.execute("SELECT pid, process, heartbeat, cards FROM runs WHERE status = 'running'")
        taken = sum(max(1, len(numbers(cards))) for *one, cards in at_work if processes.alive(*one))
        row = db.execute(f"{WAITING} LIMIT 1").fetchone()
        if row is None or (taken and taken + launch.places(store._as_run(row).config) > most):
            return None, False
        try:
            store._launch(db, store._as_run(row))
        except RunError as error:
            db.execute(
                "UPDATE runs SET status = 'failed', reason = ?, ended = ?, queued = NULL WHERE id = ?",
                (str(error), time.time(), row["id"]),
            )
            return row["id"], False
        return row["id"], True


# Where nobody looks -----------------------------------------------------------------------------------------

_keepers: dict[Path, threading.Thread] = {}
_keepers_lock = threading.Lock()


def keep_going(store: Store) -> None:
    """Look after the queue from a thread of this process for as long as runs wait; one thread a workspace."""
    with _keepers_lock:
        known = _keepers.get(store.home)
        if (known and known.is_alive()) or not waiting(store):
            return
        _keepers[store.home] = threading.Thread(target=_keep, args=(store,), daemon=True)
        _keepers[store.home].start()


def _keep(store: Store) -> None:
    failures = 0
    while failures < PATIENCE:
        time.sleep(EVERY)
        try:
            advance(store)
            if not waiting(store):
                return
            failures = 0
        except RunError:
            failures += 1

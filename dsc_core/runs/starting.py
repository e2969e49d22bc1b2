"""Starting a run: in a process that the launcher starts, or in this very process."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from dsc_core.errors import InputError, RunError
from dsc_core.runs import checkpoints, failures, processes
from dsc_core.runs.folder import clear_partial_files, prepare_last_words
from dsc_core.runs.index import Row
from dsc_core.runs.run import DAMAGED, Run, card_numbers, readable
from dsc_core.training import launch as machine

if TYPE_CHECKING:
    from dsc_core.runs.store import Store


def start(store: Store, run_id: str) -> None:
    """Train a run in a process of its own; see `Store.start`."""
    run = store.get(run_id)
    store.launcher.capacity()  # counted before the transaction: it may take seconds
    with store.index.transaction():
        check_startable(store, run_id)
        launch(store, run)
    store.save_facts(run_id)


def launch(store: Store, run: Run) -> None:
    """Start the process of a run, as a part of a transaction. RunError if it cannot be started."""
    store.controls.withdraw(run.id)
    waiting = sum(row["id"] != run.id for row in store.index.queued())
    cards = store.launcher.choose_cards(run.config, _used_cards(store), waiting)
    run = replace(run, cards=tuple(cards))
    try:
        process = store.launcher.start(run)
    except OSError as error:
        raise RunError(f"The training process could not be started: {failures.os_reason(error)}.") from error
    try:
        _rewind(store, run.id)
        mark_running(store, run.id, process.pid, store.launcher.identity(process), 0, run.cards)
    except BaseException:
        process.kill()
        raise
    # Without a wait the ended process would stay in the system's table until this one ends.
    threading.Thread(target=process.wait, daemon=True).start()


def claim(store: Store, run_id: str) -> Run:
    """Take a run for this very process; see `Store.claim`."""
    run = store.get(run_id)
    with store.index.transaction():
        row = row_of(store, run_id)
        # A virtual environment's python.exe on Windows is a parent that waits for the real one.
        expected = row["status"] == "running" and not row["claimed"]
        launched = expected and row["pid"] in (os.getpid(), os.getppid())
        if not launched:
            check_startable(store, run_id)
            store.controls.withdraw(run_id)
            _rewind(store, run_id)
        since = row["started"] if expected else None  # a page takes another start for another attempt
        cards = card_numbers(row["cards"]) if expected else tuple(machine.torchrun_cards(run.config))
        mark_running(store, run_id, os.getpid(), processes.identity(os.getpid()), 1, cards, since)
        clear_partial_files(run.folder)
    prepare_last_words(run.folder)
    store.save_facts(run_id)
    return store.get(run_id)


def check_startable(store: Store, run_id: str) -> None:
    """InputError if the run is running or done."""
    row = row_of(store, run_id)
    if row["status"] == "running" and alive(row):
        raise InputError(f"The run '{row['name']}' is running already, in process {row['pid']}.")
    if row["status"] == "done":
        raise InputError(
            f"The run '{row['name']}' is done; create another run to train with the same settings."
        )


def running_slots(store: Store) -> int:
    """How many of the concurrent runs the living ones count for: each graphics card of a run is one."""
    rows = filter(alive, store.index.runs("running"))
    return sum(max(1, len(card_numbers(row["cards"]))) for row in rows)


def mark_running(
    store: Store,
    run_id: str,
    pid: int,
    identity: str | None,
    claimed: int,
    cards: tuple[int, ...],
    since: float | None = None,
) -> None:
    """Note that the process `pid` trains the run. claimed: whether the process itself says so."""
    now = time.time()
    state = {"status": "running", "reason": "", "pid": pid, "process": identity, "claimed": claimed}
    times = {"started": since or now, "paused": 0, "ended": None, "queued": None, "heartbeat": now}
    store.index.update_run(run_id, **state, **times, cards=",".join(map(str, cards)))


def alive(row: Row) -> bool:
    """Whether the process of a row of the index lives."""
    return processes.alive(row["pid"], row["process"], row["heartbeat"])


def row_of(store: Store, run_id: str) -> Row:
    """The row of a run. RunError if it has been deleted meanwhile."""
    row = store.index.run(run_id)
    if row is None:
        damaged = [run for run in store.list() if run.id == run_id and run.status == DAMAGED]
        if damaged:
            raise InputError(damaged[0].reason)
        raise RunError(f"The run '{run_id}' is no longer in the workspace.")
    return row


def _used_cards(store: Store) -> list[int]:
    """The graphics cards of the living runs, once for each run."""
    used: list[int] = []
    for row in filter(alive, store.index.runs("running")):
        # A run from the command line computes on the first card, if on any.
        on_cpu = all(run.config.device == "cpu" for run in readable([row], store.home))
        used += card_numbers(row["cards"]) or ([] if on_cpu else [0])
    return used


def _rewind(store: Store, run_id: str) -> None:
    """Move the events after the newest readable checkpoint aside, since training continues from there.

    Numbers count on, so that no page mixes two attempts. Settings that a person changed after the checkpoint are
    requested again.
    """
    last = checkpoints.newest(store.folder(run_id))[1]
    moved = store.event_log.move_aside(run_id, last)
    for event in moved if last else ():
        if event.changes and event.level == "info":
            store.controls.add(run_id, {name: new for name, (_, new) in event.changes.items()})

"""Finding the runs of a workspace: in the index, or in folders that are not in it yet."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.errors import InputError, RunError
from dsc_core.runs import facts, failures, processes, starting
from dsc_core.runs.files import read_json
from dsc_core.runs.folder import is_run, read_last_words
from dsc_core.runs.index import Row
from dsc_core.runs.run import DAMAGED, Run, from_row, to_row
from dsc_core.runs.run_folder import printable, read_run

if TYPE_CHECKING:
    from dsc_core.runs.store import Store

LONGEST = 255  # bytes of the name of a folder


def is_id(text: str) -> bool:
    """Whether a text, such as one from an address, could be the id of a run: the name of a folder, and no path."""
    fits = len(text) > 0 and text.isprintable() and not text.startswith(".") and len(text.encode()) <= LONGEST
    return fits and not set(text) & set("/\\")


def get(store: Store, run_id: str) -> Run:
    """The run with exactly this id. InputError if there is none."""
    run = None
    if is_id(run_id):
        folder = store.folder(run_id)
        row = store.index.run(run_id) if _is_folder(folder) else None
        if row is not None:
            run = _checked(store, row)
        elif is_run(folder):
            run = adopt(store, folder)
        elif "\ufffd" in run_id:  # stands for what cannot be shown of the folder's name
            run = next((other for other in listed(store) if other.id == run_id), None)
    if run is None:
        raise _unknown(run_id)
    return run


def listed(store: Store) -> list[Run]:
    """All runs, newest first; see `Store.list`."""
    folders = run_folders(store.home / "runs")
    rows = {row["id"]: row for row in store.index.runs()}
    runs = [_checked(store, row) for run_id, row in rows.items() if run_id in folders]
    runs += [adopt(store, path) for name, path in folders.items() if name not in rows and is_run(path)]
    return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)


def find(store: Store, text: str) -> Run:
    """The run whose id or name is `text`, or else the only one that begins with it. InputError if none is."""
    runs = listed(store)
    # An id is never ambiguous, even if the name in a copy of the run's folder is the same.
    exact = [run for run in runs if run.id == text] or [run for run in runs if run.name == text]
    matching = exact or [run for run in runs if run.id.startswith(text) or run.name.startswith(text)]
    if not text or not matching:
        raise _unknown(text)
    if len(matching) > 1:
        some = ", ".join(run.id for run in matching[:3]) + (", …" if len(matching) > 3 else "")
        raise InputError(f"'{text}' matches {len(matching)} runs ({some}); write more of the name.")
    return matching[0]


def _unknown(text: str) -> InputError:
    shown = failures.shortened(printable(text), 80)
    return InputError(f"There is no run '{shown}'; `python -m dsc_core list` shows the runs.")


def run_folders(home: Path) -> dict[str, Path]:
    """The folders in `home` by name. RunError if it cannot be read."""
    try:
        with os.scandir(home) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    except OSError as error:
        raise RunError(
            f"The folder {home} cannot be read ({failures.os_reason(error)}); check that it is there."
        ) from error
    return {name: home / name for name in names}


def _is_folder(path: Path | os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; not a link to itself."""
    try:
        return path.is_dir()
    except OSError:
        return False


def adopt(store: Store, folder: Path) -> Run:
    """Add a folder from another workspace, or one whose index was lost, to the index. → its run.

    One that is damaged is left out of the index, so that it is read anew once it has been mended.
    """
    run, process = read_run(folder, store.home)
    if run.status == DAMAGED:
        return run
    with store.index.transaction():
        store.index.insert_run(to_row(run, process))
        store.event_log.read_missing(run.id)
    row = store.index.run(run.id)
    return _checked(store, row) if row is not None else run


def _checked(store: Store, row: Row) -> Run:
    """The run of a row; if its process is gone, it is marked as failed first."""
    try:
        run = from_row(row, store.home)
    except RunError:  # the index is damaged just there, or is older than the check: the folder is the truth
        with store.index.transaction():
            store.index.forget_run(row["id"])
        return adopt(store, store.folder(row["id"]))
    if run.status != "running" or starting.alive(row):
        return run
    if ended := _ended_in_folder(run):
        store.index.update_run(run.id, **ended)
        return replace(run, **ended)
    lost = failures.KILLED if processes.same_boot(row["process"]) else failures.RESTARTED
    reason = read_last_words(run.folder) or lost
    try:
        with store.index.transaction():
            store.index.end_lost_run(row, reason, _last_sign(run))
            store.event_log.read_missing(run.id)
        store.save_facts(run.id)
        return from_row(store.index.run(run.id) or row, store.home)
    except (RunError, OSError):  # a full disk must not keep the state from being shown
        return replace(run, status="failed", reason=reason, ended=_last_sign(run))


def _ended_in_folder(run: Run) -> dict[str, Any]:
    """How the run ended, by its folder: the index may be an older one, from a backup. {} if it did not."""
    try:
        card = read_json(run.folder / "run.json")
    except RunError:
        return {}
    if card.get("status") not in ("done", "stopped") or card.get("started") != run.started:
        return {}
    ended = {name: card.get(name) for name in ("status", "reason", "ended")}
    return {} if facts.wrong(ended, facts.RUN, ("reason",)) else ended


def _last_sign(run: Run) -> float:
    """When a lost run was last heard of, by this machine's clock; neither in the future nor before its start."""
    return max(min(run.heartbeat or time.time(), time.time()), run.started or 0.0)


def check_name(store: Store, name: str, renamed: str = "") -> None:
    """InputError if another run has this name or id. Within a transaction it stays free. renamed: the run itself."""
    for row in store.index.named(name):
        if row["id"] != renamed and _is_folder(store.folder(row["id"])):
            raise InputError(f"There is a run named '{name}' already; choose another name.")
    if name != renamed and is_id(name) and _is_folder(store.folder(name)):
        raise InputError(f"There is a run named '{name}' already; choose another name.")

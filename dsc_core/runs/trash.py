"""Deleted runs: moved into the workspace's trash/, whence they come back until it is emptied on request."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures, queue
from dsc_core.runs.files import read_json, size_of, write_json
from dsc_core.runs.folder import is_run
from dsc_core.runs.store import Store, read_folder

STAMP = "deleted.json"


@dataclass(frozen=True)
class Trashed:
    """A deleted run. deleted: epoch seconds. size: bytes."""

    id: str
    name: str
    samples: int
    deleted: float
    size: int


def folder_of(store: Store) -> Path:
    """The trash of a workspace."""
    return store.home / "trash"


def delete(store: Store, run_id: str) -> None:
    """Move the run into the trash. InputError while it trains; RunError where its folder cannot be moved."""
    run = store.get(run_id)
    if run.status == "queued":
        queue.withdraw(store, run_id)
    target = _free(folder_of(store) / run_id)
    try:
        with store._transaction() as db:
            row = db.execute("SELECT status, name FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row and row["status"] == "running":
                raise InputError(f"The run '{row['name']}' is training; stop it first, then delete it.")
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            db.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
            db.execute("DELETE FROM controls WHERE run_id = ?", (run_id,))
            target.parent.mkdir(exist_ok=True)
            write_json(run.folder / STAMP, {"deleted": time.time()})
            os.replace(run.folder, target)  # last: where it fails, the rows come back
    except OSError as error:
        with suppress(OSError):
            (run.folder / STAMP).unlink(missing_ok=True)
        raise RunError(f"The run '{run.name}' could not be deleted: {failures.plainly(error)}.") from error


def trashed(store: Store) -> list[Trashed]:
    """What lies in the trash, the last deleted first."""
    folder = folder_of(store)
    runs = [_trashed(path, store) for path in folder.iterdir() if is_run(path)] if folder.is_dir() else []
    return sorted(runs, key=lambda run: run.deleted, reverse=True)


def restore(store: Store, run_id: str) -> str:
    """Bring a run back out of the trash; its id. Where its name was given away meanwhile, it is named by its id.

    InputError where the trash does not hold it, or where a run of this id is there again.
    """
    source, target = _in_trash(store, run_id), store.folder(run_id)
    if target.exists():
        raise InputError(f"There is a run {run_id} already; rename the folder in the trash to restore it.")
    run, _ = read_folder(source, store.home)
    taken = any(run.name in (other.id, other.name) for other in store.list())
    try:
        (source / STAMP).unlink(missing_ok=True)
        os.replace(source, target)
    except OSError as error:
        raise RunError(f"The run {run_id} could not be restored: {failures.plainly(error)}.") from error
    store.get(run_id)
    if taken:
        store.rename(run_id, run_id)
    return run_id


def empty(store: Store) -> int:
    """Delete for good what lies in the trash; the bytes that it held. RunError where some of it stays."""
    folder = folder_of(store)
    held = size_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise RunError(f"Some of the trash could not be deleted; see that {folder} can be written.")
    return held


def _trashed(folder: Path, store: Store) -> Trashed:
    run, _ = read_folder(folder, store.home)
    try:
        deleted = float(read_json(folder / STAMP)["deleted"])
    except (RunError, KeyError, TypeError, ValueError):
        deleted = folder.stat().st_mtime
    return Trashed(folder.name, run.name, run.samples, deleted, size_of(folder))


def _in_trash(store: Store, run_id: str) -> Path:
    path = folder_of(store) / run_id
    if run_id != Path(run_id).name or not is_run(path):
        raise InputError(f"The trash holds no run '{run_id}'.")
    return path


def _free(path: Path) -> Path:
    """`path`, or with a number behind it where something lies there."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}-{number}"), number + 1
    return free

"""Deleted runs: in the workspace's folder trash/, from which they can be restored until it is emptied."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures, queue
from dsc_core.runs.facts import TIME
from dsc_core.runs.files import read_json, size_of, write_json
from dsc_core.runs.folder import is_run
from dsc_core.runs.run import DAMAGED
from dsc_core.runs.run_folder import read_run
from dsc_core.runs.store import TRASH, Store

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
    return store.home / TRASH


def delete(store: Store, run_id: str) -> None:
    """Move the run into the trash. InputError while it trains; RunError if its folder cannot be moved.

    On a full disk only its folder is moved, which takes no space: the index leaves out what has no folder.
    """
    run = store.get(run_id)
    if run.status == "queued":
        with suppress(RunError):  # on a full disk it is taken out when it is restored
            queue.withdraw(store, run_id)
    target = _free(folder_of(store) / run_id)
    try:
        with store.index.transaction():  # so that no other process starts it meanwhile
            row = store.index.run(run_id)
            if row and row["status"] == "running":
                raise InputError(f"The run '{row['name']}' is training; stop it first, then delete it.")
            _stamp(run.folder)
            target.parent.mkdir(exist_ok=True)
            os.replace(run.folder, target)
    except OSError as error:
        with suppress(OSError):
            (run.folder / STAMP).unlink(missing_ok=True)
        raise RunError(f"The run '{run.name}' could not be deleted: {failures.os_reason(error)}.") from error
    with suppress(RunError):  # on a full disk: the rows go when the trash is emptied
        store.index.delete_run(run_id)


def _stamp(folder: Path) -> None:
    """Note the present moment in a folder and, where there is space, in a file, which keeps it in a copy too."""
    with suppress(OSError):
        write_json(folder / STAMP, {"deleted": time.time()})
    with suppress(OSError):
        os.utime(folder)


def trashed(store: Store) -> list[Trashed]:
    """The runs in the trash, the last deleted first."""
    folder = folder_of(store)
    try:
        paths = [path for path in folder.iterdir() if is_run(path)] if folder.exists() else []
    except OSError as error:
        raise RunError(f"The trash {folder} cannot be read: {failures.os_reason(error)}.") from error
    runs = [_trashed(path, store) for path in paths]
    return sorted(runs, key=lambda run: run.deleted, reverse=True)


def restore(store: Store, run_id: str) -> str:
    """Restore a run from the trash. → its id. If its name is taken by now, it is named by its id.

    InputError if it is not in the trash, or if there is a run with this id.
    """
    source, target = _in_trash(store, run_id), store.folder(run_id)
    if target.exists():
        raise InputError(f"There is a run {run_id} already; rename the folder in the trash to restore it.")
    run, _ = read_run(source, store.home)
    store.list()  # adds what is not in the index, so that no name is given twice
    try:
        (source / STAMP).unlink(missing_ok=True)
        os.replace(source, target)
    except OSError as error:
        raise RunError(f"The run {run_id} could not be restored: {failures.os_reason(error)}.") from error
    with store.index.transaction():
        restored = store.get(run_id)
        if restored.status == "queued":  # it was deleted on a full disk
            queue.withdraw(store, run_id)
        try:
            if restored.status != DAMAGED:
                store.check_name(run.name, run_id)
        except InputError:  # the name was given away meanwhile
            store.rename(run_id, run_id)
    return run_id


def empty(store: Store) -> int:
    """Delete the runs in the trash for good. → the bytes freed. RunError if some of it cannot be deleted."""
    folder = folder_of(store)
    held, ids = size_of(folder), [path.name for path in folder.glob("*")]
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise RunError(f"Some of the trash could not be deleted; check that {folder} can be written.")
    with suppress(OSError):
        folder.mkdir()
    for run_id in ids:
        if not store.folder(run_id).exists():
            with suppress(RunError):
                store.index.delete_run(run_id)
    return held


def _trashed(folder: Path, store: Store) -> Trashed:
    run, _ = read_run(folder, store.home)
    try:
        stamp = read_json(folder / STAMP).get("deleted")
    except RunError:
        stamp = None
    known = stamp is not None and TIME.fits(stamp)
    deleted = float(stamp) if known else folder.stat().st_mtime  # type: ignore[arg-type]
    return Trashed(run.id, run.name, run.samples, deleted, size_of(folder))


def _in_trash(store: Store, run_id: str) -> Path:
    path = folder_of(store) / run_id
    if run_id != Path(run_id).name or not is_run(path):
        raise InputError(f"There is no run '{run_id}' in the trash.")
    return path


def _free(path: Path) -> Path:
    """`path`, with a number after it if it is taken."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}-{number}"), number + 1
    return free

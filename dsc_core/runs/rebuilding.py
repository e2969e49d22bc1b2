"""Rebuilding the index of a workspace from the folders of its runs, and from what was rescued of the earlier one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dsc_core.runs.event_log import EventLog
from dsc_core.runs.folder import is_run
from dsc_core.runs.index import Index
from dsc_core.runs.rescue import ONLY_THERE, Rescued, Row
from dsc_core.runs.run import DAMAGED, FIELDS, to_row
from dsc_core.runs.run_folder import read_run

NOTICE = "notice"  # the setting that holds what happened, until somebody has read it


def rebuild(index: Index, event_log: EventLog, home: Path, rescued: Rescued) -> None:
    """Bring every run of `home` into the index, as its folder has it, and what was rescued.

    Several processes may do so one after the other; nothing is added twice. RunError if the index cannot be written.
    """
    left: dict[str, Row] = {row["id"]: row for row in rescued.tables.get("runs", ())}
    for folder in sorted((home / "runs").iterdir()):
        if not folder.name.startswith(".") and is_run(folder):
            _take(index, event_log, folder, home, left.get(folder.name, {}))
    with index.transaction():
        for row in rescued.tables.get("controls", ()):
            index.take_over("controls", row)
        for row in rescued.tables.get("settings", ()):
            index.take_over("settings", row)
        if not index.setting(NOTICE, ""):
            stamp = time.strftime("%Y-%m-%d %H:%M")
            index.set_setting(NOTICE, f"{stamp}: {rescued.sentence}")


def _take(index: Index, event_log: EventLog, folder: Path, home: Path, left: Row) -> None:
    """Bring one run into the index. left: its row in the earlier index, or {}."""
    run, process = read_run(folder, home)
    if run.status == DAMAGED:
        return
    row = to_row(run, process)
    if run.status == "running":
        row |= {name: left[name] for name in ONLY_THERE if _usable(name, left.get(name))}
    with index.transaction():
        known = index.run(run.id)
        if known is None:
            index.insert_run(row)
        elif run.status != "running":
            index.update_run(run.id, **{name: row[name] for name in FIELDS if name != "id"})
        event_log.read_missing(run.id)


def _usable(name: str, value: Any) -> bool:
    """Whether a value of a row that was rescued is of the type of its column."""
    return isinstance(value, str) if name == "cards" else isinstance(value, int | float)

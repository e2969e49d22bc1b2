"""What is kept of an index that is damaged, or that was deleted or replaced while the program runs.

Runs and their events are in the folders. Requests to runs, settings of the workspace and a few facts of running runs
are in the index alone: what can still be read of them is taken over, and what is lost is said.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsc_core.runs.schema import SIDE_FILES, alone, identity_of

Row = dict[str, Any]
ONLY_THERE = ("paused", "claimed", "cards", "heartbeat")  # columns of runs that no folder has
BEGINNINGS = {  # of the sentence that says what happened
    "damaged": "The index of runs was damaged and has been rebuilt from the run folders",
    "deleted": "The index of runs was deleted while the program ran, and has been rebuilt from the run folders",
    "replaced": "The index of runs was replaced while the program ran; the runs have been read anew from their folders",
}
LOST = {
    "settings": "The number of concurrent runs may be lost: check it.",
    "controls": "Requests that a run had not taken yet may be lost: send them again.",
    "runs": "Whether a run is paused may be lost: resume or pause it again.",
}


@dataclass
class Rescued:
    """What is left of an index.

    why: a key of BEGINNINGS. tables: the rows that could be read, by table. lost: the tables that could not be read to
    their end. kept_as: the name of the damaged file.
    """

    why: str
    tables: dict[str, list[Row]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    kept_as: str = ""

    @property
    def sentence(self) -> str:
        """What happened, and what may be lost."""
        kept = f"; the damaged file is kept as {self.kept_as}" if self.kept_as else ""
        return " ".join([f"{BEGINNINGS[self.why]}{kept}.", *(LOST[table] for table in self.lost)])


def set_aside(path: Path, damaged: tuple[int, int] | None) -> Rescued:
    """Rename the damaged index, unless another process has replaced it by now. damaged: its `identity_of`."""
    rescued = Rescued("damaged")
    with alone(path):
        if identity_of(path) != damaged:
            return rescued
        rescued.kept_as = f"damaged-{time.strftime('%Y%m%d-%H%M%S')}-{path.name}"
        for suffix in ("", *SIDE_FILES):
            with suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", path.with_name(rescued.kept_as + suffix))
    with suppress(sqlite3.Error):
        db = sqlite3.connect(path.with_name(rescued.kept_as), timeout=1.0, isolation_level=None)
        try:
            read(db, rescued)
        finally:
            db.close()
    rescued.lost = [table for table in LOST if table in rescued.lost or table not in rescued.tables]
    return rescued


def read(db: sqlite3.Connection, rescued: Rescued) -> None:
    """Read of an index what no folder has: from both ends, so that damage in the middle costs only the middle."""
    db.row_factory = sqlite3.Row
    for table, key in (("settings", "name"), ("controls", "id"), ("runs", "id")):
        rows: dict[Any, Row] = {}
        for order in ("", " DESC"):
            try:
                for row in db.execute(f"SELECT * FROM {table} ORDER BY {key}{order}"):
                    rows[row[key]] = dict(row)
            except sqlite3.Error:
                rescued.lost += [] if table in rescued.lost else [table]
                continue
            break
        rescued.tables[table] = [row for row in rows.values() if _whole(table, row)]


def _whole(table: str, row: Row) -> bool:
    """Whether a row that was read from a damaged file makes sense."""
    try:
        if table == "settings":
            return isinstance(row["name"], str) and isinstance(row["value"], str)
        if table == "controls":
            return isinstance(row["run_id"], str) and isinstance(json.loads(row["changes"]), dict)
        return isinstance(row["id"], str) and isinstance(row.get("cards", ""), str)
    except (KeyError, TypeError, ValueError, RecursionError):
        return False

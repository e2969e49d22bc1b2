"""The SQLite index of a workspace: every query. Several processes and threads share it.

It holds what is read often or written by two sides: the state of each run, its events, the requests to it, and the
workspace's settings.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dsc_core.errors import RunError
from dsc_core.runs import failures
from dsc_core.runs.rescue import Rescued, read, set_aside
from dsc_core.runs.schema import PATIENCE, connect, drop_odd_rows, identity_of, is_damage

Row = sqlite3.Row
WITHDRAWN = 0  # in place of the time at which a request was taken: it belongs to an earlier attempt


class Damaged(RunError):
    """The index turned out to be damaged; it has been mended by the time that this is raised out of a transaction."""


class Index:
    """The index in the file `path`. Every change is one short transaction; all methods raise RunError.

    patience: seconds to wait for other processes. A file that is damaged, or was deleted or replaced under a server
    that runs for weeks, is opened anew, and what was left of it goes to the function that `set_rebuild` names.
    """

    def __init__(self, path: Path, patience: float = PATIENCE):
        self.path, self.patience = path, patience
        self.lock = threading.RLock()
        self._rebuild: Callable[[Rescued], None] | None = None
        self.rescued: Rescued | None = None
        self._open()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()

    def set_rebuild(self, rebuild: Callable[[Rescued], None]) -> None:
        """Call `rebuild` with what was left whenever the file had to be replaced, as perhaps at once."""
        with self.lock:
            self._rebuild = rebuild
            if self.rescued:
                rescued, self.rescued = self.rescued, None
                rebuild(rescued)

    # -- the file --------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Open the file; a damaged one is set aside and replaced."""
        try:
            for last in (False, True):
                identity = identity_of(self.path)
                try:
                    self.connection = connect(self.path, self.patience)
                    drop_odd_rows(self.connection)
                    self.identity = identity_of(self.path)
                    return
                except sqlite3.DatabaseError as error:
                    damaged = is_damage(error) or not isinstance(error, sqlite3.OperationalError)
                    if last or not damaged:
                        raise
                    self.rescued = set_aside(self.path, identity)
        except (sqlite3.Error, OSError) as error:
            raise RunError(failures.store_sentence(error)) from error

    def _stay_on_file(self) -> None:
        """Open the file anew if it was deleted, or another one has taken its place."""
        now = identity_of(self.path)
        if now != self.identity and self.path.parent.is_dir():
            rescued = Rescued("replaced" if now else "deleted")
            read(self.connection, rescued)
            self._reopen(rescued)

    def _mend(self) -> None:
        """Replace the damaged file by one that is rebuilt from the folders."""
        try:
            self._reopen(set_aside(self.path, self.identity))
        except OSError as error:
            raise RunError(failures.store_sentence(error)) from error

    def _reopen(self, rescued: Rescued) -> None:
        self.connection.close()
        self.rescued = None
        self._open()
        rescued, self.rescued = self.rescued or rescued, None
        if self._rebuild:
            self._rebuild(rescued)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One write transaction, rolled back if the block raises. Inside another one it is part of that."""
        with self.lock:
            if self.connection.in_transaction:
                yield
                return
            self._stay_on_file()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield
                self.connection.execute("COMMIT")
            except BaseException as error:
                if self.connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK")
                if is_damage(error) or isinstance(error, Damaged):
                    self._mend()
                    raise Damaged(failures.MENDED) from error
                if isinstance(error, sqlite3.Error):
                    raise RunError(failures.store_sentence(error)) from error
                raise

    def _write(self, statement: str, values: dict[str, Any] | tuple[Any, ...] = ()) -> int:
        """Execute one statement. → the number of rows changed."""
        try:
            with self.transaction():
                return self.connection.execute(statement, values).rowcount
        except Damaged:
            if self.connection.in_transaction:
                raise
            with self.transaction():  # in the index that was mended
                return self.connection.execute(statement, values).rowcount

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Row]:
        with self.lock:
            within = self.connection.in_transaction
            if not within:
                self._stay_on_file()
            try:
                return self.connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise RunError(failures.store_sentence(error)) from error
                if within:  # the transaction is to be rolled back first
                    raise Damaged(failures.MENDED) from error
            self._mend()
            try:
                return self.connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise RunError(failures.store_sentence(error)) from error

    # -- runs ------------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Row | None:
        """The row of a run."""
        return next(iter(self._read("SELECT * FROM runs WHERE id = ?", (run_id,))), None)

    def runs(self, status: str | None = None) -> list[Row]:
        """The rows of all runs, or of those with this status."""
        if status is None:
            return self._read("SELECT * FROM runs")
        return self._read("SELECT * FROM runs WHERE status = ?", (status,))

    def named(self, name: str) -> list[Row]:
        """The rows of the runs with this name or id."""
        return self._read("SELECT * FROM runs WHERE name = ? OR id = ?", (name, name))

    def queued(self) -> list[Row]:
        """The rows of the runs in the queue, the next one first."""
        return self._read("SELECT * FROM runs WHERE status = 'queued' ORDER BY queued, id")

    def insert_run(self, row: dict[str, Any]) -> None:
        """Add a run, unless its id is there."""
        columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        self._write(f"INSERT OR IGNORE INTO runs ({columns}) VALUES ({marks})", row)

    def update_run(self, run_id: str, **values: Any) -> None:
        """Set columns of a run."""
        columns = ", ".join(f"{name} = :{name}" for name in values)
        self._write(f"UPDATE runs SET {columns} WHERE id = :id", {**values, "id": run_id})

    def end_lost_run(self, row: Row, reason: str, ended: float) -> None:
        """Mark a run whose process is gone as failed, unless it has ended or was restarted since `row` was read."""
        self._write(
            "UPDATE runs SET status = 'failed', reason = ?, ended = ?"
            " WHERE id = ? AND status = 'running' AND pid IS ? AND process IS ?",
            (reason, ended, row["id"], row["pid"], row["process"]),
        )

    def enqueue(self, run_id: str) -> None:
        """Put a run at the end of the queue; one that is queued keeps its position."""
        self._write(
            "UPDATE runs SET status = 'queued', reason = '', queued = ? WHERE id = ? AND status != 'queued'",
            (time.time(), run_id),
        )

    def withdraw(self, run_id: str, status: str, reason: str) -> bool:
        """Take a run out of the queue. → whether it was queued."""
        values = (status, reason, run_id)
        return bool(
            self._write(
                "UPDATE runs SET status = ?, reason = ?, queued = NULL WHERE id = ? AND status = 'queued'",
                values,
            )
        )

    def forget_run(self, run_id: str) -> None:
        """Delete the row of a run, which is made anew from its folder; its events and requests stay."""
        self._write("DELETE FROM runs WHERE id = ?", (run_id,))

    def delete_run(self, run_id: str) -> None:
        """Delete a run with its events and requests."""
        with self.transaction():
            self._write("DELETE FROM runs WHERE id = ?", (run_id,))
            self._write("DELETE FROM events WHERE run_id = ?", (run_id,))
            self._write("DELETE FROM controls WHERE run_id = ?", (run_id,))

    # -- events ----------------------------------------------------------------------------------------------

    def add_event(self, run_id: str, event: str) -> int:
        """Add an event, as JSON. → its number, counted from 1."""
        with self.transaction():
            counted = "UPDATE runs SET last_seq = last_seq + 1, heartbeat = ? WHERE id = ?"
            if not self._write(counted, (time.time(), run_id)):
                raise RunError(f"The run '{run_id}' is no longer in the workspace.")
            seq = self._read("SELECT last_seq FROM runs WHERE id = ?", (run_id,))[0][0]
            self._write("INSERT INTO events VALUES (?, ?, ?)", (run_id, seq, event))
        return seq

    def add_missing_events(self, run_id: str, events: Iterable[tuple[int, str]]) -> None:
        """Add those of the events (number, JSON) that come after the newest one in the index."""
        with self.transaction():
            last = self._read("SELECT last_seq FROM runs WHERE id = ?", (run_id,))[0][0]
            missing = [event for event in events if event[0] > last]
            for event in missing:
                self._write("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", (run_id, *event))
            if missing:
                self._write("UPDATE runs SET last_seq = ? WHERE id = ?", (missing[-1][0], run_id))

    def events(self, run_id: str, after: int = 0, until: int | None = None) -> list[tuple[int, str]]:
        """(number, JSON) of the events above `after`, up to and including `until`, in order."""
        query = "SELECT seq, event FROM events WHERE run_id = ? AND seq > ?"
        values: tuple[Any, ...] = (run_id, after)
        if until is not None:
            query, values = f"{query} AND seq <= ?", (*values, until)
        return [(row[0], row[1]) for row in self._read(f"{query} ORDER BY seq", values)]

    def joined_events(self, run_id: str, after: int, most: int) -> tuple[int, int | None, str]:
        """(count, last number, JSON of each on a line of its own) of at most `most` events above `after`, in order."""
        some = "SELECT seq, event FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        joined = f"SELECT count(*), max(seq), group_concat(event, char(10)) FROM ({some})"
        count, last, text = self._read(joined, (run_id, after, most))[0]
        return count, last, text or ""

    def last_number(self, run_id: str) -> int:
        """The number of the newest event, 0 without events."""
        return self._read("SELECT max(seq) FROM events WHERE run_id = ?", (run_id,))[0][0] or 0

    def last_event(self, run_id: str) -> str | None:
        """The newest event, as JSON."""
        rows = self._read("SELECT event FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1", (run_id,))
        return rows[0]["event"] if rows else None

    def delete_events(self, run_id: str, after: int) -> None:
        """Delete the events above `after`."""
        self._write("DELETE FROM events WHERE run_id = ? AND seq > ?", (run_id, after))

    # -- requests --------------------------------------------------------------------------------------------

    def add_request(self, run_id: str, changes: dict[str, Any]) -> None:
        """Add a request to a run."""
        statement = "INSERT INTO controls (run_id, changes, written) VALUES (?, ?, ?)"
        self._write(statement, (run_id, json.dumps(changes), time.time()))

    def pending_requests(self, run_id: str) -> list[tuple[int, dict[str, Any]]]:
        """(id, request) of those that the run has not taken, in the order of arrival."""
        query = "SELECT id, changes FROM controls WHERE run_id = ? AND taken IS NULL ORDER BY id"
        return [(row["id"], json.loads(row["changes"])) for row in self._read(query, (run_id,))]

    def requests(self, run_id: str) -> list[dict[str, Any]]:
        """All requests to the present attempt at a run, taken or not, in the order of arrival."""
        query = "SELECT changes FROM controls WHERE run_id = ? AND (taken IS NULL OR taken != ?) ORDER BY id"
        return [json.loads(row["changes"]) for row in self._read(query, (run_id, WITHDRAWN))]

    def mark_request_taken(self, request_id: int) -> None:
        """Note that the run's process has received a request."""
        self._write("UPDATE controls SET taken = ? WHERE id = ?", (time.time(), request_id))

    def take_over(self, table: str, row: dict[str, Any]) -> None:
        """Add a row that was rescued from another index, unless there is one by its key."""
        columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        self._write(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", row)

    def withdraw_requests(self, run_id: str) -> None:
        """Withdraw the requests to an earlier attempt."""
        self._write("UPDATE controls SET taken = ? WHERE run_id = ?", (WITHDRAWN, run_id))

    # -- settings of the workspace ---------------------------------------------------------------------------

    def setting(self, name: str, default: str) -> str:
        """A setting of the workspace."""
        rows = self._read("SELECT value FROM settings WHERE name = ?", (name,))
        return rows[0]["value"] if rows else default

    def set_setting(self, name: str, value: str) -> None:
        """Change a setting of the workspace."""
        self._write("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

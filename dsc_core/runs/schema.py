"""The tables of a workspace's SQLite file, by numbered migrations, and how the file is opened."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from dsc_core.errors import RunError
from dsc_core.runs import failures

TIMEOUT = 30.0  # seconds to wait for another process's transaction; ours take milliseconds

# One entry per version of the index; `PRAGMA user_version` is the number applied. Only ever append.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
            pid INTEGER, process TEXT, claimed INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL, started REAL, ended REAL, heartbeat REAL, device TEXT NOT NULL DEFAULT '',
            dataset TEXT NOT NULL, config TEXT NOT NULL, last_seq INTEGER NOT NULL DEFAULT 0)""",
        """CREATE TABLE events (
            run_id TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL,
            PRIMARY KEY (run_id, seq)) WITHOUT ROWID""",
        """CREATE TABLE controls (
            id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, changes TEXT NOT NULL,
            written REAL NOT NULL, taken REAL)""",
        "CREATE INDEX pending ON controls (run_id, id) WHERE taken IS NULL",
    ),
    (  # pauses that a page can see, and branches
        "ALTER TABLE runs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN parent TEXT NOT NULL DEFAULT '{}'",
    ),
    (  # the queue, notes and stars
        "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN queued REAL",  # when it was put into the queue
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX wishes ON controls (run_id, id)",
    ),
    # the graphics cards on which the run was started, "0,1"
    ("ALTER TABLE runs ADD COLUMN cards TEXT NOT NULL DEFAULT ''",),
)


def open_index(path: Path) -> sqlite3.Connection:
    """The database at `path`, migrated to the newest version; a damaged one is set aside and replaced.

    RunError where it cannot be opened, or was written by a later version.
    """
    try:
        return connect(path)
    except sqlite3.OperationalError as error:
        raise RunError(failures.store_sentence(error)) from error
    except sqlite3.DatabaseError:
        set_aside(path)
        return connect(path)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that several threads may share if they hold a common lock."""
    db = sqlite3.connect(path, timeout=TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        use_wal(db)
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last second, never the file
        migrate(db)
        db.execute("SELECT count(*), sum(last_seq) FROM runs").fetchone()  # damage shows on reading
    except BaseException:
        db.close()
        raise
    return db


def set_aside(path: Path) -> None:
    """Rename a damaged index; the run folders hold everything that was in it."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, part.with_name(f"damaged-{stamp}-{part.name}"))


def use_wal(db: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait where two processes do so at once."""
    for attempt in range(50):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == 49:
                raise
            time.sleep(0.1)


def migrate(db: sqlite3.Connection) -> None:
    """Apply the missing migrations. RunError if the index was written by a later version of the program."""
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
        if version > len(MIGRATIONS):
            raise RunError(
                "This workspace was written by a later version of the app; update the app to open it."
            )
        for statement in (line for step in MIGRATIONS[version:] for line in step):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise

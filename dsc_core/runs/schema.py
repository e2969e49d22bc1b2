"""The tables of a workspace's SQLite file, by numbered migrations, and how the file is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsc_core.errors import RunError
from dsc_core.runs.facts import LATEST
from dsc_core.temporary import make_file

PATIENCE = 30.0  # seconds to wait for another process's transaction; ours take milliseconds
SIDE_FILES = ("-wal", "-shm")  # what SQLite appends to the name of the index
OPENING = 15.0  # seconds to wait for all that opening the index takes

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


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """A connection to the index at `path`, made or migrated to the newest version, for threads with a common lock.

    patience: seconds that all waiting for other processes may take together, and every later statement.
    sqlite3.Error if it is locked for longer, cannot be opened or is damaged; RunError if it is of a later version.
    """
    deadline = time.monotonic() + min(patience, OPENING)
    _make(path)
    db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        _use_wal(db, deadline)
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last second, never the file
        _check(db, path)
        _wait_at_most(db, deadline)
        migrate(db)
        db.execute(f"PRAGMA busy_timeout = {1000 * patience:.0f}")
    except BaseException:
        db.close()
        raise
    return db


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that took its place; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_damage(error: BaseException | None) -> bool:
    """Whether an error of SQLite means that the file is not, or no longer, a whole index."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    return isinstance(error, sqlite3.OperationalError) and "no such table" in str(error)


def _make(path: Path) -> None:
    """An empty file, so that the umask decides who may write: SQLite lets nobody but the owner write to its own."""
    if path.exists():
        return
    try:
        with alone(path):
            if not path.exists():
                for (
                    suffix
                ) in SIDE_FILES:  # of an index that was deleted: SQLite would take them for those of the new
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
                make_file(path)
    except OSError as error:
        why = f"The workspace's database cannot be made in {path.parent} ({error.strerror})"
        raise RunError(f"{why}; check that it can be written.") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from replacing the index meanwhile, where the system can. OSError where nobody may write."""
    try:
        import fcntl
    except ImportError:  # Windows, which renames and deletes no file that another process has open
        yield
        return
    with open(path.with_name(f".{path.name}.lock"), "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_sound: set[tuple[int, int] | None] = set()  # files that this process has read through


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Read the whole file once per process. sqlite3.DatabaseError if any of it is damaged.

    It takes 0.1 s with 1,000 runs of 300 events, 120 MB; without it damage in the middle shows much later.
    """
    if (identity := identity_of(path)) in _sound:
        return
    found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    _sound.add(identity)


def _wait_at_most(db: sqlite3.Connection, deadline: float) -> None:
    """Let statements wait for other processes until the deadline, or hardly."""
    db.execute(f"PRAGMA busy_timeout = {max(50, 1000 * (deadline - time.monotonic())):.0f}")


def _use_wal(db: sqlite3.Connection, deadline: float) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait where two processes do so at once."""
    while True:
        _wait_at_most(db, deadline)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def drop_odd_rows(db: sqlite3.Connection) -> None:
    """Delete rows of runs with a value of a wrong type, as earlier versions took them over from damaged folders.

    The folders are read anew.
    """
    texts = "name", "status", "reason", "device", "note", "dataset", "config", "parent"
    numbers = "created", "started", "ended", "heartbeat", "queued"
    wrong = [f"typeof({name}) != 'text'" for name in texts]
    wrong += [
        f"typeof({name}) NOT IN ('real', 'integer', 'null') OR abs({name}) > {LATEST}" for name in numbers
    ]
    condition = " OR ".join([*wrong, "typeof(pid) NOT IN ('integer', 'null')"])
    if db.execute(f"SELECT 1 FROM runs WHERE {condition} LIMIT 1").fetchone():
        db.execute(f"DELETE FROM runs WHERE {condition}")


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

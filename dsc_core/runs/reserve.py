"""Some space on the disk that a workspace keeps for its index, so that runs can be deleted when the disk is full."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from dsc_core.runs import failures

FILE = ".reserve"
# Bytes: SQLite needs 32 kB to open an index that nobody has open, and some for what a deletion changes there.
SIZE = 256 << 10
CODES = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
)  # of SQLite, where there is no room


def keep(home: Path) -> None:
    """Take the space where it is not taken; nothing happens on a full disk."""
    path = home / FILE
    if path.exists():
        return
    try:
        path.write_bytes(os.urandom(SIZE))  # zeros would take no space where the system compresses files
    except OSError:
        release(home)


def release(home: Path) -> bool:
    """Give the space back. → whether there was any."""
    try:
        (home / FILE).unlink()
    except OSError:
        return False
    return True


def helps(error: BaseException) -> bool:
    """Whether the index may have failed for want of space."""
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None) or 0
    return code & 0xFF in CODES or (cause is not None and failures.is_disk_full(cause))

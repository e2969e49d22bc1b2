"""Files and folders that are written beside their place and then moved there, with the permissions of the umask.

Those of `tempfile` are for their owner alone, whatever the umask says: in a shared workspace nobody else could read
what was moved into place.
"""

from __future__ import annotations

import os
import secrets
from io import BufferedRandom
from pathlib import Path

TRIES = 100  # names, of which each is taken with a probability of 1 in 10¹⁴


def temporary_folder(parent: Path, prefix: str = ".new-") -> Path:
    """A new folder in `parent`. OSError if it cannot be made."""
    for _ in range(TRIES):
        path = _path(parent, prefix)
        try:
            path.mkdir()
            return path
        except FileExistsError:
            continue
    raise FileExistsError(f"{parent} has no free name")


def temporary_file(parent: Path, prefix: str = ".new-") -> tuple[Path, BufferedRandom]:
    """A new file in `parent`, and the file opened to be written and read as bytes. OSError if it cannot be made."""
    for _ in range(TRIES):
        path = _path(parent, prefix)
        try:
            return path, open(path, "x+b")
        except FileExistsError:
            continue
    raise FileExistsError(f"{parent} has no free name")


def make_file(path: Path) -> None:
    """An empty file where there is none, readable and writable for whom the umask allows. OSError if impossible."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _path(parent: Path, prefix: str) -> Path:
    return Path(parent) / f"{prefix}{secrets.token_hex(6)}"

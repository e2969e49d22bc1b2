"""Atomic writing of files, reading and writing of JSON, and sizes of folders."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.errors import RunError
from dsc_core.temporary import temporary_file, temporary_folder
from dsc_core.workspace import ROOT, home  # noqa: F401 - imported from here by the rest of the room

LARGEST = 256 << 20  # bytes of a JSON file that is read


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` to a temporary file, then move it to `path`: a reader never sees an incomplete file."""
    content = content.encode() if isinstance(content, str) else content
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path) -> Iterator[BufferedRandom]:
    """An open binary file that replaces `path` if the block succeeds and is removed if it fails."""
    temporary, file = temporary_file(path.parent, f".{path.name[:100]}-")
    try:
        with file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; NaN and infinity become null."""
    write_whole(path, json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """`value` with NumPy scalars as Python numbers, and NaN and infinity as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. RunError if it is missing or damaged."""
    try:
        value = read_value(path)
    except FileNotFoundError:
        raise RunError(f"The run {path.parent.name} has no {path.name}.") from None
    except (OSError, ValueError) as error:
        raise damaged(path, reason_of(error)) from error
    if not isinstance(value, dict):
        raise damaged(path, "it holds no JSON object")
    return value


def read_value(path: Path) -> Any:
    """The JSON in `path`. OSError if it cannot be read; ValueError, whose message says why, if it is damaged."""
    text = read_regular(path).decode("utf-8")
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode(
            "utf-8"
        )  # half a character, "\\ud800", can be read but not shown
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def read_regular(path: Path, limit: int = LARGEST) -> bytes:
    """The content of a file. OSError if there is none; ValueError if it is no regular file, or implausibly large.

    A named pipe would be waited for, and a device never ends.
    """
    if check_regular(path) > limit:
        raise ValueError(f"it is larger than {limit >> 20:,} MB")
    return path.read_bytes()


def state_of(path: Path) -> tuple[int, ...]:
    """What tells a file from what it was, and from one that took its place; () if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def check_regular(path: Path) -> int:
    """The size of a file in bytes. OSError if there is none, ValueError if it is no regular file."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file")
    return status.st_size


def damaged(path: Path, why: str = "") -> RunError:
    """The error for a file of a run folder that cannot be read. why: as a part of a sentence, "it is a folder"."""
    reason = f" ({why})" if why else ""
    return RunError(
        f"The file {path.name} of the run {path.parent.name} is damaged{reason}: copy the folder again, or train a new"
        " run."
    )


def reason_of(error: Exception) -> str:
    """Why a file could not be read, as a part of a sentence."""
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return "it is no complete JSON"
    text = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    return text[:1].lower() + text[1:]


def size_of(folder: Path) -> int:
    """Total bytes of the files in a folder and its subfolders; 0 if it does not exist. Links are not followed."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # a file that was moved meanwhile
                if entry.is_dir(follow_symlinks=False):
                    total += size_of(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files and folders are moved into `folder` if the block succeeds."""
    temporary = temporary_folder(folder)
    try:
        yield temporary
        for item in sorted(temporary.iterdir()):
            move_over(item, folder / item.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_over(source: Path, target: Path) -> None:
    """Move `source` to `target`, replacing it; folders are merged file by file."""
    if source.is_dir() and target.is_dir():
        for item in sorted(source.iterdir()):
            move_over(item, target / item.name)
    else:
        os.replace(source, target)

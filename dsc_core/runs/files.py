"""Atomic writing of files, reading and writing of JSON, and sizes of folders."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.errors import RunError
from dsc_core.workspace import ROOT, home  # noqa: F401 - imported from here by the rest of the room


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` to a temporary file, then move it to `path`: a reader never sees an incomplete file."""
    content = content.encode() if isinstance(content, str) else content
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path) -> Iterator[BufferedRandom]:
    """An open binary file that replaces `path` if the block succeeds and is removed if it fails."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would deny access to other users of a shared folder
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
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
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"The run {path.parent.name} has no {path.name}.") from None
    except (OSError, ValueError) as error:
        raise damaged(path) from error
    if not isinstance(value, dict):
        raise damaged(path)
    return value


def damaged(path: Path) -> RunError:
    """The error for a file of a run folder that cannot be read."""
    return RunError(
        f"The file {path.name} of the run {path.parent.name} is damaged: copy the folder again, or train a new run."
    )


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
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
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

"""Files that are there whole or not at all, and the home folder that holds them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from dsc_core.errors import RunError
from dsc_core.workspace import ROOT, home  # noqa: F401 - asked for here by the rest of the room


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` under another name, then move it to `path`, so that a reader never sees half of it."""
    content = content.encode() if isinstance(content, str) else content
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path):
    """An open binary file that takes the place of `path` when the block ends well, and leaves nothing if not."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        os.chmod(temporary, 0o644)  # mkstemp's own 0600 would lock a colleague out of a shared folder
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value) -> None:
    """`value` as JSON; numbers that are not finite become null, which every reader knows."""
    write_whole(path, json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value):
    """`value` with NumPy's numbers as Python's own and numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read_json(path: Path) -> dict:
    """The JSON object in `path`; RunError, one sentence, where it is missing or damaged."""
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
        f"The file {path.name} of the run {path.parent.name} is damaged: copy the folder again or train anew."
    )


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below; 0 where it is not there. Links are not followed."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # a file that is moved into place just now
                if entry.is_dir(follow_symlinks=False):
                    total += size_of(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


@contextmanager
def staged(folder: Path):
    """A temporary folder whose files and folders are moved into `folder` when the block ends well."""
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        yield temporary
        for item in sorted(temporary.iterdir()):
            move_over(item, folder / item.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_over(source: Path, target: Path) -> None:
    """Move `source` to `target` in place of what is there; the files of a folder one by one."""
    if source.is_dir() and target.is_dir():
        for item in sorted(source.iterdir()):
            move_over(item, target / item.name)
    else:
        os.replace(source, target)

"""Named selections of samples, in the run's folder; a link can refer to one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_core.errors import InputError, RunError
from dsc_core.runs.files import damaged, read_json, write_json

NAME = "selections.json"
MAX_NAME = 60  # letters of a name
MAX_COUNT = 200  # selections of one run


def saved(folder: Path) -> dict[str, np.ndarray]:
    """{name: sorted positions} of the run in `folder`; RunError where the file is damaged."""
    path = Path(folder) / NAME
    if not path.exists():
        return {}
    try:
        return {name: np.unique(np.asarray(rows, dtype=np.int64)) for name, rows in read_json(path).items()}
    except (ValueError, TypeError, OverflowError) as error:
        raise damaged(path) from error


def stamp(folder: Path) -> int:
    """A number that changes when a selection is saved."""
    path = Path(folder) / NAME
    return path.stat().st_mtime_ns if path.exists() else 0


def load(folder: Path, name: str, count: int) -> np.ndarray:
    """The selection `name` among `count` samples. InputError where there is none, or it is of other samples."""
    rows = saved(folder).get(name)
    if rows is None:
        raise InputError(f"This run has no saved selection '{name[:MAX_NAME]}'.")
    if not len(rows) or rows[0] < 0 or rows[-1] >= count:
        raise InputError(f"The saved selection '{name[:MAX_NAME]}' does not fit this run's samples.")
    return rows


def save(folder: Path, name: str, rows) -> str:
    """Save positions under a name, over an older selection of that name; the name as it was kept."""
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise InputError(f"Give the selection a name of at most {MAX_NAME} letters.")
    if not len(rows):
        raise InputError("Select some samples first.")
    known = saved(folder)
    if name not in known and len(known) >= MAX_COUNT:
        raise InputError(
            f"A run keeps at most {MAX_COUNT} selections: save it over one that you no longer need."
        )
    known[name] = np.unique(np.asarray(rows, dtype=np.int64))
    try:
        write_json(Path(folder) / NAME, known)
    except OSError as error:
        raise RunError(f"The selection could not be saved ({error.strerror}).") from error
    return name

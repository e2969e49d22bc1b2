"""Named selections of samples, in the run's folder; links refer to them by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.errors import InputError, RunError
from dsc_core.runs.facts import whole
from dsc_core.runs.files import damaged, read_json, write_json
from dsc_core.runs.folder import check_kept

NAME = "selections.json"
MAX_NAME = 60  # characters of a name
MAX_COUNT = 200  # selections of one run


def saved(folder: Path) -> dict[str, np.ndarray]:
    """{name: sorted positions} of the run in `folder`; RunError if the file is damaged."""
    path = Path(folder) / NAME
    if not path.exists():
        return {}
    stored = read_json(path)
    for name, rows in stored.items():
        if not isinstance(rows, list) or not all(map(whole, rows)):
            raise damaged(path, f"the selection '{name[:MAX_NAME]}' holds more than whole numbers")
    return {name: np.unique(np.asarray(rows, dtype=np.int64)) for name, rows in stored.items()}


def stamp(folder: Path) -> int:
    """A number that changes when a selection is saved."""
    path = Path(folder) / NAME
    return path.stat().st_mtime_ns if path.exists() else 0


def load(folder: Path, name: str, count: int) -> np.ndarray:
    """The selection `name` among `count` samples. InputError if there is none, or it does not fit."""
    rows = saved(folder).get(name)
    if rows is None:
        raise InputError(f"This run has no saved selection '{name[:MAX_NAME]}'.")
    if not len(rows) or rows[0] < 0 or rows[-1] >= count:
        raise InputError(f"The saved selection '{name[:MAX_NAME]}' does not fit this run's samples.")
    return rows


def save(folder: Path, name: str, rows: ArrayLike) -> str:
    """Save the positions `rows` (m,) as a selection, replacing one of that name. → the name as saved."""
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise InputError(f"Give the selection a name of at most {MAX_NAME} characters.")
    rows = np.unique(np.asarray(rows, dtype=np.int64))
    if not len(rows):
        raise InputError("Select some samples first.")
    selections = saved(folder)
    if name not in selections and len(selections) >= MAX_COUNT:
        raise InputError(f"A run has at most {MAX_COUNT} selections: replace one that you no longer need.")
    selections[name] = rows
    try:
        write_json(Path(folder) / NAME, selections)
    except OSError as error:
        check_kept(Path(folder))
        raise RunError(f"The selection could not be saved ({error.strerror}).") from error
    return name

"""Columns of text whose cells are lists of numbers, such as "70 80 82" or "[0.1, 0.2]": a column for each number."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.cells import is_number
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.text import listed
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FIRST_CELLS = 50  # that decide whether a column holds lists
LEAST = 8  # numbers in a list without brackets, so that dates and telephone numbers are none
SPACES = str.maketrans("[](){},;", "        ")
BRACKETS = tuple("[({")


def expand_lists(frame: pd.DataFrame, name: str, limits: Limits, notes: list[Note]) -> pd.DataFrame:
    """The frame with a column "pixels 1", "pixels 2", … for each number in the lists of a column "pixels".

    name: of the file, for errors. InputError if the lists of a column differ in length.
    """
    import pandas as pd

    lengths = {
        column: length for column in frame.columns if (length := list_length(frame[column])) is not None
    }
    if not lengths:
        return frame
    if len(frame.columns) + sum(lengths.values()) > limits.columns:
        raise limits.error(f"{name}, with a column for each number in its lists,", "columns")
    if sum(lengths.values()) * len(frame) * 4 > limits.memory_mb * MEBI:
        raise limits.error(name, "memory_mb")
    parts = []
    for column in frame.columns:
        if column not in lengths:
            parts.append(frame[[column]])
            continue
        names = [f"{column} {index + 1}" for index in range(lengths[column])]
        parts.append(pd.DataFrame(_parse(frame[column], lengths[column], name), frame.index, names))
    notes.append(
        Note("list_columns", about=listed(f"{key[:30]} ({size:,})" for key, size in lengths.items()))
    )
    expanded = pd.concat(parts, axis=1)
    if not expanded.columns.is_unique:
        raise InputError(
            f"{name} has lists of numbers in columns whose names end alike: rename these columns."
        )
    return expanded


def list_length(series: pd.Series) -> int | None:
    """How many numbers the first cells of a column hold each; None unless all of them are lists of one length."""
    if is_number(series):
        return None
    cells = series.dropna().head(FIRST_CELLS).tolist()
    if not cells or not all(isinstance(cell, str) for cell in cells):
        return None
    lengths = {None if (values := _numbers(cell)) is None else len(values) for cell in cells}
    length = lengths.pop()
    if lengths or length is None or length < 2:
        return None
    bracketed = all(cell.lstrip().startswith(BRACKETS) for cell in cells)
    return length if bracketed or length >= LEAST else None


def _parse(series: pd.Series, length: int, name: str) -> np.ndarray:
    """The lists as (n, length) float32, NaN where a cell is empty; InputError for one of another length."""
    values = np.full((len(series), length), np.nan, np.float32)
    cells: Sequence[object] = series.tolist()
    for row, cell in enumerate(cells):
        if not isinstance(cell, str) or not cell.strip():
            continue
        found = _numbers(cell)
        if found is None or len(found) != length:
            held = "text" if found is None else f"{len(found):,} numbers"
            raise InputError(
                f"{name} holds {held} in row {row + 1} of the column {str(series.name)[:60]!r}, but {length:,} numbers"
                " in its first rows: mend this cell, or leave the column out."
            )
        values[row] = found
    return values


def _numbers(cell: str) -> np.ndarray | None:
    """The numbers of a list as text, (k,) float32; None if it holds anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # text that is not read to its end
        try:
            return np.fromstring(cell.translate(SPACES), dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return None

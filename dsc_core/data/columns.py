"""The columns of a table: which hold labels and ids, and what is in them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.cells import as_numbers, as_texts, is_number
from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.table_units import Preprocessing
from dsc_core.data.text import clean
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "Unnamed: 0"  # pandas' name for a first column without a name: the index of another frame
MISSING_LABEL = "missing"
MIN_PIXEL_SIDE = 8  # of images whose shape is guessed
Roles = tuple[str | None, str | None]  # the columns of labels and of ids


def choose_roles(frame: pd.DataFrame, name: str, options: Options, notes: list[Note]) -> Roles:
    """The columns of labels and of ids: as requested, else as in training, else by their usual names."""
    if options.like is not None and options.like["preprocessing"] is not None:
        options = _with_trained_roles(frame, options.like["preprocessing"], options)
    label = _choose_column(frame, options.label_column, "label", name, notes)
    return label, _choose_id_column(frame, options.id_column, label, name, notes)


def _with_trained_roles(frame: pd.DataFrame, preprocessing: Preprocessing, options: Options) -> Options:
    """`options` with the label and id columns of the training data, if the table has them and none are requested."""
    changes = {
        role: preprocessing[role]
        for role in ("label_column", "id_column")
        if getattr(options, role) is None and preprocessing.get(role) in frame.columns
    }
    return replace(options, **changes)


def _choose_column(
    frame: pd.DataFrame, requested: str | None, usual: str, name: str, notes: list[Note]
) -> str | None:
    """The requested column ("" for none), else, with a note, the one with the usual name."""
    if requested == "":
        return None
    if requested is not None:
        if requested not in frame.columns:
            columns = ", ".join(str(column) for column in frame.columns[:12])[:200]
            raise InputError(f"{name} has no column {requested[:60]!r}: choose one of {columns}.")
        return requested
    if usual in frame.columns:
        notes.append(Note(f"{usual}s_column", about=usual))
        return usual
    return None


def _choose_id_column(
    frame: pd.DataFrame, requested: str | None, label: str | None, name: str, notes: list[Note]
) -> str | None:
    """Like `_choose_column`; also a first column without a name and with distinct values, as pandas writes an index."""
    column = _choose_column(frame, requested, "id", name, notes)
    if column is not None and column == label:
        raise InputError(f"The column {column[:60]!r} cannot be both labels and ids: choose two columns.")
    if column is None and requested is None and frame.columns[0] == UNNAMED and frame[UNNAMED].is_unique:
        notes.append(Note("unnamed_ids"))
        return UNNAMED
    return column


def labels_of(series: pd.Series, notes: list[Note]) -> np.ndarray:
    """A column as labels (n,): whole numbers as int, else text; rows without a label form a class of their own."""
    texts = as_texts(series)
    gaps = sum(text is None for text in texts)
    if gaps:
        notes.append(Note("unlabelled", count=gaps, about=MISSING_LABEL))
    if is_number(series) and not gaps:
        numbers = as_numbers(series)
        if np.isfinite(numbers).all() and not (numbers % 1).any() and np.abs(numbers).max() < 2**53:
            return numbers.astype(np.int64)
    return np.array([MISSING_LABEL if text is None else clean(text) for text in texts], dtype=str)


def ids_of(series: pd.Series, first: int = 0) -> np.ndarray:
    """A column as ids (n,) str; a missing one is the row number, counted from `first`."""
    numbered = enumerate(as_texts(series), start=first)
    return np.array([str(row) if text is None else clean(text) for row, text in numbered], dtype=str)


def guess_pixel_shape(frame: pd.DataFrame) -> tuple[int, ...] | None:
    """The image shape of columns that look like pixels: whole numbers from 0 to 255, of a square image."""
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    if not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        return None
    if (values % 1).any() or values.max() < 2:
        return None
    return square_shape(len(frame.columns))


def square_shape(width: int, channels: tuple[int, ...] = (1, 3)) -> tuple[int, ...] | None:
    """The shape of a square image with `width` values and 1 or 3 channels, (H, H) or (3, H, H)."""
    for count in channels:
        side = math.isqrt(width // count)
        if side >= MIN_PIXEL_SIDE and count * side * side == width:
            return (side, side) if count == 1 else (count, side, side)
    return None


def check_cells(frame: pd.DataFrame, name: str, limits: Limits) -> None:
    """Refuse names of columns and texts that are longer than the limit."""
    for column in frame.columns:
        if len(column) > limits.cell:
            raise limits.error(f"A column name in {name}", "cell")
        if not is_number(frame[column]):
            longest = frame[column].astype(str).str.len().max() if len(frame) else 0
            if longest > limits.cell:
                raise limits.error(f"The column {column[:40]!r} of {name}", "cell")

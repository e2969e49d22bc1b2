"""Columns that give the labels away: the same value within every class."""

from __future__ import annotations

import numpy as np

from dsc_core.data.notes import Note
from dsc_core.data.table_units import Preprocessing, source_columns
from dsc_core.data.text import listed

LEAST_ROWS = 5  # per class on average, so that it is no chance
FIRST_LOOK = 2000  # rows


def note_answers(
    table: np.ndarray, labels: np.ndarray, preprocessing: Preprocessing, notes: list[Note]
) -> None:
    """A note on the columns of a standardised table (n, F) that do not vary within any class of labels (n,).

    The labels change nothing else: such columns stay until they are left out.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2 or len(table) < LEAST_ROWS * len(classes):
        return
    columns = np.arange(table.shape[1])
    for rows in (np.arange(len(table))[:: max(1, len(table) // FIRST_LOOK)], np.arange(len(table))):
        columns = columns[_same_within(table, rows, columns, codes)]
    found = dict.fromkeys(np.array(source_columns(preprocessing, table.shape[1]), dtype=object)[columns])
    if found:
        notes.append(Note("tells_classes", about=listed(found)))


def _same_within(table: np.ndarray, rows: np.ndarray, columns: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Which of the columns have one value within each class in these rows, (columns,) bool."""
    ordered = rows[np.argsort(codes[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(codes[ordered], prepend=-1))
    same = np.ones(len(columns), dtype=bool)
    for position, column in enumerate(columns):
        values = table[ordered, column]
        same[position] = np.array_equal(
            np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        )
    return same

"""From a table's columns to the float32 matrix that the network sees, fitted once and applied to new rows.

Numbers are standardised, (value - mean) / scale with the population standard deviation; each category becomes a column
of 0 and 1; missing numbers are filled with the column mean, missing categories with the most frequent one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.data.cells import as_numbers, as_texts, is_number
from dsc_core.data.chunks import chunks
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.table_units import Preprocessing, column_width
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

LISTED = 8  # column names in an error or a note


def fit_matrix(matrix: np.ndarray, limits: Limits, notes: list[Note]) -> Preprocessing:
    """The preprocessing of a matrix (n, F) of numbers with columns named "0", "1", …; see `fit_table`.

    Values that are not finite are kept, for `check_trainable` to refuse: a matrix has no convention for missing
    values, and a NaN in it is usually a mistake.
    """
    if matrix.shape[1] > limits.columns:
        raise limits.error(f"A table of {matrix.shape[1]:,} columns", "columns")
    means, scales = _moments(matrix)
    varies = _varies(means, scales)
    columns = [
        {"name": str(index), "kind": "number", "mean": float(means[index]), "scale": float(scales[index])}
        for index in np.flatnonzero(varies)
    ]
    constant = [str(index) for index in np.flatnonzero(~varies)]
    if constant:
        notes.append(Note("constant_columns", about=_listed(constant)))
    return {"source": "matrix", "width": matrix.shape[1], "columns": columns}


def apply_matrix(matrix: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """(n, F) numbers as the float32 matrix that `preprocessing`, from `fit_matrix`, describes."""
    if preprocessing.get("source") != "matrix":
        raise InputError(
            "The run was trained on a table with named columns, but this array has no names: choose a CSV or Parquet"
            " file with the same columns."
        )
    if matrix.shape[1] != preprocessing["width"]:
        raise InputError(
            f"The rows have {matrix.shape[1]} values, but the run was trained on {preprocessing['width']}: choose"
            " data with the same columns in the same order."
        )
    columns = preprocessing["columns"]
    indices = [int(column["name"]) for column in columns]
    means = np.array([column["mean"] for column in columns])
    scales = np.array([column["scale"] for column in columns])
    result = np.empty((len(matrix), len(columns)), np.float32)
    for start, block in chunks(matrix):
        with np.errstate(over="ignore"):
            result[start : start + len(block)] = (block[:, indices].astype(np.float64) - means) / scales
    return result


def fit_table(frame: pd.DataFrame, limits: Limits, notes: list[Note]) -> Preprocessing:
    """The preprocessing of a table: {"source": "table", "columns": [number or category, …]}, JSON-serializable.

    number: name, mean (which also fills gaps), scale. category: name, categories, fill. Both: missing, the number of
    gaps, if there are any. Columns that are constant or empty are dropped, and so is text with more than
    `limits.categories` different values (such as names); each with a note.
    """
    columns, constant, texts = [], [], []
    for name in frame.columns:
        series = frame[name]
        if is_number(series):
            column = _fit_number(name, series)
        else:
            counts = _counts(series)
            if _too_many(counts, len(series), limits):
                texts.append(name)
                continue
            column = _fit_category(name, counts, len(series))
        if column is None:
            constant.append(name)
        else:
            columns.append(column)
    if constant:
        notes.append(Note("constant_columns", about=_listed(constant)))
    if texts:
        about = f"{limits.categories} different values: {_listed(texts)}"
        notes.append(Note("text_columns", about=about))
    width = sum(map(column_width, columns))
    if width > limits.columns:
        raise limits.error(f"A table of {width:,} columns, counting each category,", "columns")
    if width * len(frame) * 4 > limits.memory_mb * MEBI:
        raise limits.error("The table", "memory_mb")
    return {"source": "table", "columns": columns}


def apply_table(frame: pd.DataFrame, preprocessing: Preprocessing, notes: list[Note]) -> np.ndarray:
    """The table as the float32 matrix (n, F) that `preprocessing`, from `fit_table`, describes.

    Additional columns are ignored, and unseen categories become zeros. InputError if a column is missing.
    """
    columns = preprocessing["columns"]
    missing = [column["name"] for column in columns if column["name"] not in frame.columns]
    if missing:
        raise InputError(
            f"The table lacks columns that the run was trained on, {_listed(missing)}: add them."
        )
    result = np.zeros((len(frame), sum(map(column_width, columns))), np.float32)
    start = filled = unseen = 0
    for column in columns:
        part = result[:, start : start + column_width(column)]
        if column["kind"] == "number":
            filled += _apply_number(frame[column["name"]], column, part)
        else:
            gaps, new = _apply_category(frame[column["name"]], column, part)
            filled, unseen = filled + gaps, unseen + new
        start += column_width(column)
    if filled:
        notes.append(Note("filled", count=filled))
    if unseen:
        notes.append(Note("unseen_categories", count=unseen))
    return result


def _apply_number(series: pd.Series, column: dict[str, Any], out: np.ndarray) -> int:
    """Write a standardised column into `out`, (n, 1); the number of gaps that were filled."""
    values = as_numbers(series)
    gaps = np.isnan(values)
    values[gaps] = column["mean"]
    with np.errstate(over="ignore"):
        out[:, 0] = (values - column["mean"]) / column["scale"]
    return int(gaps.sum())


def _apply_category(series: pd.Series, column: dict[str, Any], out: np.ndarray) -> tuple[int, int]:
    """Write a column of categories into `out`, (n, categories) of zeros; the numbers of gaps and unseen values."""
    texts = as_texts(series)
    position = {category: index for index, category in enumerate(column["categories"])}
    indices = np.array([position.get(column["fill"] if t is None else t, -1) for t in texts], dtype=np.int64)
    out[np.flatnonzero(indices >= 0), indices[indices >= 0]] = 1
    return sum(text is None for text in texts), int((indices < 0).sum())


def _fit_number(name: str, series: pd.Series) -> dict[str, Any] | None:
    """The description of a column of numbers, None if it is constant."""
    values = as_numbers(series)
    means, scales = _moments(values[:, None])
    if not _varies(means, scales)[0]:
        return None
    column = {"name": name, "kind": "number", "mean": float(means[0]), "scale": float(scales[0])}
    gaps = int(np.isnan(values).sum())
    return column | ({"missing": gaps} if gaps else {})


def _fit_category(name: str, counts: dict[str, int], rows: int) -> dict[str, Any] | None:
    """The description of a column of categories, None if it is constant."""
    if len(counts) < 2:
        return None
    fill = max(sorted(counts), key=counts.__getitem__)
    column = {"name": name, "kind": "category", "categories": sorted(counts), "fill": fill}
    gaps = rows - sum(counts.values())
    return column | ({"missing": gaps} if gaps else {})


def _too_many(counts: dict[str, int], rows: int, limits: Limits) -> bool:
    """Whether text has too many different values to be categories: more than the limit, or all different."""
    return len(counts) >= 2 and (len(counts) > limits.categories or len(counts) == rows)


def _counts(series: pd.Series) -> dict[str, int]:
    """How often each value of a column of text occurs, missing values left out."""
    counts: dict[str, int] = {}
    for text in as_texts(series):
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    return counts


def _moments(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (F,) of the finite values of (n, F), in double precision, in two passes."""
    count = np.zeros(matrix.shape[1])
    total, squares = np.zeros_like(count), np.zeros_like(count)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _, block in chunks(matrix):
            count += np.isfinite(block).sum(axis=0)
            total += np.where(np.isfinite(block), block, 0).sum(axis=0, dtype=np.float64)
        means = total / np.maximum(count, 1)
        for _, block in chunks(matrix):
            squares += (np.where(np.isfinite(block), block - means, 0) ** 2).sum(axis=0)
        scales = np.sqrt(squares / np.maximum(count, 1))
    valid = np.isfinite(means) & np.isfinite(scales)
    if not valid.all():
        column = int(np.flatnonzero(~valid)[0])
        raise InputError(f"Column {column} of the numbers holds values that are too large: scale them down.")
    return means, scales


def _varies(means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Which columns (F,) differ from constant ones by more than rounding errors."""
    return scales > 1e-12 * np.maximum(np.abs(means), 1e-280)


def _listed(names: list[str]) -> str:
    """The first names of columns, separated by commas."""
    shown = ", ".join(str(name)[:40] for name in names[:LISTED])
    return shown + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")

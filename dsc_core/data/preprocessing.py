"""From a table's columns to the float32 matrix that the network sees, fitted once and applied to new rows.

Numbers are standardised, (value - mean) / scale with the population standard deviation; each category becomes a column
of 0 and 1; missing numbers are filled with the column mean, missing categories with the most frequent one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.data.cells import EXAMPLES, NumberText, as_numbers, as_texts, is_number, read_numbers
from dsc_core.data.chunks import chunks
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.table_units import Preprocessing, column_width
from dsc_core.data.text import LISTED, listed
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MANY_CATEGORIES = 20  # of a column of text: above this it is pointed out


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
        notes.append(Note("constant_columns", about=listed(constant)))
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
    columns: list[dict[str, Any]] = []
    constant, texts, distinct = list[str](), list[str](), list[str]()
    for name in frame.columns:
        series = frame[name]
        if is_number(series):
            column = _fit_number(name, as_numbers(series))
        elif (read := read_numbers(series)).numeric:
            column = _fit_number(name, read.values)
        else:
            counts = _counts(series)
            if _too_many(counts, len(series), limits):
                (texts if len(counts) > limits.categories else distinct).append(name)
                continue
            column = _fit_category(name, counts, len(series))
        if column is None:
            constant.append(name)
        else:
            columns.append(column)
    if constant:
        notes.append(Note("constant_columns", about=listed(constant)))
    if texts:
        about = f"{limits.categories} different values: {listed(texts)}"
        notes.append(Note("text_columns", about=about))
    if distinct:
        notes.append(Note("distinct_texts", about=listed(distinct)))
    _note_categories(columns, len(frame), notes)
    width = sum(map(column_width, columns))
    if width > limits.columns:
        raise limits.error(f"A table of {width:,} columns, counting each category,", "columns")
    if width * len(frame) * 4 > limits.memory_mb * MEBI:
        raise limits.error("The table", "memory_mb")
    return {"source": "table", "columns": columns}


def many_values(counts: int, rows: int) -> bool:
    """Whether a column of text has so many different values, per row or at all, that it may decide the clusters."""
    return counts > MANY_CATEGORIES or counts > max(5, rows // 5)


def _note_categories(columns: list[dict[str, Any]], rows: int, notes: list[Note]) -> None:
    """Notes which columns of text become how many inputs."""
    widths = {column["name"]: len(column["categories"]) for column in columns if column["kind"] == "category"}
    many = {name: width for name, width in widths.items() if many_values(width, rows)}
    for kind, found in (("categories", widths), ("many_categories", many)):
        if found:
            about = listed(f"{name[:30]} ({width})" for name, width in found.items())
            notes.append(Note(kind, about=about))


def note_extra_columns(frame: pd.DataFrame, trained: Iterable[str], notes: list[Note]) -> None:
    """A note on the columns of new data that the run was not trained on."""
    known = set(trained)
    extra = [name for name in frame.columns if name not in known]
    if extra:
        notes.append(Note("extra_columns", about=listed(extra)))


def apply_table(frame: pd.DataFrame, preprocessing: Preprocessing, notes: list[Note]) -> np.ndarray:
    """The table as the float32 matrix (n, F) that `preprocessing`, from `fit_table`, describes.

    Columns are found by name, in any order; additional ones are left out, and unseen categories become zeros.
    InputError if a column is missing.
    """
    columns = preprocessing["columns"]
    missing = [column["name"] for column in columns if column["name"] not in frame.columns]
    if missing:
        raise InputError(f"The table lacks columns that the run was trained on, {listed(missing)}: add them.")
    result = np.zeros((len(frame), sum(map(column_width, columns))), np.float32)
    start = filled = unseen = 0
    reads: dict[str, NumberText] = {}
    for column in columns:
        part = result[:, start : start + column_width(column)]
        if column["kind"] == "number":
            filled += _apply_number(frame[column["name"]], column, part, reads)
        else:
            gaps, new = _apply_category(frame[column["name"]], column, part)
            filled, unseen = filled + gaps, unseen + new
        start += column_width(column)
    note_numbers(reads, notes)
    if filled:
        notes.append(Note("filled", count=filled))
    if unseen:
        notes.append(Note("unseen_categories", count=unseen))
    return result


def _apply_number(
    series: pd.Series, column: dict[str, Any], out: np.ndarray, reads: dict[str, NumberText]
) -> int:
    """Write a standardised column into `out`, (n, 1); the number of gaps that were filled. reads: see there."""
    values = number_values(series, reads)
    gaps = np.isnan(values)
    values[gaps] = column["mean"]
    with np.errstate(over="ignore"):
        out[:, 0] = (values - column["mean"]) / column["scale"]
    return int(gaps.sum())


def number_values(series: pd.Series, reads: dict[str, NumberText]) -> np.ndarray:
    """A column as numbers (n,) float64, NaN where there are none; if it is text, how it was read goes to `reads`."""
    if is_number(series):
        return as_numbers(series)
    read = reads[str(series.name)] = read_numbers(series)
    return read.values


def note_numbers(reads: dict[str, NumberText], notes: list[Note]) -> None:
    """Notes on columns of text that were read as numbers, and on their cells that are none."""
    whole = [name for name, read in reads.items() if not read.unread]
    signs = [name for name, read in reads.items() if read.signs]
    for kind, names in (("text_numbers", whole), ("number_signs", signs)):
        if names:
            notes.append(Note(kind, about=listed(names)))
    partly = {name: read for name, read in reads.items() if read.unread}
    groups = [[name] for name in partly] if len(partly) <= LISTED else [list(partly)]
    for names in groups:
        examples = dict.fromkeys(text for name in names for text in partly[name].examples)
        count = sum(partly[name].unread for name in names)
        shown = ", ".join(f"'{text}'" for text in list(examples)[:EXAMPLES])
        notes.append(Note("not_numbers", count=count, about=listed(names), example=shown))


def _apply_category(series: pd.Series, column: dict[str, Any], out: np.ndarray) -> tuple[int, int]:
    """Write a column of categories into `out`, (n, categories) of zeros; the numbers of gaps and unseen values."""
    texts = as_texts(series)
    position = {category: index for index, category in enumerate(column["categories"])}
    indices = np.array([position.get(column["fill"] if t is None else t, -1) for t in texts], dtype=np.int64)
    out[np.flatnonzero(indices >= 0), indices[indices >= 0]] = 1
    return sum(text is None for text in texts), int((indices < 0).sum())


def _fit_number(name: str, values: np.ndarray) -> dict[str, Any] | None:
    """The description of a column of numbers (n,), None if it is constant."""
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


def count_categories(frame: pd.DataFrame, names: list[str], limits: Limits) -> dict[str, int]:
    """How many different values each of these columns of text has, without those that are no categories."""
    counts = {name: _counts(frame[name]) for name in names}
    return {
        name: len(found)
        for name, found in counts.items()
        if len(found) > 1 and not _too_many(found, len(frame), limits)
    }


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

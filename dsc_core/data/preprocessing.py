"""From a table's columns to the float32 matrix that the network sees, fitted once and applied to later rows.

Numbers are standardised, (value - mean) / scale with the population's standard deviation; categories become
one column of 0 and 1 each; missing numbers take the column's mean, missing categories its most common one.
"""

from __future__ import annotations

import numpy as np

from dsc_core.data.dataset import chunks
from dsc_core.data.limits import MEBI, Limits
from dsc_core.errors import InputError


def fit_matrix(matrix: np.ndarray, limits: Limits, notes: list[str]) -> dict:
    """The preprocessing of a matrix (n, F) of numbers, its columns called "0", "1", ...; see `fit_table`.

    Values that are not finite are left as they are, for `check_trainable` to refuse: a matrix has no
    convention of missing values, and a NaN in it is more often a mistake.
    """
    if matrix.shape[1] > limits.columns:
        raise limits.refuse(f"A table of {matrix.shape[1]:,} columns", "columns")
    means, scales = _moments(matrix)
    columns = [
        {"name": str(index), "kind": "number", "mean": float(means[index]), "scale": float(scales[index])}
        for index in np.flatnonzero(_varies(means, scales))
    ]
    _note_dropped(
        notes, "hold the same value in every row", [str(i) for i in np.flatnonzero(~_varies(means, scales))]
    )
    return {"source": "matrix", "width": matrix.shape[1], "columns": columns}


def apply_matrix(matrix: np.ndarray, preprocessing: dict) -> np.ndarray:
    """(n, F) numbers as the float32 matrix that `preprocessing`, of `fit_matrix`, describes."""
    if preprocessing.get("source") != "matrix":
        raise InputError(
            "The run was trained on a table with named columns, and this array has no names: choose a CSV or"
            " parquet"
            " file with the same columns."
        )
    if matrix.shape[1] != preprocessing["width"]:
        raise InputError(
            f"The rows have {matrix.shape[1]} values and the run was trained on {preprocessing['width']}:"
            " choose data"
            " with the same columns in the same order."
        )
    columns = preprocessing["columns"]
    picked = [int(column["name"]) for column in columns]
    means = np.array([column["mean"] for column in columns])
    scales = np.array([column["scale"] for column in columns])
    result = np.empty((len(matrix), len(columns)), np.float32)
    for start, block in chunks(matrix):
        with np.errstate(over="ignore"):
            result[start : start + len(block)] = (block[:, picked].astype(np.float64) - means) / scales
    return result


def fit_table(frame, limits: Limits, notes: list[str]) -> dict:
    """The preprocessing of a pandas frame, JSON-able: {"source", "columns": [number or category, ...]}.

    number: name, mean, scale, also the filling. category: name, categories, fill. Both: missing, how many were
    filled, where there are any. Left out, with a note each:
    columns that are constant or empty, and text with more than `limits.categories` different values (such as
    names).
    """
    columns, constant, wide = [], [], []
    for name in frame.columns:
        series = frame[name]
        if is_number(series):
            column = _fit_number(name, series)
        else:
            column = _fit_category(name, series, limits, wide)
        if column is not None:
            columns.append(column)
        elif name not in wide:
            constant.append(name)
    _note_dropped(notes, "hold the same value in every row", constant)
    _note_dropped(notes, f"hold text with more than {limits.categories} different values", wide)
    width = sum(len(column.get("categories", "1")) for column in columns)
    if width > limits.columns:
        raise limits.refuse(f"A table of {width:,} columns, each category counted,", "columns")
    if width * len(frame) * 4 > limits.memory_mb * MEBI:
        raise limits.refuse("The table", "memory_mb")
    return {"source": "table", "columns": columns}


def apply_table(frame, preprocessing: dict, notes: list[str]) -> np.ndarray:
    """(n, F) float32 from a pandas frame by `preprocessing`, of `fit_table`; further columns are passed over.

    Categories that were not there when it was fitted become zeros. InputError when a column is missing.
    """
    columns = preprocessing["columns"]
    missing = [column["name"] for column in columns if column["name"] not in frame.columns]
    if missing:
        raise InputError(
            f"The table lacks {_listed(missing)}, which the run was trained on: add what is missing."
        )
    width = sum(len(column.get("categories", "1")) for column in columns)
    result = np.zeros((len(frame), width), np.float32)
    place = filled = unseen = 0
    for column in columns:
        series = frame[column["name"]]
        if column["kind"] == "number":
            values = as_numbers(series)
            gaps = np.isnan(values)
            values[gaps] = column["mean"]
            with np.errstate(over="ignore"):
                result[:, place] = (values - column["mean"]) / column["scale"]
            place += 1
        else:
            texts = as_texts(series)
            gaps = np.array([text is None for text in texts], dtype=bool)
            position = {category: place + i for i, category in enumerate(column["categories"])}
            at = np.array(
                [position.get(column["fill"] if t is None else t, -1) for t in texts], dtype=np.int64
            )
            result[np.flatnonzero(at >= 0), at[at >= 0]] = 1
            unseen += int((at < 0).sum())
            place += len(column["categories"])
        filled += int(gaps.sum())
    if filled:
        notes.append(
            f"Missing values filled: {filled:,}, numbers with their column's mean, categories with the most"
            " common one."
        )
    if unseen:
        notes.append(
            f"Values of categories that were not there in training, taken as none of them: {unseen:,}."
        )
    return result


def is_number(series) -> bool:
    """Whether a pandas column holds numbers or truth values, as against text, dates or anything else."""
    return series.dtype.kind in "biuf" or getattr(series.dtype, "_is_numeric", False)


def as_numbers(series) -> np.ndarray:
    """A pandas column as float64, (n,), what is no number as NaN. Infinite values stay."""
    import pandas as pd

    return np.array(pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))


def as_texts(series) -> list[str | None]:
    """A pandas column as text, 3.0 as "3", missing values as None."""
    gaps = series.isna().to_numpy()
    return [None if gap else _text(value) for value, gap in zip(series.tolist(), gaps, strict=True)]


def _text(value) -> str:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)


def _fit_number(name: str, series) -> dict | None:
    values = as_numbers(series)
    means, scales = _moments(values[:, None])
    if not _varies(means, scales)[0]:
        return None
    gaps = int(np.isnan(values).sum())
    known = {"name": name, "kind": "number", "mean": float(means[0]), "scale": float(scales[0])}
    return known | ({"missing": gaps} if gaps else {})


def _fit_category(name: str, series, limits: Limits, wide: list[str]) -> dict | None:
    counts: dict[str, int] = {}
    for text in as_texts(series):
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    if len(counts) < 2:
        return None
    if len(counts) > limits.categories or len(counts) == len(series):
        wide.append(name)
        return None
    fill = max(sorted(counts), key=counts.__getitem__)
    gaps = len(series) - sum(counts.values())
    known = {"name": name, "kind": "category", "categories": sorted(counts), "fill": fill}
    return known | ({"missing": gaps} if gaps else {})


def _moments(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (F,) of the finite values of (n, F), in double precision, two passes."""
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
    if not (np.isfinite(means) & np.isfinite(scales)).all():
        column = int(np.flatnonzero(~(np.isfinite(means) & np.isfinite(scales)))[0])
        raise InputError(
            f"Column {column} of the numbers holds values too large to work with: scale them down."
        )
    return means, scales


def _varies(means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Which columns are more than rounding error away from constant."""
    return scales > 1e-12 * np.maximum(np.abs(means), 1e-280)


def _note_dropped(notes: list[str], why: str, names: list[str]) -> None:
    if names:
        notes.append(f"Columns left out since they {why}: {_listed(names)}.")


def _listed(names: list[str]) -> str:
    shown = ", ".join(str(name)[:40] for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def in_own_units(matrix: np.ndarray, preprocessing: dict | None):
    """The inverse of `apply_table` and `apply_matrix`: a pandas frame of the columns as they came, gaps filled.

    matrix: (n, F). Numbers are their former selves to float32's seven digits; a category that was not there in
    training comes out as "". Without preprocessing the columns are numbered.
    """
    import pandas as pd

    columns = (preprocessing or {}).get("columns")
    if columns is None:
        return pd.DataFrame(np.asarray(matrix), columns=[f"column {i}" for i in range(matrix.shape[1])])
    found, names, place = [], [], 0
    for column in columns:
        names.append(str(column["name"]))
        if column["kind"] == "number":
            found.append(matrix[:, place].astype(np.float64) * column["scale"] + column["mean"])
            place += 1
        else:
            kinds = [*column["categories"], ""]
            part = matrix[:, place : place + len(kinds) - 1]
            at = np.where(part.max(1) > 0.5, part.argmax(1), len(kinds) - 1)
            found.append(pd.Series([kinds[i] for i in at], dtype=object))
            place += len(kinds) - 1
    return pd.concat([pd.Series(values) for values in found], axis=1, keys=names)


def _wide(column: dict) -> int:
    """How many columns of the matrix a column of the table makes: one, or one a category."""
    return 1 if column["kind"] == "number" else len(column["categories"])


def own_columns(preprocessing: dict | None, width: int) -> list[str]:
    """For each of the `width` columns that the network sees, the name of the column that it came from."""
    names = []
    for column in (preprocessing or {}).get("columns", []):
        names += [str(column["name"])] * _wide(column)
    return names or [f"column {i}" for i in range(width)]


def typical(means: np.ndarray, preprocessing: dict | None) -> np.ndarray:
    """Rows of means, (n, F), as rows that could be: each category is the most frequent one. → (n, F)."""
    rows, place = np.array(means, dtype=np.float32), 0
    for column in (preprocessing or {}).get("columns", []):
        wide = _wide(column)
        if column["kind"] != "number":
            part = rows[:, place : place + wide]
            rows[:, place : place + wide] = np.eye(wide, dtype=np.float32)[part.argmax(1)]
        place += wide
    return rows


def side_by_side(rows: dict[str, np.ndarray], preprocessing: dict | None):
    """Rows of a table, {title: (F,)}, as a frame of text: a row a column in its own units, a column a title.

    They may be means or decodings: of a category, the most likely one is told.
    """
    frame = in_own_units(typical(np.stack(list(rows.values())), preprocessing), preprocessing).T
    frame.columns = list(rows)
    # Numbers and words stand in one column, which tables cannot show as they are.
    texts = frame.map(lambda value: value if isinstance(value, str) else f"{value:.4g}")
    return texts.rename_axis("column").reset_index()

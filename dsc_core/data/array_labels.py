"""Labels and ids that come as arrays of any form, one entry per sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsc_core.data.columns import MISSING_LABEL
from dsc_core.data.headers import shape_words
from dsc_core.data.notes import Note
from dsc_core.data.text import clean
from dsc_core.errors import InputError

FEW = 50  # samples, among which the classes may well all be different
EXACT = 2**53  # below which a float holds every whole number


def tidy_labels(
    labels: np.ndarray, n: int, notes: list[Note], key: str = "the array of labels", required: bool = False
) -> np.ndarray | None:
    """Labels as (n,) int or str; None, with a note of shape and reason, for what cannot be labels.

    (n, 1), (1, n), (n, 1, 1) and so on are flattened; one-hot (n, K) or (K, n), of 0 and 1 or of −1 and 1, become
    column numbers; 3.0 becomes 3. required: InputError in place of the note, for labels that were asked for.
    """
    shape = labels.shape
    flat = _flat(labels, n)
    if flat is None:
        flat = _column_numbers(labels, n)
        if flat is not None:
            notes.append(Note("one_hot_labels", about=f"{key} ({shape_words(shape)})"))
    reason = _why_none(labels, n) if flat is None else _why_not(flat, required)
    if not reason:
        assert flat is not None  # else there is a reason
        return _values(flat, notes)
    ignore_labels(f"{key} ({shape_words(shape)}) {reason}", notes, required)
    return None


def ignore_labels(reason: str, notes: list[Note], required: bool) -> None:
    """Note why there are no labels; InputError if they were asked for."""
    if required:
        raise InputError(f"{reason}: choose other labels, or none.")
    notes.append(Note("labels_ignored", about=reason))


def tidy_ids(
    ids: np.ndarray, n: int, notes: list[Note], key: str = "the array of ids", required: bool = False
) -> np.ndarray | None:
    """Ids as (n,) text, whole numbers with all their digits; None, with a note, if their number is not n."""
    flat = _flat(ids, n)
    if flat is not None:
        return np.array(
            [str(row) if text is None else text for row, text in enumerate(_texts(flat))], dtype=str
        )
    reason = f"{key} ({shape_words(ids.shape)}) does not have one entry for each of the {n:,} samples"
    if required:
        raise InputError(f"{reason}: choose other ids, or none.")
    notes.append(Note("ids_ignored", about=reason))
    return None


def _flat(array: np.ndarray, n: int) -> np.ndarray | None:
    """(n,) of an array whose other axes all have length 1; None for any other one."""
    return array.reshape(n) if array.size == n and max(array.shape, default=1) == n else None


def _column_numbers(labels: np.ndarray, n: int) -> np.ndarray | None:
    """(n,) column numbers of one-hot labels (n, K) or (K, n), 1 in one column and 0 or −1 elsewhere; None if not."""
    labels = _matrix(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "biuf" or n not in labels.shape:
        return None
    for rows in (labels, labels.T):
        if len(rows) == n and rows.shape[1] > 1:
            ones = rows == 1
            others = (rows == 0).all(where=~ones) or (rows == -1).all(where=~ones)
            if others and (ones.sum(axis=1) == 1).all():
                return ones.argmax(axis=1)
    return None


def _matrix(labels: np.ndarray) -> np.ndarray:
    """Labels without their axes of length 1."""
    return labels.reshape([side for side in labels.shape if side != 1])


def _why_none(labels: np.ndarray, n: int) -> str:
    """Why labels that are neither (n,) nor one-hot are none."""
    matrix = _matrix(labels)
    if matrix.ndim != 2 or n not in matrix.shape:
        return f"does not have one entry for each of the {n:,} samples"
    if matrix.dtype.kind in "biuf" and (np.isin(matrix, (0, 1)).all() or np.isin(matrix, (-1, 1)).all()):
        ones = (matrix == 1).sum(axis=1 if len(matrix) == n else 0)
        return f"is multi-label: a sample has from {ones.min()} to {ones.max()} labels, not one"
    return "has several values for a sample, not one"


def _why_not(labels: np.ndarray, required: bool) -> str:
    """Why labels (n,) that were only guessed are none: no class has two samples; "" if they may be labels."""
    n = len(labels)
    if required or n <= FEW or labels.dtype.kind not in "biuf":
        return ""
    different = len(np.unique(labels))
    if different == n:
        return "has a different value for every sample, so it holds no classes"
    whole = labels.dtype.kind != "f" or not (labels[np.isfinite(labels)] % 1).any()
    return "" if whole or different <= n // 2 else f"has {different:,} decimal values, so it holds no classes"


def _values(labels: np.ndarray, notes: list[Note]) -> np.ndarray:
    """Labels (n,) as int where all of them are whole numbers, else as text; gaps are a class of their own."""
    if labels.dtype.kind in "bi" or (labels.dtype.kind == "u" and labels.max(initial=0) < 2**63):
        return labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (np.abs(labels) < EXACT).all():
        whole = labels.astype(np.int64)
        if (whole == labels).all():
            return whole
    texts = _texts(labels)
    gaps = sum(text is None for text in texts)
    if gaps:
        notes.append(Note("unlabelled", count=gaps, about=MISSING_LABEL))
    return np.array([MISSING_LABEL if text is None else text for text in texts], dtype=str)


def _texts(array: np.ndarray) -> list[str | None]:
    """The entries of (n,) as text, 3.0 as "3"; None for NaN and None."""
    if array.dtype.kind == "S":
        return [clean(text) for text in decode(array.tolist())]
    return [_text(value) for value in array.tolist()]


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return clean(str(value))


def decode(values: list[bytes]) -> list[str]:
    """Bytes as text: UTF-8, or Latin-1 if one of them is not, so that different bytes stay different."""
    try:
        return [value.decode("utf-8") for value in values]
    except UnicodeDecodeError:
        return [value.decode("latin-1") for value in values]

"""What the estimator accepts as X: rows, images, data frames and tensors; everything else is an InputError."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from dsc_core.data.image_arrays import as_images
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.text import listed
from dsc_core.data.trainable import MIN_SAMPLES
from dsc_core.errors import InputError
from dsc_core.method.feed import BLOCK

COMPLEX = "Complex data not supported: take their real part or magnitude."


@dataclass(frozen=True)
class Standardisation:
    """Rows to zero mean and unit variance. mean, scale: (F,) float64; a constant column has scale 1."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Standardisation:
        """Fitted to rows (n, F)."""
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = rows.std(0, dtype=np.float64)
            return cls(rows.mean(0, dtype=np.float64), np.where(deviation > 0, deviation, 1.0))

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, F) standardised, float32."""
        with np.errstate(over="ignore", invalid="ignore"):
            return ((rows - self.mean) / self.scale).astype(np.float32)


def as_dense(X: Any) -> tuple[Any, bool]:
    """(X as an array or data frame, whether it holds rows rather than images); else InputError."""
    if sparse.issparse(X):
        X = _from_sparse(X)
    if type(X).__module__.partition(".")[0] == "torch":
        X = X.detach().cpu()
        if "strided" not in str(X.layout):
            _check_dense_size(X.shape, X.element_size())
            X = X.to_dense()
        X = (X.float() if "bfloat16" in str(X.dtype) else X).numpy()
    if not hasattr(X, "ndim"):
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise InputError("X is not an array: its rows differ in length.") from error
    if X.ndim < 2:
        raise InputError(
            f"X is {X.ndim}-dimensional: Reshape your data with X.reshape(1, -1) for a single sample or"
            " X.reshape(-1, 1) for a single column."
        )
    return X, X.ndim == 2


def _from_sparse(X: Any) -> np.ndarray:
    """A sparse matrix as a dense array; InputError if it would be too large or holds no real numbers."""
    if X.dtype.kind == "c":
        raise InputError(COMPLEX)
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        raise InputError(
            f"X is a sparse array of shape {X.shape} and type {X.dtype}: give a matrix of real numbers."
        )
    _check_dense_size(X.shape, X.dtype.itemsize)
    return X.toarray()


def _check_dense_size(shape: Sequence[int], itemsize: int) -> None:
    """Refuse a sparse matrix that would exceed a limit as a dense one."""
    limits = Limits.read()
    if shape[-1] > limits.columns or math.prod(shape) * itemsize > limits.memory_mb * MEBI:
        limit = "columns" if shape[-1] > limits.columns else "memory_mb"
        raise InputError(
            f"X is a sparse matrix of {' × '.join(f'{side:,}' for side in shape)} values, which exceeds the"
            f" {limits.describe(limit)} as a dense one: reduce it first, for example with TruncatedSVD(50)."
        )


def match_columns(estimator: BaseEstimator, X: Any) -> Any:
    """X with its columns in the order of training, with a warning if they are in another one.

    InputError if they are not those of training.
    """
    trained, given = getattr(estimator, "feature_names_in_", None), getattr(X, "columns", None)
    if trained is None or given is None or list(given) == list(trained):
        return X
    if not all(isinstance(name, str) for name in given):
        return X  # which scikit-learn reports
    differ = [f"lacks {_quoted(name for name in trained if name not in set(given))}"]
    differ.append(f"has {_quoted(name for name in given if name not in set(trained))}")
    differ = [words for words in differ if not words.endswith(" ")]
    if differ:
        raise InputError(
            f"The feature names should match those that were passed during fit, but X {' and '.join(differ)}: give the"
            " columns of training."
        )
    warnings.warn(
        "The columns of X are in another order than in training: they were matched by their names.",
        UserWarning,
        stacklevel=6,
    )
    return X[list(trained)]


def _quoted(names: Iterable[str]) -> str:
    """The first names, quoted."""
    return listed(map(repr, names), most=5, width=sys.maxsize)


def check_rows(estimator: BaseEstimator, X: Any, fitting: bool) -> np.ndarray:
    """X as rows (n, F) by scikit-learn's own conventions, whose messages InputError passes on."""
    if getattr(getattr(X, "dtype", None), "kind", None) in ("U", "S"):
        raise InputError("X must hold numbers, not strings: encode them as numbers.")
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise InputError(COMPLEX)
    names = list(getattr(X, "columns", ()))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"X has {names.count(twice)} columns named {twice!r}: give each a name of its own.")
    if any(str(dtype) == "category" for dtype in getattr(X, "dtypes", ())):  # which become a table of objects
        raise InputError(_not_numbers(X))
    X = X if fitting else match_columns(estimator, X)
    least = MIN_SAMPLES if fitting else 1
    try:
        rows = validate_data(
            estimator, X, reset=fitting, dtype="numeric", ensure_all_finite=False, ensure_min_samples=least
        )
    except (ValueError, TypeError) as error:
        problem = _not_numbers(X)
        if not problem and isinstance(error, TypeError):  # scikit-learn's convention for objects
            raise
        raise InputError(problem or str(error)) from error
    return np.asarray(rows)


def _not_numbers(X: Any) -> str:
    """Which column of a data frame holds something other than numbers, a sentence; "" if none does."""
    for name, dtype in zip(getattr(X, "columns", ()), getattr(X, "dtypes", ()), strict=False):
        if getattr(dtype, "kind", "O") not in "biufO" or str(dtype) in ("category", "str", "string"):
            return f"The column {name!r} of X has the type {dtype}: encode it as numbers or leave it out."
    return ""


def check_images(X: Any) -> np.ndarray:
    """Images as (n, C, H, W); InputError for anything but numbers in a known layout."""
    images = np.asarray(X)
    if np.iscomplexobj(images):
        raise InputError(
            "X holds complex numbers, which are not supported: take their real part or magnitude."
        )
    if images.dtype.kind not in "biuf":
        raise InputError(f"X must hold numbers, not {images.dtype}: convert it to numbers.")
    if len(images) == 0:
        raise InputError("X holds no samples: give at least one.")
    return as_images(images)


def scale_images(images: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The images, and the (offset, factor) that brings their values to [0, 1]."""
    if images.dtype == np.uint8:
        return images, (0.0, 1 / 255)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return check_range(images.astype(np.float32)), (low, 1 / max(high - low, 1e-12))


def check_finite(samples: np.ndarray, columns: Any = None) -> None:
    """Refuse NaN and infinite values with an InputError that counts them and names the first row and its column."""
    if samples.dtype.kind != "f":
        return
    nan = infinite = affected = 0
    first = ""
    for start in range(0, len(samples), BLOCK):
        block = samples[start : start + BLOCK]
        bad = ~np.isfinite(block)
        if not bad.any():
            continue
        nan += int(np.isnan(block).sum())
        infinite += int(np.isinf(block).sum())
        affected += int(bad.reshape(len(bad), -1).any(axis=1).sum())
        row, *where = (int(index) for index in np.argwhere(bad)[0])
        position = f"row {start + row}"
        if samples.ndim == 2:
            position += f", column {where[0] if columns is None else repr(columns[where[0]])}"
        first = first or position
    if first:
        counts = (f"{nan:,} NaN" * bool(nan), f"{infinite:,} infinite (inf)" * bool(infinite))
        what = " and ".join(filter(None, counts))
        place = f"in {first}" if nan + infinite == 1 else f"in {affected:,} rows, the first in {first}"
        raise InputError(
            f"X contains {what} value{'s' * (nan + infinite > 1)} {place}: replace such values or leave out their rows."
        )


def check_range(samples: np.ndarray, start: int = 0) -> np.ndarray:
    """The samples; InputError where a value has become infinite in single precision. start: number of their first."""
    finite = np.isfinite(samples).reshape(len(samples), -1).all(1)
    if not finite.all():
        raise InputError(
            f"Row {start + int(finite.argmin())} of X holds a value too large for float32: rescale X."
        )
    return samples

"""What the estimator accepts as X: rows, images, data frames and tensors; everything else is an InputError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from dsc_core.data.image_arrays import as_images
from dsc_core.data.trainable import MIN_SAMPLES
from dsc_core.errors import InputError
from dsc_core.method.feed import BLOCK


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
        raise InputError("X is a sparse matrix: convert it to a dense array with X.toarray().")
    if type(X).__module__.partition(".")[0] == "torch":
        X = X.detach().cpu()
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


def check_rows(estimator: BaseEstimator, X: Any, fitting: bool) -> np.ndarray:
    """X as rows (n, F) by scikit-learn's own conventions, whose messages InputError passes on."""
    if getattr(getattr(X, "dtype", None), "kind", None) in ("U", "S"):
        raise InputError("X must hold numbers, not strings: encode them as numbers.")
    least = MIN_SAMPLES if fitting else 1
    try:
        rows = validate_data(
            estimator, X, reset=fitting, dtype="numeric", ensure_all_finite=False, ensure_min_samples=least
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    return np.asarray(rows)


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
    """Refuse NaN and infinite values with an InputError that names the first row and, of rows, its column."""
    if samples.dtype.kind != "f":
        return
    for start in range(0, len(samples), BLOCK):
        bad = ~np.isfinite(samples[start : start + BLOCK])
        if not bad.any():
            continue
        row, *where = (int(index) for index in np.argwhere(bad)[0])
        position = f"row {start + row}"
        if samples.ndim == 2:
            position += f", column {where[0] if columns is None else repr(columns[where[0]])}"
        value = "NaN" if np.isnan(samples[start + row][tuple(where)]) else "an infinite value (inf)"
        raise InputError(f"X contains {value} in {position}: replace such values or leave out their rows.")


def check_range(samples: np.ndarray, start: int = 0) -> np.ndarray:
    """The samples; InputError where a value has become infinite in single precision. start: number of their first."""
    finite = np.isfinite(samples).reshape(len(samples), -1).all(1)
    if not finite.all():
        raise InputError(
            f"Row {start + int(finite.argmin())} of X holds a value too large for float32: rescale X."
        )
    return samples

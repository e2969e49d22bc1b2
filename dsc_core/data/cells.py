"""Columns of a pandas frame as numbers or as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def is_number(series: pd.Series) -> bool:
    """Whether a column holds numbers or booleans, as opposed to text, dates or anything else."""
    return series.dtype.kind in "biuf" or getattr(series.dtype, "_is_numeric", False)


def as_numbers(series: pd.Series) -> np.ndarray:
    """A column as float64, (n,), NaN where it is not a number. Infinite values stay."""
    import pandas as pd

    return np.array(pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))


def as_texts(series: pd.Series) -> list[str | None]:
    """A column as text, 3.0 as "3", None where a value is missing."""
    gaps = series.isna().to_numpy()
    return [None if gap else _as_text(value) for value, gap in zip(series.tolist(), gaps, strict=True)]


def _as_text(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)

"""Columns of a pandas frame as numbers or as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = 0.95  # of the filled cells of a column of text: from this share on, it is a column of numbers
EXAMPLES = 3
GAPS = frozenset(  # what programs write for a missing number, in lower case
    (
        *(
            "",
            "?",
            "-",
            "--",
            ".",
            "..",
            "na",
            "n/a",
            "n.a.",
            "nan",
            "null",
            "none",
            "<na>",
            "nil",
            "missing",
        ),
        *("#n/a", "#na", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!", "-nan", "1.#qnan"),
    )
)
SIGNS = re.compile(r"^([+-]?)[$€£¥]\s*|\s*[%$€£¥]$")
IN_BRACKETS = re.compile(r"([$€£¥]?)\s*\(\s*([^()+-][^()]*)\)")  # a negative number, as in accounts


@dataclass(frozen=True)
class NumberText:
    """A column of text read as numbers. values: (n,) float64, NaN where a cell is empty or no number.

    filled: how many cells are neither empty nor a usual word for a gap. read: how many of these are numbers. unread:
    how many cells hold text that is no number, words for a gap included. examples: some of these. signs: whether a
    percent or currency sign was left out.
    """

    values: np.ndarray
    filled: int
    read: int
    unread: int
    examples: tuple[str, ...]
    signs: bool

    @property
    def numeric(self) -> bool:
        """Whether the column is one of numbers, with missing values."""
        return self.read > 0 and self.read >= max(NUMBERS * self.filled, self.unread)


def is_number(series: pd.Series) -> bool:
    """Whether a column is stored as numbers or booleans, as opposed to text, dates or anything else."""
    return series.dtype.kind in "biuf" or getattr(series.dtype, "_is_numeric", False)


def holds_numbers(series: pd.Series) -> bool:
    """Whether a column holds numbers: it is stored so, or it is text that reads so but for a few cells."""
    return is_number(series) or read_numbers(series).numeric


def as_numbers(series: pd.Series) -> np.ndarray:
    """A column as float64, (n,), NaN where it is not a number. Infinite values stay."""
    if is_number(series):
        return np.array(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return read_numbers(series).values


def read_numbers(series: pd.Series) -> NumberText:
    """A column that is not stored as numbers, read as numbers. Each different cell is read once."""
    import pandas as pd

    codes, found = pd.factorize(series.astype(object))
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    texts = [value if isinstance(value, str) else _as_text(value) for value in found]
    bare = [without_brackets(text.strip().replace("\N{MINUS SIGN}", "-")) for text in texts]
    values = _parse(bare)
    signed = np.array([bool(SIGNS.search(text)) for text in bare], dtype=bool) & np.isnan(values)
    if signed.any():
        values[signed] = _parse([SIGNS.sub(r"\1", bare[index]) for index in np.flatnonzero(signed)])
    read = ~np.isnan(values)
    gaps = np.array([text.lower() in GAPS for text in bare], dtype=bool)
    empty = np.array([not text for text in bare], dtype=bool)
    unread = ~read & ~empty
    return NumberText(
        values=np.append(values, np.nan)[codes],
        filled=int(counts[read | ~gaps].sum()),
        read=int(counts[read].sum()),
        unread=int(counts[unread].sum()),
        examples=tuple(texts[index][:20] for index in np.flatnonzero(unread)[:EXAMPLES]),
        signs=bool((signed & read).any()),
    )


def without_brackets(text: str) -> str:
    """A number in brackets with a minus: "(12.5)" as "-12.5"; any other text as it is."""
    match = IN_BRACKETS.fullmatch(text) if text.endswith(")") and any(map(str.isdigit, text)) else None
    return f"-{match[1]}{match[2].strip()}" if match else text


def _parse(texts: list[str]) -> np.ndarray:
    """Numbers (n,), NaN for what is none. The words True and False are none."""
    import pandas as pd

    return pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64, copy=True)


def as_texts(series: pd.Series) -> list[str | None]:
    """A column as text, 3.0 as "3", None where a value is missing."""
    gaps = series.isna().to_numpy()
    return [None if gap else _as_text(value) for value, gap in zip(series.tolist(), gaps, strict=True)]


def _as_text(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)

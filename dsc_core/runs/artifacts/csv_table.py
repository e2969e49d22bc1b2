"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from typing import Any

import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # what a spreadsheet takes as a plain number
# What begins a formula, also in the full width of Chinese and Japanese keyboards; and what ends a cell before one.
FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Spaces and invisible characters, which some programs take away before they look at a cell, and apostrophes.
BLANKS = re.compile(
    r"[ \x0b\x0c\x1c-\x1f\x85\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff\0']*"
)


def csv_bytes(frame: pd.DataFrame, header: bool = True, digits: int = 0) -> bytes:
    """A table as CSV, with or without its header.

    Four decimals, or `digits` significant ones; Unix line ends; no cell that a spreadsheet would run as a formula.
    """
    shown = frame.copy()
    for name in shown:
        if not pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = [harmless(value) for value in shown[name]]
    shown.columns = [harmless(name) for name in shown.columns]
    return shown.to_csv(
        index=False,
        header=header,
        float_format=f"%.{digits}g" if digits else "%.4f",
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC if _has_returns(shown) else csv.QUOTE_MINIMAL,
    ).encode(errors="replace")


def _has_returns(frame: pd.DataFrame) -> bool:
    """Whether a text holds a carriage return, which ends the row for every reader where the cell is not in quotes."""
    texts = [frame[name] for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return any("\r" in text for column in (frame.columns, *texts) for text in column)


def harmless(value: Any) -> str:
    """A cell, with an apostrophe before what a spreadsheet would take for a formula; plain numbers are unchanged.

    `original` is the inverse.
    """
    text = "" if value is None or value is pd.NA or value != value else str(value)
    return f"'{text}" if is_risky(text) else text


def original(cell: str) -> str:
    """The text of a cell that `harmless` made."""
    return cell[1:] if cell.startswith("'") and is_risky(cell[1:]) else cell


def is_risky(text: str) -> bool:
    """Whether a spreadsheet would run a text as a formula, also after apostrophes, which would be ambiguous else."""
    begins = BLANKS.sub("", text, count=1)
    return bool(FORMULA.match(begins)) and not NUMBER.fullmatch(text.strip(" "))

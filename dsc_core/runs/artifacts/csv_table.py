"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # what a spreadsheet takes as a plain number
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
        index=False, header=header, float_format=f"%.{digits}g" if digits else "%.4f", lineterminator="\n"
    ).encode()


def harmless(value: Any) -> str:
    """A cell, with an apostrophe before what a spreadsheet would take for a formula; plain numbers are unchanged."""
    text = "" if value is None or value != value else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text

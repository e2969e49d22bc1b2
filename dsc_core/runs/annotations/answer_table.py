"""Answers from a CSV file: the columns `a, b, same` for pairs, or `id, name` for names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dsc_core.errors import InputError
from dsc_core.runs.annotations.answers import DIFFERENT, SAME, Given
from dsc_core.runs.annotations.cluster_name import is_name, tidy

WORDS = {
    **dict.fromkeys(("1", "true", "yes", "same"), SAME),
    **dict.fromkeys(("0", "false", "no", "different"), DIFFERENT),
}
LARGEST = 64 * 2**20  # bytes


def read_answers(path: Path, ids: Sequence[object]) -> list[Given]:
    """The answers of a file about samples with these ids. InputError, which names the row, if one cannot be taken."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path.name} is larger than {LARGEST >> 20} MB: split it.")
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read as a CSV file of answers.") from error
    position = {str(each): row for row, each in enumerate(ids)}
    names = {str(column).strip().lower(): column for column in table.columns}
    if {"a", "b", "same"} <= set(names):
        columns = [table[names[name]] for name in ("a", "b", "same")]
        rows = list(zip(*columns, strict=True))
        return [
            Given((_find(first, position, line),), (_find(second, position, line),), _said(same, line))
            for line, (first, second, same) in enumerate(rows, start=2)
        ]
    if {"id", "name"} <= set(names):
        pairs = zip(table[names["id"]], table[names["name"]], strict=True)
        return [
            Given((_find(each, position, line),), _name(name, line), SAME)
            for line, (each, name) in enumerate(pairs, start=2)
        ]
    raise InputError(f"{path.name} needs the columns a, b, same or the columns id, name.")


def _find(each: str, position: dict[str, int], line: int) -> int:
    row = position.get(each.strip())
    if row is None:
        raise InputError(f"Line {line}: the run has no sample with the id '{each.strip()[:60]}'.")
    return row


def _said(value: str, line: int) -> str:
    said = WORDS.get(value.strip().lower())
    if said is None:
        raise InputError(
            f"Line {line}: same is 1 or 0 (or true, false, yes, no), not '{value.strip()[:20]}'."
        )
    return said


def _name(value: str, line: int) -> str:
    name = tidy(value)
    if not name or not is_name(name):
        raise InputError(f"Line {line}: a name has letters, on one line.")
    return name

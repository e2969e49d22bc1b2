"""Which columns of a table probably hold labels, ids and row numbers: guessed from its first rows."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.cells import as_numbers, holds_numbers, is_number
from dsc_core.data.column_names import (
    ANSWER_NAMES,
    MEASURED_NAMES,
    NO_NAMES,
    id_rank,
    is_numbered,
    label_rank,
    plain_name,
)
from dsc_core.data.notes import Note

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 100  # of a column whose name does not say that it holds labels
FEW_ROWS = 10  # below this, a column that counts the rows may do so by chance
DISTINCT_IDS = 0.9  # of ids: the share that is distinct at least
WITHOUT_LABELS = ("possible_labels", "unnamed_columns")  # doubts that end with the choice of a label column
LESS_VARIED = 3  # times as many different values have other whole numbers than the classes
LONG_NUMBER = 1000  # of ids
MIN_SIDE = 8  # of images in rows of pixels


@dataclass(frozen=True)
class RoleGuess:
    """The columns that are probably not measured.

    label, id: None where there is none. row_numbers: others that count the rows. index: others that the writing program
    kept as the index of the rows. more_labels: others that look like labels. doubts: what else may be wrong, as notes.
    placed: the label was found by its place, not by its name.
    """

    label: str | None = None
    id: str | None = None
    row_numbers: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    more_labels: tuple[str, ...] = ()
    placed: bool = False
    doubts: list[Note] = field(default_factory=list)

    def doubts_of(self, untrained: Collection[str], labelled: bool) -> list[Note]:
        """The doubts that stay if these columns are not trained on. labelled: whether there is a label column."""
        return [
            note
            for note in self.doubts
            if note.about not in untrained and not (labelled and note.kind in WITHOUT_LABELS)
        ]


def guess_roles(frame: pd.DataFrame) -> RoleGuess:
    """The probable roles of the columns of a table's first rows.

    frame.attrs["index"]: the columns that the reader knows to be the index of the rows.
    """
    names = [str(name) for name in frame.columns]
    if not names or not len(frame):
        return RoleGuess()
    doubts: list[Note] = []
    index = tuple(name for name in frame.attrs.get("index", ()) if name in names)
    counting = [name for name in names if counts_rows(frame[name])]
    identity = _guess_id(frame, names, (*index, *counting), doubts)
    rest = [name for name in names if name not in (identity, *counting, *index)]
    labels = _named_labels(frame, rest, doubts)
    placed = not labels and is_numbered(names)
    if placed:
        labels = _placed_labels(frame, rest, doubts)
    label = labels[0] if labels else None
    doubts += _answer_names(rest, labels)
    if not labels:
        told = {note.about for note in doubts}
        doubts += [note for note in _possible_labels(frame, rest) if note.about not in told]
    return RoleGuess(
        label,
        identity,
        row_numbers=tuple(name for name in counting if name not in (identity, *index)),
        index=tuple(name for name in index if name != identity),
        more_labels=tuple(labels[1:]),
        placed=placed and bool(labels),
        doubts=doubts,
    )


def counts_rows(series: pd.Series) -> bool:
    """Whether a column is 0, 1, 2, … or 1, 2, 3, …, as programs number rows."""
    if len(series) < FEW_ROWS or series.dtype.kind not in "iuf":
        return False
    values = series.to_numpy()
    return values[0] in (0, 1) and bool(np.array_equal(values, values[0] + np.arange(len(values))))


def is_classes(series: pd.Series, most: int | None = None) -> bool:
    """Whether a column may hold classes: text or whole numbers that repeat, or very few other numbers.

    most: how many classes there may be. Ten thousand rows that begin with those of a single class are classes as well.
    """
    values = series.dropna()
    distinct, rows = values.nunique(), len(values)
    if not rows:  # words such as NA, which the reader of numbers takes for gaps
        return most is None and len(series) > 0
    if distinct > (most or distinct) or series.dtype.kind in "mMc":
        return False
    if series.dtype.kind == "b" or not is_number(series):
        return distinct < rows or rows < FEW_ROWS
    numbers = as_numbers(values)
    if not np.isfinite(numbers).all():
        return False
    if (numbers % 1).any():
        return distinct <= min(FEW_ROWS, rows // FEW_ROWS)
    return distinct <= max(2, rows // 3)


# Ids --------------------------------------------------------------------------------------------------------


def _guess_id(
    frame: pd.DataFrame, names: list[str], numbering: tuple[str, ...], doubts: list[Note]
) -> str | None:
    """The column of ids: by its name, else one that numbers the rows, or a first column without a name.

    numbering: the columns that are an index or count the rows.
    """
    ranks = [(rank, name) for name in names if (rank := id_rank(name)) is not None]
    for _, name in sorted(ranks, key=lambda pair: pair[0]):
        if name in numbering or _identifies(frame[name], plain_name(name) in MEASURED_NAMES):
            return name
        if plain_name(name).endswith("id") and frame[name].dropna().nunique() > 1:
            doubts.append(Note("repeated_ids", about=name))
    first = names[0]
    for name in numbering:
        if name in (first, *frame.attrs.get("index", ())) and _all_differ(frame[name]):
            return name
    if plain_name(first) in ("", *NO_NAMES) and _all_differ(frame[first]):
        return first
    return first if is_numbered(names) and _numbers_samples(frame[first]) else None


def _numbers_samples(series: pd.Series) -> bool:
    """Whether a first column without a name is text, or a long number, that differs in nearly all rows."""
    if not is_number(series):
        identifies = len(series) >= FEW_ROWS and not series.isna().any() and _identifies(series, False)
        return identifies and not holds_numbers(series)  # as 1,234.50
    return len(series) >= 5 * FEW_ROWS and _identifies(series, False) and series.median() > LONG_NUMBER


def _identifies(series: pd.Series, only_text: bool) -> bool:
    """Whether nearly all filled cells differ, and are text or whole numbers."""
    values = series.dropna()
    if not len(values) or 2 * len(values) < len(series) or values.nunique() < DISTINCT_IDS * len(values):
        return False
    if not is_number(series):
        return True
    return not only_text and series.dtype.kind != "b" and not (as_numbers(values) % 1).any()


def _all_differ(series: pd.Series, least: int = 1) -> bool:
    """Whether `least` cells or more are all different, and text or whole numbers."""
    values = series.dropna()
    return len(series) >= least and values.nunique() == len(series) and _identifies(series, False)


# Labels -----------------------------------------------------------------------------------------------------


def _named_labels(frame: pd.DataFrame, names: list[str], doubts: list[Note]) -> list[str]:
    """The columns whose names and values are those of labels, the likeliest first."""
    plain = [plain_name(name) for name in names]
    found: list[tuple[int, str]] = []
    for name in names:
        rank = label_rank(name)
        if rank is None:
            continue
        number = is_number(frame[name]) and frame[name].dtype.kind != "b"
        if plain_name(name) == "y" and "x" in plain and number:  # coordinates
            continue
        if is_classes(frame[name]):
            found.append((rank, name))
        elif number:
            doubts.append(Note("continuous_target", about=name))
    return [name for _, name in sorted(found, key=lambda pair: pair[0])]


def _placed_labels(frame: pd.DataFrame, names: list[str], doubts: list[Note]) -> list[str]:
    """The label of a file without column names: the only text, or classes counted beside pixels or measurements."""
    texts = [name for name in names if not is_number(frame[name])]
    ends = [name for name in (names[-1], names[0]) if name in names] if names else []
    if len(texts) == 1 and texts[0] in (*ends, *names[:2]) and is_classes(frame[texts[0]], MOST_CLASSES):
        return texts
    if texts:
        doubts.append(Note("unnamed_columns"))
        return []
    coded = [name for name in dict.fromkeys(ends) if _codes_classes(frame[name])]
    found = [
        name for name in coded if _stands_apart(frame, name, [other for other in names if other != name])
    ]
    if len(found) == 1:
        return found
    doubts += [Note("possible_labels", about=name) for name in coded[:1]]
    return []


def _stands_apart(frame: pd.DataFrame, label: str, others: list[str]) -> bool:
    """Whether all other columns are pixels of a wider range, or none of them could be one of classes as well."""
    if _are_pixels(frame, others) and frame[others].to_numpy().max() > frame[label].max():
        return True
    return _are_measured(frame, others, label)


def _codes_classes(series: pd.Series) -> bool:
    """Whether whole numbers count classes: 0, 1, …, or 1, 2, …; or are just two, such as -1 and 1."""
    if not is_number(series) or not is_classes(series, MOST_CLASSES) or series.isna().any():
        return False
    found = np.unique(as_numbers(series))
    if (found % 1).any() or not 2 <= len(found) <= len(series) / 5:
        return False
    return len(found) == 2 or (found[0] in (0, 1) and bool((np.diff(found) <= 2).all()))


def _are_pixels(frame: pd.DataFrame, names: list[str]) -> bool:
    """Whether the columns are as many as the pixels of a square image, and whole numbers from 0 on."""
    side = math.isqrt(len(names))
    if side < MIN_SIDE or side * side != len(names) or not all(is_number(frame[name]) for name in names):
        return False
    values = frame[names].to_numpy(np.float64, na_value=np.nan)
    return bool((values >= 0).all() and (values % 1 == 0).all() and values.max(initial=0) > 1)


def _are_measured(frame: pd.DataFrame, names: list[str], label: str) -> bool:
    """Whether no other column could be one of classes as well, having few different values."""
    most = LESS_VARIED * frame[label].nunique()
    return bool(names) and not any(
        _codes_classes(frame[name]) and frame[name].nunique() < most for name in names
    )


def _possible_labels(frame: pd.DataFrame, names: list[str]) -> list[Note]:
    """A note on the only text, or else the only codes of classes, at either end of a table with column names."""
    if len(names) < 2 or is_numbered(list(frame.columns)):
        return []
    texts = [name for name in names if not is_number(frame[name])]
    ends = dict.fromkeys((names[-1], names[0]))
    if len(texts) == 1 and texts[0] in ends and is_classes(frame[texts[0]], MOST_CLASSES):
        return [Note("possible_labels", about=texts[0])]
    coded = [name for name in ends if _codes_classes(frame[name])]
    apart = [
        name for name in coded if _stands_apart(frame, name, [other for other in names if other != name])
    ]
    return [Note("possible_labels", about=apart[0])] if len(apart) == 1 else []


def _answer_names(names: list[str], labels: list[str]) -> list[Note]:
    """Notes on columns whose names say that they tell classes, clusters, or how the data were divided."""
    suspects = [name for name in names if plain_name(name) in ANSWER_NAMES and name not in labels]
    return [Note("possible_answers", about=name) for name in suspects]

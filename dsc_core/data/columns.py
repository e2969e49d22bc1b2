"""The columns of a table: which hold labels and ids, and what is in them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.cells import as_texts, is_number
from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.role_guess import RoleGuess, guess_roles
from dsc_core.data.table_units import Preprocessing
from dsc_core.data.text import clean, listed
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MISSING_LABEL = "missing"
MIN_PIXEL_SIDE = 8  # of images whose shape is guessed
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.0+)?$")  # a whole number as text: 7, -1 and 7.0, but not 007


@dataclass(frozen=True)
class Roles:
    """The columns of labels and of ids, and those that are left out; all others are trained on."""

    label: str | None = None
    id: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that are read as the text that stands in the file."""
        return tuple(name for name in (self.label, self.id) if name is not None)

    @property
    def untrained(self) -> tuple[str, ...]:
        """The columns that are not trained on."""
        return tuple(dict.fromkeys((*self.texts, *self.left_out)))


def choose_roles(frame: pd.DataFrame, name: str, options: Options, notes: list[Note]) -> Roles:
    """The roles of a table's columns: as requested, else as in training, else guessed from its first rows, `frame`.

    Everything that is guessed is said in `notes`. InputError if a requested column is not there.
    """
    trained = _trained_columns(options.like)
    if options.like is not None:
        options = _with_trained_roles(frame, options.like.get("preprocessing") or {}, options)
    _check_requests(frame, name, options)
    free = frame.drop(columns=[column for column in frame.columns if column in trained])
    free.attrs = frame.attrs
    guess = guess_roles(free.drop(columns=[column for column in options.exclude if column in free.columns]))
    label = _chosen(options.label_column, guess.label)
    identity = _chosen(options.id_column, guess.id)
    if identity is not None and identity == label:
        if options.id_column and options.label_column:
            raise InputError(f"The column {label[:60]!r} cannot be both labels and ids: choose two columns.")
        label, identity = (None, identity) if options.id_column else (label, None)
    unmeasured = [column for column in _unmeasured(frame, guess, options) if column not in (label, identity)]
    left_out = dict.fromkeys((*filter(None, options.exclude), *unmeasured))
    roles = Roles(label, identity, tuple(column for column in left_out if column not in (label, identity)))
    _say(roles, guess, options, notes)
    return roles


def _trained_columns(like: dict | None) -> set[str]:
    """The names of the columns that a run was trained on."""
    preprocessing = (like or {}).get("preprocessing") or {}
    named = preprocessing.get("source") == "table"
    columns = [column["name"] for column in preprocessing.get("columns", [])] if named else []
    return {*columns, *preprocessing.get("pixel_columns", [])}


def _with_trained_roles(frame: pd.DataFrame, preprocessing: Preprocessing, options: Options) -> Options:
    """`options` with the label and id columns of the training data, if the table has them and none are requested."""
    changes = {
        role: preprocessing[role]
        for role in ("label_column", "id_column")
        if getattr(options, role) is None and preprocessing.get(role) in frame.columns
    }
    return replace(options, **changes)


def _check_requests(frame: pd.DataFrame, name: str, options: Options) -> None:
    """Refuse requested columns that the table does not have."""
    for requested in filter(None, (options.label_column, options.id_column, *options.exclude)):
        if requested not in frame.columns:
            columns = ", ".join(str(column) for column in frame.columns[:12])[:200]
            raise InputError(f"{name} has no column {requested[:60]!r}: choose one of {columns}.")


def _chosen(requested: str | None, guessed: str | None) -> str | None:
    """The requested column, "" for none, else the guessed one."""
    return guessed if requested is None else requested or None


def _unmeasured(frame: pd.DataFrame, guess: RoleGuess, options: Options) -> list[str]:
    """The columns that are left out without a request, because they number the rows or look like labels.

    Row numbers are kept if no ids are wanted, labels if no labels are wanted, all of them with "" in `exclude`.
    """
    if "" in options.exclude:
        return []
    columns = [column for column in frame.attrs.get("index", ()) if column in frame.columns]
    if options.id_column != "":
        columns += [*guess.row_numbers, *filter(None, [guess.id])]
    if options.label_column != "":
        columns += [*guess.more_labels, *([] if guess.placed else filter(None, [guess.label]))]
    return columns


def _say(roles: Roles, guess: RoleGuess, options: Options, notes: list[Note]) -> None:
    """Notes on what was guessed, and on what was not chosen although it looks like labels."""
    like = options.like is not None
    if roles.label is not None:
        kind = "labels_column" if options.label_column else "labels_guessed"
        kind = (
            "labels_placed"
            if roles.label == guess.label and guess.placed and not options.label_column
            else kind
        )
        notes.append(Note(kind, about=roles.label))
    if roles.id is not None:
        notes.append(Note("ids_column" if options.id_column else "ids_guessed", about=roles.id))
    requested = [column for column in roles.left_out if column in options.exclude]
    numbers = [column for column in roles.left_out if column in (*guess.index, *guess.row_numbers, guess.id)]
    labels = [column for column in roles.left_out if column in (*guess.more_labels, guess.label)]
    for kind, columns in (("excluded", requested), ("row_numbers", numbers), ("more_labels", labels)):
        if columns and not like:
            notes.append(Note(kind, about=listed(columns)))
    if like:
        return
    looking = [
        column for column in (guess.label, *guess.more_labels) if column and column not in roles.untrained
    ]
    if looking:
        notes.append(Note("labels_trained_on", about=listed(looking)))
    counting = [
        column for column in (guess.id, *guess.row_numbers) if column and column not in roles.untrained
    ]
    if counting:
        notes.append(Note("row_numbers_trained_on", about=listed(counting)))
    notes += guess.doubts_of(roles.untrained, roles.label is not None)


def labels_of(series: pd.Series, notes: list[Note]) -> np.ndarray | None:
    """A column as labels (n,): whole numbers as int, else the text as it stands; "007" and "NA" are text.

    Empty cells are the only gaps. Rows without a label form a class of their own; None if there are no others.
    """
    texts = [text if text is None or text.strip() else None for text in as_texts(series)]
    found = {text for text in texts if text is not None}
    if not found:
        notes.append(Note("empty_labels", about=str(series.name)))
        return None
    whole = all(WHOLE.match(text) for text in found)
    names = {text: text.partition(".")[0] if whole else clean(text) for text in found}
    gaps = sum(text is None for text in texts)
    if gaps:
        missing = MISSING_LABEL if MISSING_LABEL not in found else f"{MISSING_LABEL} (no label)"
        notes.append(Note("unlabelled", count=gaps, about=missing))
        return np.array([missing if text is None else names[text] for text in texts], dtype=str)
    labels = np.array([names[text] for text in texts if text is not None], dtype=str)
    return labels.astype(np.int64) if whole else labels


def ids_of(series: pd.Series, notes: list[Note], first: int = 0) -> np.ndarray:
    """A column as ids (n,) str, the text as it stands; a missing one is the row number, counted from `first`."""
    texts = [text if text is None or text.strip() else None for text in as_texts(series)]
    gaps = sum(text is None for text in texts)
    if gaps:
        notes.append(Note("missing_ids", count=gaps))
    return np.array(
        [str(row) if text is None else clean(text) for row, text in enumerate(texts, start=first)], dtype=str
    )


def note_repeated_ids(ids: np.ndarray, notes: list[Note]) -> None:
    """A note if several samples (n,) have the same id."""
    found, counts = np.unique(ids, return_counts=True)
    if len(found) < len(ids):
        example = str(found[counts.argmax()])[:40]
        notes.append(Note("repeating_ids", count=len(ids) - len(found), example=example))


def guess_pixel_shape(frame: pd.DataFrame) -> tuple[int, ...] | None:
    """The image shape of columns that look like pixels: whole numbers from 0 to 255, of a square image."""
    if not all(is_number(frame[column]) for column in frame.columns):
        return None
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    if not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        return None
    if (values % 1).any() or values.max() < 2:
        return None
    return square_shape(len(frame.columns))


def square_shape(width: int, channels: tuple[int, ...] = (1, 3)) -> tuple[int, ...] | None:
    """The shape of a square image with `width` values and 1 or 3 channels, (H, H) or (3, H, H)."""
    for count in channels:
        side = math.isqrt(width // count)
        if side >= MIN_PIXEL_SIDE and count * side * side == width:
            return (side, side) if count == 1 else (count, side, side)
    return None


def check_cells(frame: pd.DataFrame, name: str, limits: Limits) -> None:
    """Refuse names of columns and texts that are longer than the limit."""
    for column in frame.columns:
        if len(column) > limits.cell:
            raise limits.error(f"A column name in {name}", "cell")
        if not is_number(frame[column]):
            longest = frame[column].astype(str).str.len().max() if len(frame) else 0
            if longest > limits.cell:
                raise limits.error(f"The column {column[:40]!r} of {name}", "cell")

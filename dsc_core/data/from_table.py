"""A Dataset from a table: a pandas frame, or a matrix of numbers without column names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.answers import note_answers
from dsc_core.data.cells import NumberText, holds_numbers
from dsc_core.data.columns import (
    Roles,
    choose_roles,
    guess_pixel_shape,
    ids_of,
    labels_of,
    note_repeated_ids,
    square_shape,
)
from dsc_core.data.dataset import Dataset
from dsc_core.data.distribution import compare_table
from dsc_core.data.from_images import from_images
from dsc_core.data.image_arrays import pixels_as_images
from dsc_core.data.limits import MEBI
from dsc_core.data.list_columns import expand_lists
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.preprocessing import (
    apply_matrix,
    apply_table,
    fit_matrix,
    fit_table,
    note_extra_columns,
    note_numbers,
    number_values,
)
from dsc_core.data.table_units import Preprocessing, column_titles
from dsc_core.data.text import row_ids, shape_text
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DOUBTS = ("possible_labels", "possible_answers", "continuous_target", "repeated_ids")  # about a single column
PIXEL_ROWS = 1000  # rows whose values tell whether they may be pixels


def from_matrix(
    samples: np.ndarray, labels: np.ndarray | None, ids: np.ndarray, options: Options, notes: list[Note]
) -> Dataset:
    """A table from a matrix (n, F) of numbers, standardised."""
    if options.like is not None:
        preprocessing = options.like["preprocessing"] or {}
    else:
        preprocessing = fit_matrix(samples, options.limits, notes)
        square = square_shape(samples.shape[1], channels=(1,))
        sparse = any(note.kind == "sparse" for note in notes)
        if square is not None and not sparse and _may_be_pixels(samples[:PIXEL_ROWS]):
            notes.append(Note("square_rows", about=shape_text(square)))
    table = apply_matrix(samples, preprocessing)
    if options.like is not None:
        notes += compare_table(table, column_titles(preprocessing, table.shape[1]))
    return _as_table(table, labels, ids, preprocessing, options, notes)


def _may_be_pixels(rows: np.ndarray) -> bool:
    """Whether values (n, F) can be grey levels: from 0 to 1, or whole numbers of at most 16 bits."""
    low, high = float(rows.min()), float(rows.max())
    return 0 <= low <= high <= 1 or (0 <= low <= high < 1 << 16 and not (rows % 1).any())


def from_frame(
    frame: pd.DataFrame,
    name: str,
    options: Options,
    notes: list[Note],
    first: int = 0,
    roles: Roles | None = None,
) -> Dataset:
    """A table from a frame, or images of its pixel columns with `options.image_shape`.

    name: of the file, for errors. first: the number of the first row, which is its id without an id column. roles: of
    the columns, by default chosen from this frame.
    """
    if not len(frame):
        raise InputError(f"{name} has no rows: choose a table with one row per sample.")
    if roles is None:
        roles = choose_roles(frame, name, options, notes)
    labels = None if roles.label is None else labels_of(frame[roles.label], notes)
    ids = row_ids(len(frame), first) if roles.id is None else ids_of(frame[roles.id], notes, first)
    if options.like is None and roles.id is not None:
        note_repeated_ids(ids, notes)
    features = frame.drop(columns=[column for column in roles.untrained if column in frame.columns])
    features = expand_lists(features, name, options.limits, notes)
    if not len(features.columns):
        raise InputError(
            f"{name} has no columns besides labels and ids: choose a table with numbers or categories."
        )
    chosen = {"label_column": roles.label, "id_column": roles.id}
    like = options.like
    if options.image_shape is not None or (like is not None and like["kind"] == "image"):
        images = _as_images(features, labels, ids, options, name, notes)
        return images if like else replace(images, preprocessing=(images.preprocessing or {}) | chosen)
    if like is not None:
        preprocessing = like["preprocessing"] or {}
        if "columns" in preprocessing:
            note_extra_columns(features, (column["name"] for column in preprocessing["columns"]), notes)
        table = apply_table(features, preprocessing, notes)
        if not first:
            notes += compare_table(table, column_titles(preprocessing, table.shape[1]))
        return _as_table(table, labels, ids, preprocessing, options, notes)
    shape = guess_pixel_shape(features[:PIXEL_ROWS])
    if shape is not None:
        notes.append(Note("square_rows", about=shape_text(shape)))
    preprocessing = fit_table(features, options.limits, notes)
    table = apply_table(features, preprocessing, notes)
    _drop_doubts(preprocessing, notes)
    if labels is not None:
        note_answers(table, labels, preprocessing, notes)
    return _as_table(table, labels, ids, preprocessing | chosen, options, notes)


def _drop_doubts(preprocessing: Preprocessing, notes: list[Note]) -> None:
    """Take back the doubts about columns that turned out to be constant or no categories."""
    trained = {column["name"] for column in preprocessing["columns"]}
    notes[:] = [note for note in notes if note.kind not in DOUBTS or note.about in trained]


def _as_table(
    table: np.ndarray,
    labels: np.ndarray | None,
    ids: np.ndarray,
    preprocessing: Preprocessing,
    options: Options,
    notes: list[Note],
) -> Dataset:
    if options.like is not None and options.like["kind"] != "table":
        raise InputError("The run was trained on images, but this is a table: choose images.")
    return Dataset(options.name, table, ids, labels, "table", notes=tuple(notes), preprocessing=preprocessing)


def _as_images(
    features: pd.DataFrame,
    labels: np.ndarray | None,
    ids: np.ndarray,
    options: Options,
    name: str,
    notes: list[Note],
) -> Dataset:
    """Pixel columns as images: uint8 if all values are whole numbers from 0 to 255, else float32."""
    like = options.like or {}
    shape = options.image_shape or tuple(like["shape"])
    trained = (like.get("preprocessing") or {}).get("pixel_columns")
    if trained is not None:
        missing = [column for column in trained if column not in features.columns]
        if missing:
            raise InputError(
                f"{name} lacks {len(missing)} pixel columns, the first one {missing[0]!r}: add them."
            )
        note_extra_columns(features, trained, notes)
        features = features[trained]
    values = _pixels(features, options, name, notes)
    whole = np.isfinite(values).all() and values.min() >= 0 and values.max() <= 255 and not (values % 1).any()
    with np.errstate(over="ignore"):
        images = pixels_as_images(values.astype(np.uint8 if whole else np.float32), shape)
    dataset = from_images(images, labels, ids, options, notes)
    more = {"pixel_columns": list(features.columns)}
    return replace(dataset, preprocessing=(dataset.preprocessing or {}) | more)


def _pixels(features: pd.DataFrame, options: Options, name: str, notes: list[Note]) -> np.ndarray:
    """Columns of numbers as float64 (n, F), missing values filled with 0."""
    text = next((column for column in features.columns if not holds_numbers(features[column])), None)
    if text is not None:
        raise InputError(
            f"{name} cannot be read as images, because the column {text[:40]!r} holds text: choose it as the label or"
            " id column, or remove it."
        )
    if features.size * 4 > options.limits.memory_mb * MEBI:
        raise options.limits.error(name, "memory_mb")
    reads: dict[str, NumberText] = {}
    values = np.stack([number_values(features[column], reads) for column in features.columns], axis=1)
    note_numbers(reads, notes)
    gaps = np.isnan(values)
    if gaps.any():
        notes.append(Note("filled_pixels", count=int(gaps.sum())))
        values[gaps] = 0
    return values

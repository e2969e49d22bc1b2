"""A Dataset from arrays of samples, labels and ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dsc_core.data.array_labels import tidy_ids, tidy_labels
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_images import from_images
from dsc_core.data.from_table import from_matrix
from dsc_core.data.headers import shape_words
from dsc_core.data.image_arrays import as_images, pixels_as_images
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.scaling import Scaling
from dsc_core.data.text import row_ids
from dsc_core.errors import InputError


@dataclass(frozen=True)
class Names:
    """What the arrays are called in errors and notes: their keys in the file."""

    samples: str = "The array"
    labels: str = "the array of labels"
    ids: str = "the array of ids"


def from_array(
    samples: np.ndarray,
    labels: np.ndarray | None,
    ids: np.ndarray | None,
    options: Options,
    notes: Iterable[Note] = (),
    scaling: Scaling | None = None,
    names: Names | None = None,
) -> Dataset:
    """A Dataset from arrays: images by their layout (or `options.image_shape`), else a table.

    samples: (n, F), (n, H, W), (n, H, W, C) or (n, C, H, W). labels, ids: one entry per sample in any form, or None.
    scaling: guessed by default.
    """
    notes, names = list(notes), names or Names()
    _check_shape(samples, names.samples)
    n = len(samples)
    if labels is not None:
        labels = tidy_labels(labels, n, notes, names.labels, bool(options.label_column))
    if labels is None:
        notes = [note for note in notes if note.kind != "labels_from"]
    if ids is not None:
        ids = tidy_ids(ids, n, notes, names.ids, bool(options.id_column))
    if ids is None:
        notes = [note for note in notes if note.kind != "ids_from"]
    ids = row_ids(n) if ids is None else ids
    shape = _image_shape(options)
    if samples.ndim == 2 and shape is None:
        return from_matrix(samples, labels, ids, options, notes)
    if samples.ndim == 2 and shape is not None:
        images = pixels_as_images(samples, shape, bool(options.columns_first))
    else:
        images = as_images(samples)
    return from_images(images, labels, ids, options, notes, scaling=scaling)


def _check_shape(samples: np.ndarray, name: str) -> None:
    """Refuse arrays that are empty, or that are neither rows nor images."""
    words = f"{name} has the shape {shape_words(samples.shape)}"
    if samples.ndim < 2:
        raise InputError(
            f"{words}, but a single row of numbers is not a data set: save one row per sample, as (n, F), or images"
            " (n, H, W)."
        )
    if samples.ndim > 4:
        raise InputError(
            f"{words}: save images as (n, H, W), (n, H, W, C) or (n, C, H, W), or a table as (n, F)."
        )
    if not samples.size:
        raise InputError(f"{words} and is empty: save one with samples.")


def _image_shape(options: Options) -> tuple[int, ...] | None:
    """The image shape of rows of pixels: as requested, or that of the training data."""
    if options.image_shape is None and options.like is not None and options.like["kind"] == "image":
        return tuple(options.like["shape"])
    return options.image_shape


def join_arrays(arrays: Sequence[np.ndarray], keys: Sequence[str], name: str) -> np.ndarray | None:
    """The arrays one after the other; None for none. InputError if their shapes differ. keys: theirs in the file."""
    if not arrays:
        return None
    single = next((key for key, array in zip(keys, arrays, strict=True) if not array.ndim), None)
    if single is not None:
        raise InputError(f"{single} in {name} is a single value: save one entry per sample.")
    if len({array.shape[1:] for array in arrays}) > 1:
        shapes = ", ".join(f"{key} ({shape_words(a.shape)})" for key, a in zip(keys, arrays, strict=True))
        raise InputError(
            f"The parts of {name} differ in shape, {shapes[:200]}: save training and test samples alike."
        )
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

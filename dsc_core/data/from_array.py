"""A Dataset from arrays of samples, labels and ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_images import from_images
from dsc_core.data.from_table import from_matrix
from dsc_core.data.image_arrays import as_images, pixels_as_images
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.scaling import Scaling
from dsc_core.data.text import clean, row_ids
from dsc_core.errors import InputError


def from_array(
    samples: np.ndarray,
    labels: np.ndarray | None,
    ids: np.ndarray | None,
    options: Options,
    notes: Iterable[Note] = (),
    scaling: Scaling | None = None,
) -> Dataset:
    """A Dataset from arrays: images by their layout (or `options.image_shape`), else a table.

    samples: (n, F), (n, H, W), (n, H, W, C) or (n, C, H, W). labels, ids: (n,) or None. scaling: guessed by default.
    """
    notes = list(notes)
    if samples.ndim == 1:
        raise InputError(
            "A single row of numbers is not a data set: save one row per sample, as (n, F), or images (n, H, W)."
        )
    if not samples.size:
        raise InputError("The array is empty: save one with samples.")
    n = len(samples)
    labels = None if labels is None else tidy_labels(labels, n, notes)
    if ids is not None and ids.shape != (n,):
        notes.append(Note("ids_dropped"))
        ids = None
    ids = row_ids(n) if ids is None else np.array([clean(str(name)) for name in ids.tolist()], dtype=str)
    shape = _image_shape(options)
    if samples.ndim == 2 and shape is None:
        return from_matrix(samples, labels, ids, options, notes)
    if samples.ndim == 2 and shape is not None:
        images = pixels_as_images(samples, shape, bool(options.columns_first))
    else:
        images = as_images(samples)
    return from_images(images, labels, ids, options, notes, scaling=scaling)


def _image_shape(options: Options) -> tuple[int, ...] | None:
    """The image shape of rows of pixels: as requested, or that of the training data."""
    if options.image_shape is None and options.like is not None and options.like["kind"] == "image":
        return tuple(options.like["shape"])
    return options.image_shape


def tidy_labels(labels: np.ndarray, n: int, notes: list[Note]) -> np.ndarray | None:
    """Labels as (n,) int or str: (n, 1) flattened, one-hot (n, K) as column numbers, 3.0 as 3."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif _is_one_hot(labels):
        labels = labels.argmax(axis=1)
    if labels.shape != (n,):
        notes.append(Note("labels_dropped"))
        return None
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (np.abs(labels) < 2**53).all():
        whole = labels.astype(np.int64)
        if (whole == labels).all():
            return whole
    if labels.dtype.kind == "S":
        return np.array([clean(label.decode("utf-8", "replace")) for label in labels.tolist()], dtype=str)
    return np.array([clean(str(label)) for label in labels.tolist()], dtype=str)


def _is_one_hot(labels: np.ndarray) -> bool:
    """Whether the rows of labels (n, K) sum to 1."""
    numeric = labels.ndim == 2 and labels.dtype.kind in "biuf"
    return numeric and np.array_equal(labels.sum(axis=1), np.ones(len(labels)))


def join_arrays(arrays: Sequence[np.ndarray], name: str) -> np.ndarray | None:
    """The arrays one after the other; None for none. InputError if their shapes differ."""
    if not arrays:
        return None
    if len({array.shape[1:] for array in arrays}) > 1:
        raise InputError(f"The parts of {name} differ in shape: save training and test samples alike.")
    if not all(array.ndim for array in arrays):
        raise InputError(f"An array in {name} is a single value: save one entry per sample.")
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

"""Which axis of an array counts the samples; arrays with that axis first."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from dsc_core.data.headers import Headers, shape_words
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.trainable import MIN_SAMPLES, MIN_SIDE

COLOURS = (1, 3, 4)
# Vectors by name.
OF_COLUMNS = re.compile(r"feat|col|var|gene|attr|mean|std|scale|weight|min|max", re.IGNORECASE)
Arrays = list[np.ndarray]


def samples_first(
    samples: Arrays,
    labels: Arrays,
    options: Options,
    keys: Sequence[str],
    notes: list[Note],
    column_major: bool = False,
) -> tuple[Arrays, Arrays]:
    """(samples, labels) with the samples along the first axis and labels flat where they can be.

    The axis is the one that `options.samples_last` requests, else the one that fits the training data or the labels,
    else the usual one; where it is not the first, a note says so. keys: of the samples, for notes. column_major: the
    arrays lie in a file of MATLAB or R, their axes reversed.
    """
    if column_major:
        samples, labels = [array.T for array in samples], [array.T for array in labels]
    labels = [array.ravel() if _is_vector(array) else array for array in labels]
    ordered = []
    for position, array in enumerate(samples):
        given = labels[position] if len(labels) == len(samples) else None
        axis, by_labels = _axis(array.shape, given, options, column_major)
        if axis:
            about = f"{keys[position]} ({shape_words(array.shape)})"
            notes.append(Note("transposed") if by_labels and axis == 1 else Note("samples_last", about=about))
        ordered.append(np.ascontiguousarray(np.moveaxis(array, axis, 0)) if axis or column_major else array)
        if given is not None and given.ndim == 2 and given.shape[0] != len(ordered[-1]) == given.shape[1]:
            labels[position] = given.T
    return ordered, labels


def note_columns(headers: Headers, keys: Sequence[str]) -> list[Note]:
    """A warning that the columns of an unlabelled matrix may be the samples, if the other arrays or its shape say so.

    Another vector has as many entries as the matrix has columns, and none has as many as it has rows; or the rows are
    as many as the pixels of a square image, the values bytes, and the columns fewer.
    """
    if len(keys) != 1 or len(headers[keys[0]].shape) != 2:
        return []
    header = headers[keys[0]]
    rows, columns = header.shape
    vectors = {
        key: max(other.shape)
        for key, other in headers.items()
        if key != keys[0] and other.shape and other.is_vector and max(other.shape) > 1
        if OF_COLUMNS.search(key) is None
    }
    matrix = f"{keys[0]} ({shape_words(header.shape)})"
    fitting = [key for key, length in vectors.items() if length == columns]
    if fitting and rows != columns >= MIN_SAMPLES and rows not in vectors.values():
        about = f"{fitting[0]} has as many entries ({columns:,}) as {matrix} has columns"
    elif header.dtype == np.uint8 and MIN_SAMPLES <= columns < rows and _is_square(rows):
        about = f"{matrix} has as many rows as an image of {math.isqrt(rows)} × {math.isqrt(rows)} has pixels"
    else:
        return []
    return [Note("perhaps_last_axis", about=about)]


def _is_square(number: int) -> bool:
    side = math.isqrt(number)
    return side >= MIN_SIDE and side * side == number


def _is_vector(array: np.ndarray) -> bool:
    return array.size == max(array.shape, default=0)


def _axis(
    shape: tuple[int, ...], labels: np.ndarray | None, options: Options, column_major: bool
) -> tuple[int, bool]:
    """(the axis of the samples, whether the labels show it)."""
    last = len(shape) - 1
    if last < 1 or options.samples_last is not None:
        return (max(last, 0) if options.samples_last else 0), False
    of_training = _axis_like(shape, options)
    if of_training is not None:
        return of_training, False
    sides = () if labels is None else labels.shape
    by_labels = len({axis for axis in (0, last) if shape[axis] in sides and shape[axis] > 1}) == 1
    return (sample_axis if column_major else python_axis)(shape, sides), by_labels


def _axis_like(shape: tuple[int, ...], options: Options) -> int | None:
    """The axis whose removal gives samples of the size of the training data; None if both or neither do."""
    if options.like is None:
        return None
    trained = options.like
    preprocessing = trained.get("preprocessing") or {}
    size = preprocessing.get("width") if trained["kind"] == "table" else math.prod(trained["shape"])
    fits = [axis for axis in (0, len(shape) - 1) if math.prod(shape) // max(shape[axis], 1) == size]
    return fits[0] if len(fits) == 1 else None


def sample_axis(shape: tuple[int, ...], labels: tuple[int, ...]) -> int:
    """The axis of a MATLAB array that counts the samples: the first (0) or the last.

    labels: the shape of the labels, () without. If they do not tell: the rows of a matrix; the last axis of images,
    unless the others show that it is the first one, as in (n, H, H) or (n, H, W, 3).
    """
    last = len(shape) - 1
    fits = _fitting_axes(shape, labels)
    if len(fits) == 1:
        return fits[0]
    if len(shape) <= 2:
        return 0
    if len(shape) == 3:
        return 0 if shape[1] == shape[2] != shape[0] else last
    return 0 if shape[2] not in COLOURS and (shape[3] in COLOURS or shape[1] in COLOURS) else last


def python_axis(shape: tuple[int, ...], labels: tuple[int, ...]) -> int:
    """The axis of an array that Python wrote that counts the samples: the first (0) or the last.

    If the labels do not tell: the first, unless only the last one is possible, as in (H, H, n) or (H, W, 3, n).
    """
    last = len(shape) - 1
    fits = _fitting_axes(shape, labels)
    if fits:
        return fits[0]
    if len(shape) == 3:
        square = shape[0] == shape[1] != shape[2]
        return last if square and shape[0] >= MIN_SIDE and shape[2] >= MIN_SAMPLES else 0
    if len(shape) == 4 and shape[3] >= MIN_SAMPLES and shape[1] not in COLOURS:
        return last if shape[2] in COLOURS or shape[0] in (1, 3) else 0
    return 0


def _fitting_axes(shape: tuple[int, ...], labels: tuple[int, ...]) -> list[int]:
    """Those of the first and the last axis that have as many entries as there are labels."""
    return [axis for axis in (0, len(shape) - 1) if shape[axis] > 1 and shape[axis] in labels]

"""MATLAB's order of axes: arrays as they lie in a file, their axes reversed, with the samples first."""

from __future__ import annotations

import numpy as np

Arrays = list[np.ndarray]


def from_matlab(samples: Arrays, labels: Arrays, ids: Arrays) -> tuple[Arrays, Arrays, Arrays, bool]:
    """(samples, labels, ids, transposed): samples along the first axis, labels and ids flat.

    transposed: whether the labels showed that the samples of a matrix lie in its columns.
    """
    labels = [_flat(array) for array in labels]
    ordered, transposed = [], False
    for position, array in enumerate(samples):
        given = labels[position] if len(labels) == len(samples) else None
        shape = array.shape[::-1]
        axis = sample_axis(shape, () if given is None else given.shape)
        transposed = transposed or (axis > 0 and len(shape) == 2)
        ordered.append(np.ascontiguousarray(np.moveaxis(array.T, axis, 0)))
        if given is not None and given.ndim == 2 and given.shape[0] != len(ordered[-1]) == given.shape[1]:
            labels[position] = given.T
    return ordered, labels, [_flat(array) for array in ids], transposed


def _flat(array: np.ndarray) -> np.ndarray:
    """A row or a column as (n,), anything else with its axes in MATLAB's order."""
    return array.ravel() if array.size == max(array.shape, default=0) else array.T


def sample_axis(shape: tuple[int, ...], labels: tuple[int, ...]) -> int:
    """The axis of a MATLAB array that counts the samples: the first (0) or the last.

    labels: the shape of the labels, () without. If they do not tell: the rows of a matrix; the last axis of images,
    unless the others show that it is the first one, as in (n, H, H) or (n, H, W, 3).
    """
    last = len(shape) - 1
    fits = [axis for axis in (0, last) if shape[axis] in labels]
    if len(fits) == 1:
        return fits[0]
    if len(shape) <= 2:
        return 0
    if len(shape) == 3:
        return 0 if shape[1] == shape[2] != shape[0] else last
    colours = (1, 3, 4)
    return 0 if shape[2] not in colours and (shape[3] in colours or shape[1] in colours) else last

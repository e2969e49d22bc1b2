"""Selecting samples: inside a lasso or a box, in a cell of a matrix, by id, near another sample.

Arrays in, positions out. A selection is a sorted array of positions in input order, without repeats.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.errors import InputError


def inside(points: ArrayLike, polygon: ArrayLike) -> np.ndarray:
    """Whether points (n, 2) lie in a polygon (v, 2), closed implicitly, by the even-odd rule; (n,) bool.

    A lasso in the browser follows the same rule where its line crosses itself.
    """
    points, polygon = np.asarray(points, float), np.asarray(polygon, float)
    result = np.zeros(len(points), bool)
    if len(polygon) < 3:
        return result
    candidates = ((points >= polygon.min(0)) & (points <= polygon.max(0))).all(1)
    x, y = points[candidates].T
    odd = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    result[candidates] = odd
    return result


def within(points: np.ndarray, corner: ArrayLike, opposite: ArrayLike) -> np.ndarray:
    """Whether points (n, 2) lie in the box between two opposite corners; (n,) bool."""
    low, high = np.sort(np.asarray([corner, opposite], float), axis=0)
    return ((points >= low) & (points <= high)).all(1)


def in_cell(rows: ArrayLike, columns: ArrayLike, row: str, column: str) -> np.ndarray:
    """Positions of the samples in one cell of a matrix, whose names are compared as text. rows, columns: (n,)."""
    in_both = (np.asarray(rows).astype(str) == str(row)) & (np.asarray(columns).astype(str) == str(column))
    return np.flatnonzero(in_both)


def search(ids: Iterable[object], text: str) -> np.ndarray:
    """Positions of the ids that equal `text`, ignoring case; if there are none, of those that contain it.

    InputError if the text is empty or no id contains it.
    """
    query = text.strip().casefold()
    if not query:
        raise InputError("Enter a part of an id to search for.")
    folded = [str(identity).casefold() for identity in ids]
    equal = [i for i, identity in enumerate(folded) if identity == query]
    matches = equal or [i for i, identity in enumerate(folded) if query in identity]
    if not matches:
        raise InputError(f"No id contains '{text.strip()[:60]}'.")
    return np.asarray(matches)


def nearest_samples(points: ArrayLike, sample: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` points nearest to point `sample` among points (n, d): positions and distances, nearest first.

    The point itself is left out; equal distances are in input order.
    """
    points = np.asarray(points, dtype=np.float64)
    distances = np.linalg.norm(points - points[sample], axis=1)
    distances[sample] = np.inf
    count = min(count, len(points) - 1)
    nearest = np.argsort(distances, kind="stable")[:count]
    return nearest, distances[nearest]

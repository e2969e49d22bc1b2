"""Still charts for papers and reports: maps, the confusion matrix, heat maps and curves as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsc_core.plots.maps import MAP_LIMIT, group_colours, opacity, point_size, square
from dsc_core.plots.palette import MUTED, PALETTE
from dsc_core.plots.picture import Picture
from dsc_core.sampling import sample_rows

SIDE = 460  # pixels of a map
LINE = 18  # pixels between two lines of text
LETTER = 0.56  # mean width of a letter as a share of its size
ROW = 28  # pixels of a row of the confusion matrix
PANEL = (300, 170)  # pixels of one curve


def still_map(
    points: np.ndarray,
    groups: np.ndarray,
    names: Mapping[Any, str],
    title: str,
    colours: Mapping[Any, str] | None = None,
    **style: Any,
) -> Picture:
    """A map of `points` (n, 2), one colour per group, with a legend below it. Arguments as for `maps.group_map`."""
    points, groups = np.asarray(points, float), np.asarray(groups)
    legend, shades = _legend(names, SIDE), group_colours(names, colours)
    picture = Picture(SIDE, SIDE + 40 + LINE * len(legend), **style)
    picture.text(8, 16, title, 15)
    low, high = square(points.min(0), points.max(0))
    extent = np.where(high > low, high - low, 1.0)
    positions = (points - low) / extent * (SIDE - 24) + 12
    positions[:, 1] = SIDE - positions[:, 1] + 30
    rows = sample_rows(len(points), MAP_LIMIT, 0)
    for group in names:
        member = rows[groups[rows] == group]
        picture.dots(positions[member], point_size(len(points)) / 2, shades[group], opacity(len(points)))
    for i, line in enumerate(legend):
        top = SIDE + 38 + LINE * i
        for left, group, text in line:
            picture.dots(np.array([[left + 5, top]]), 4, shades[group], 1)
            picture.text(left + 14, top, text, 11)
    return picture


def _legend(names: Mapping[Any, str], width: float) -> list[list[tuple[float, Any, str]]]:
    """(left, group, text) of the entries of the legend, line by line."""
    lines: list[list[tuple[float, Any, str]]] = [[]]
    left = 8.0
    for group, name in names.items():
        text = shorten(str(name), 40)
        needed = 14 + 11 * LETTER * len(text) + 14
        if lines[-1] and left + needed > width:
            lines.append([])
            left = 8.0
        lines[-1].append((left, group, text))
        left += needed
    return lines


def shorten(text: str, length: int) -> str:
    """Text on one line, cut to `length` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def still_confusion(
    matrix: np.ndarray, classes: Sequence[Any], clusters: Sequence[Any], **style: Any
) -> Picture:
    """The counts of labels (rows) in clusters (columns), in the given order, shaded by their share of the class."""
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    names = [shorten(str(name), 24) for name in classes]
    left = max(52, 16 + 11 * LETTER * max(map(len, names)))
    width = max(34.0, 14 + 7 * len(f"{matrix.max():,}"))
    picture = Picture(left + width * matrix.shape[1] + 8, 58 + ROW * len(matrix), **style)
    picture.text(left, 14, "cluster", 11)
    picture.text(left - 8, 38, "label", 11, "end")
    for j, cluster in enumerate(clusters):
        picture.text(left + width * (j + 0.5), 38, cluster, 11, "middle")
    for i, name in enumerate(names):
        middle = 52 + ROW * (i + 0.5)
        picture.text(left - 8, middle, name, 11, "end")
        for j, count in enumerate(matrix[i].tolist()):
            _cell(picture, left + width * j, middle, width, share[i, j], f"{count:,}" if count else "")
    return picture


def still_heat_map(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    axes: tuple[str, str],
    title: str,
    **style: Any,
) -> Picture:
    """Values (r, c) as cells shaded from the lowest to the highest, each with its number; NaN cells are empty.

    rows, columns: the labels of the axes. axes: the titles of the rows and of the columns.
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    low, extent = (values[finite].min(), np.ptp(values[finite]) or 1.0) if finite.any() else (0.0, 1.0)
    width, left, top = 72.0, 96, 78
    picture = Picture(left + width * values.shape[1] + 12, top + ROW * len(values) + 12, **style)
    picture.text(12, 18, title, 13)
    picture.text(left - 12, 44, axes[0], 11, "end")
    picture.text(left, 44, axes[1], 11)
    for j, name in enumerate(columns):
        picture.text(left + width * (j + 0.5), 64, name, 11, "middle")
    for i, name in enumerate(rows):
        middle = top + ROW * (i + 0.5)
        picture.text(left - 12, middle, name, 11, "end")
        for j in np.flatnonzero(finite[i]).tolist():
            share = (values[i, j] - low) / extent
            _cell(picture, left + width * j, middle, width, share, f"{values[i, j]:.3f}")
    return picture


def _cell(picture: Picture, left: float, middle: float, width: float, share: float, text: str) -> None:
    """A cell of a matrix, shaded by a share in [0, 1]."""
    picture.box(left + 1, middle - ROW / 2 + 1, width - 2, ROW - 2, PALETTE[0], 0.06 + 0.6 * float(share))
    if text:
        picture.text(left + width / 2, middle, text, 11, "middle")


def still_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], columns: int = 3, **style: Any
) -> Picture:
    """One small panel per curve, {name: (x (n,), y (n,))}, each on its own scale with its limits written below it."""
    width, height = PANEL
    rows = -(-len(curves) // columns)
    picture = Picture(width * min(columns, max(len(curves), 1)), max(height * rows, 40), **style)
    for i, (name, (x, y)) in enumerate(curves.items()):
        left, top = (i % columns) * width + 12, (i // columns) * height
        picture.text(left, top + 14, name, 12)
        x, y = np.asarray(x, float), np.asarray(y, float)
        finite = np.isfinite(x) & np.isfinite(y)
        if finite.any():
            _panel(picture, left, top, x[finite], y[finite])
    return picture


def _panel(picture: Picture, left: float, top: float, x: np.ndarray, y: np.ndarray) -> None:
    """One curve (n,), (n,) with n > 0, its last value and its limits, in the panel at (left, top)."""
    width, height = PANEL
    right, bottom = left + width - 36, top + height - 26
    along = (x - x.min()) / (np.ptp(x) or 1.0) * (width - 36)
    up = (y - y.min()) / (np.ptp(y) or 1.0) * (height - 74)
    points = np.stack([left + along, bottom - 8 - up], 1)
    picture.line(np.array([[left, bottom], [right, bottom]]), MUTED, 0.6)
    if len(x) == 1:
        picture.dots(points, 3, PALETTE[0], 1)
    else:
        picture.line(points, PALETTE[0])
    picture.text(right, top + 14, f"{y[-1]:.4g} at the end", 10, "end")
    picture.text(left, top + height - 14, f"from {y.min():.4g} to {y.max():.4g}", 10)

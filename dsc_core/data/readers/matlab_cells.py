"""Cell arrays of MATLAB: text, samples of one shape, or matrices that only a person can choose among."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dsc_core.data.headers import Header, shape_words, unreadable
from dsc_core.data.trainable import MIN_SAMPLES

LISTED = 3
STRUCTURES = "is an array of structures: save their fields as matrices"
OBJECT = (
    "is a table or another object of MATLAB: save it as a matrix, for example with table2array, or as CSV"
)
Shape = tuple[int, ...]


def stacked_header(shapes: Sequence[Shape], dtypes: Sequence[np.dtype]) -> Header | None:
    """The header of cells of numbers of one shape, one per sample, as one array in MATLAB's order; None if they differ.

    Vectors become rows, (n, F); images are counted along the last axis, (H, W, n).
    """
    if len(shapes) < MIN_SAMPLES or len(set(shapes)) > 1 or math.prod(shapes[0]) < 2:
        return None
    side, n = max(shapes[0]), len(shapes)
    shape = (n, side) if side == math.prod(shapes[0]) else (*shapes[0], n)
    return Header(shape, np.result_type(*set(dtypes)))


def stack_cells(cells: Sequence[np.ndarray], header: Header) -> np.ndarray:
    """Cells, each in MATLAB's order, as the array that `stacked_header` describes."""
    flat = len(header.shape) == 2
    return np.stack([cell.ravel() if flat else cell for cell in cells], axis=0 if flat else -1).astype(
        header.dtype
    )


def cells_header(name: str, shape: Shape, shapes: Sequence[Shape], content: int) -> Header:
    """The header of a cell array that cannot be read as one. shapes: of its matrices. content: their bytes."""
    if not shapes:
        return unreadable(
            shape, "is a cell array that holds neither matrices nor text alone: save a matrix", content
        )
    listed = ", ".join(shape_words(each) for each in shapes[:LISTED]) + (
        ", …" if len(shapes) > LISTED else ""
    )
    kind = "matrix" if len(shapes) == 1 else "matrices"
    are_views = len({each[0] for each in shapes}) == 1 < len(shapes)
    views = ", perhaps several views of the same samples" if are_views else ""
    return unreadable(
        shape,
        f"is a cell array of {len(shapes):,} {kind} ({listed}){views}: choose one of them, such as {name}{{1}}, as"
        " samples, or save them as one matrix",
        content,
    )

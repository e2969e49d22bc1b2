"""What MATLAB 7.3 and Octave write into HDF5: classes, text, cell arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dsc_core.data.headers import Header, Headers, text_header, unreadable
from dsc_core.data.readers.matlab_cells import OBJECT, STRUCTURES, cells_header, stack_cells, stacked_header

OCTAVE = "OCTAVE_NEW_FORMAT"  # the attribute of a group that is a variable of Octave
MAX_CELLS = 5000
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
NUMBERS = ("double", "single", "logical", *INTEGERS)


class Cells:
    """The data sets of MATLAB. headers: of those that are read from their cells, by their keys."""

    def __init__(self, file: Any, check_inside: Callable[[Any], None]):
        self.file, self.check_inside = file, check_inside
        self.headers: Headers = {}
        self._items: dict[str, list[Any]] = {}

    def describe(self, dataset: Any, key: str, kind: str | None) -> Iterator[tuple[str, Header]]:
        """(key, header) of a variable of MATLAB, and of each matrix in a cell array."""
        import h5py

        shape, matlab_class = dataset.shape[::-1], class_of(dataset)
        if "MATLAB_empty" in dataset.attrs:
            return
        if matlab_class == "char":
            yield key, text_header(shape)
        elif h5py.check_ref_dtype(dataset.dtype) is h5py.Reference:
            if matlab_class == "cell":
                yield from self._describe_cells(dataset, key, shape)
            else:
                yield key, unreadable(shape, STRUCTURES, 8 * math.prod(shape) + 2)
        elif matlab_class in NUMBERS and kind not in (None, "U"):
            yield key, Header(shape, np.dtype(kind))
        elif "MATLAB_object_decode" in dataset.attrs or matlab_class not in NUMBERS:
            yield key, unreadable(shape, OBJECT)

    def read(self, key: str) -> np.ndarray | list[str | None]:
        """The array under `key`, axes reversed as in a file of MATLAB; or its texts."""
        header, items = self.headers[key], self._items[key]
        if header.dtype.kind == "U":
            (dataset,) = items
            return [self._text(self.file[reference]) for reference in dataset[()].T.ravel(order="F")]
        if len(items) == 1:
            return items[0][()]
        return stack_cells([item[()].T for item in items], header).T

    def _describe_cells(self, dataset: Any, key: str, shape: tuple[int, ...]) -> Iterator[tuple[str, Header]]:
        first = self.file[dataset[(0,) * dataset.ndim]]
        if class_of(first) == "char":
            yield self._added(key, text_header(shape), [dataset])
            return
        if math.prod(shape) > MAX_CELLS:
            problem = f"has more than {MAX_CELLS:,} cells: save them as one matrix"
            yield key, unreadable(shape, problem, math.prod(shape))
            return
        items = [self.file[reference] for reference in dataset[()].ravel()]
        matrices = [item for item in items if class_of(item) in NUMBERS and "MATLAB_empty" not in item.attrs]
        for item in matrices:
            self.check_inside(item)
        shapes = [item.shape[::-1] for item in matrices]
        header = (
            stacked_header(shapes, [item.dtype for item in matrices]) if len(matrices) == len(items) else None
        )
        if header is not None:
            yield self._added(key, header, matrices)
            return
        yield key, cells_header(key, shape, shapes, 8 * sum(map(math.prod, shapes)) + 2)
        for number, item in enumerate(matrices, 1):
            yield self._added(f"{key}{{{number}}}", Header(item.shape[::-1], item.dtype), [item])

    def _added(self, key: str, header: Header, items: list[Any]) -> tuple[str, Header]:
        self.headers[key], self._items[key] = header, items
        return key, header

    def _text(self, item: Any) -> str:
        """The text of one cell."""
        self.check_inside(item)
        if "MATLAB_empty" in item.attrs:
            return ""
        values = item[()].ravel().tolist()
        return "".join(map(chr, values)) if class_of(item) == "char" else " ".join(map(str, values[:4]))


def class_of(item: Any) -> str:
    """The class that MATLAB gave an object, "" for none."""
    value = item.attrs.get("MATLAB_class", b"")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def letters(dataset: Any) -> list[str | None]:
    """The rows of a matrix of characters, which lies in the file as (letters, rows) of code units."""
    rows = dataset[()].reshape(dataset.shape[0], -1).T.tolist()
    return ["".join(map(chr, row)).rstrip() for row in rows]


def octave_header(group: Any) -> Header | None:
    """The header of a variable of Octave that is a group itself: a sparse matrix, a structure, a cell array."""
    kind = group["type"][()] if "type" in group else b""
    name = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if "sparse" in name:
        return unreadable(
            (), "is a sparse matrix of Octave: save it with save -v7, or full(…) of it", 1 << 20
        )
    if name == "cell":
        return unreadable(
            (), "is a cell array of Octave: save its matrices as variables of their own", 1 << 20
        )
    return None

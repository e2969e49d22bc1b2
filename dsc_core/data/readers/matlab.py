"""MATLAB's .mat files: up to version 7.2 with SciPy; files of version 7.3 are HDF5 files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.headers import Header, Headers, text_header, unreadable
from dsc_core.data.keys import Roles
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.data.readers.matlab_cells import OBJECT, STRUCTURES, cells_header, stack_cells, stacked_header
from dsc_core.data.readers.named_arrays import read_named_arrays, read_sandboxed_headers
from dsc_core.data.readers.sparse_arrays import dense_blocks
from dsc_core.data.sandbox_process import MEMORY, Content, Refused, limit_memory

MAX_FIELDS = 10_000
HDF5 = b"\x89HDF\r\n\x1a\n"
NUMBERS = {
    "double": "<f8",
    "single": "<f4",
    "logical": "|b1",
    "int8": "|i1",
    "uint8": "|u1",
    "int16": "<i2",
    "uint16": "<u2",
    "int32": "<i4",
    "uint32": "<u4",
    "int64": "<i8",
    "uint64": "<u8",
}


def read_mat(path: Path, options: Options) -> Dataset:
    """Samples, labels and ids from the variables of these names, see `named_arrays.dataset_from`.

    In MATLAB, samples are usually the last axis of images (H, W, n) or (H, W, C, n) and the rows of a matrix; the
    labels or the shape tell. The fields of a structure have keys such as "structure.field", the matrices of a cell
    array such as "cells{1}".
    """
    return read_named_arrays(module_of(path), path, options)


def read_headers(path: Path, limits: Limits) -> tuple[Headers, Roles, bool]:
    """(headers of all variables, no roles, whether they are in MATLAB's order)."""
    return read_sandboxed_headers(module_of(path), path, limits)


def module_of(path: Path) -> str:
    """The module that opens a .mat file: "hdf5" if it has the signature of HDF5 at one of the possible offsets."""
    with open(path, "rb") as file:
        for offset in (0, 512, 1024, 2048):
            file.seek(offset)
            if file.read(8) == HDF5:
                return "hdf5"
    return "matlab"


def load() -> None:
    """Import the libraries, before the memory and the time are limited."""
    import scipy.io
    import scipy.sparse  # noqa: F401


class Source:
    """A .mat file of up to version 7.2, for `sandbox_process`. arrays: the headers by their keys."""

    column_major = True

    def __init__(self, path: Path):
        import scipy.io

        self.path = path
        self.roles: Roles = {}
        self.values: dict[str, Any] = {}  # of structures and cell arrays, which are read at once
        self.arrays: Headers = {}
        for name, shape, kind in scipy.io.whosmat(path):
            if kind in NUMBERS:
                self.arrays[name] = Header(shape, np.dtype(NUMBERS[kind]))
            elif kind == "sparse":
                self.arrays[name] = Header(shape, np.dtype("<f8"), sparse=True)
            elif kind == "char" and math.prod(shape):
                self.arrays[name] = text_header(shape)
            elif kind in ("cell", "struct") and math.prod(shape):
                self._take(name)
            elif kind in ("opaque", "object") and name:
                self.arrays[name] = unreadable(shape, OBJECT)

    def read(self, key: str) -> Content:
        """The variable under `key`, axes reversed as in the file; or its texts."""
        header = self.arrays[key]
        if key not in self.values:
            # SciPy holds the packed, the unpacked and the ordered values at the same time
            packed = 12 * self.path.stat().st_size if header.sparse else 0
            limit_memory(MEMORY + packed + (0 if header.sparse else 3 * header.nbytes))
        value = self.values[key] if key in self.values else self._load(key)
        if isinstance(value, list):
            value = stack_cells(value, header)
        if hasattr(value, "tocsr"):
            value.check_format(full_check=True)
            return value.shape[::-1], np.dtype(np.float32), dense_blocks(value.T.tocsr())
        return _texts(value) if value.dtype.kind in "UO" else value.T

    def _load(self, name: str) -> Any:
        import scipy.io

        value = scipy.io.loadmat(self.path, variable_names=[name])[name]
        return value if hasattr(value, "tocsr") else np.asarray(value)

    def _take(self, name: str) -> None:
        """Add the numbers and texts in a structure or a cell array, and in those inside it."""
        limit_memory(MEMORY + 12 * self.path.stat().st_size)  # their size is unknown before
        pending = [(name, self._load(name))]
        while pending:
            if len(self.arrays) > MAX_FIELDS:
                raise Refused(
                    f"{self.path.name} contains more than {MAX_FIELDS:,} arrays: save the data alone."
                )
            key, value = pending.pop()
            if hasattr(value, "tocsr"):
                self._add(key, value, Header(value.shape, value.dtype, sparse=True))
            elif value.dtype.names and value.size == 1:
                fields = value.dtype.names
                pending += [(f"{key}.{field}", _plain(value[field].ravel()[0])) for field in fields][::-1]
            elif value.dtype.names:
                self.arrays[key] = unreadable(value.shape, STRUCTURES, content=8 * value.size + 2)
            elif value.dtype.kind == "O" and value.size:
                pending += self._take_cells(key, value)[::-1]
            elif value.ndim and value.size and value.dtype.kind in "biufU":
                texts = value.dtype.kind == "U"
                self._add(key, value, text_header(value.shape) if texts else Header(value.shape, value.dtype))

    def _add(self, key: str, value: Any, header: Header) -> None:
        self.values[key], self.arrays[key] = value, header

    def _take_cells(self, key: str, value: np.ndarray) -> list[tuple[str, Any]]:
        """Add a cell array as text, as samples, or as one that cannot be read; its matrices, to be added."""
        cells = [_plain(cell) for cell in value.ravel(order="F").tolist()]
        if all(_is_text(cell) for cell in cells):
            self._add(key, value, text_header(value.shape))
            return []
        matrices = [cell for cell in cells if getattr(cell, "ndim", 0) and cell.dtype.kind in "biuf"]
        shapes = [tuple(cell.shape) for cell in matrices]
        alike = not any(hasattr(cell, "tocsr") for cell in cells) and len(matrices) == len(cells)
        header = stacked_header(shapes, [cell.dtype for cell in matrices]) if alike else None
        if header is not None:
            self._add(key, matrices, header)
            return []
        content = sum(int(math.prod(shape)) for shape in shapes) * 8 + 2
        self.arrays[key] = cells_header(key, value.shape, shapes, content)
        return [
            (f"{key}{{{number}}}", cell) for number, cell in enumerate(cells, 1) if cell.dtype.kind in "biuf"
        ]


def _plain(value: Any) -> Any:
    """A value as an array, or a sparse matrix as it is."""
    return value if hasattr(value, "tocsr") else np.asarray(value)


def _is_text(cell: Any) -> bool:
    """Whether a cell holds text, or nothing."""
    return not hasattr(cell, "tocsr") and (cell.dtype.kind in "US" or not cell.size)


def _texts(value: np.ndarray) -> list[str | None]:
    """Rows of characters, or the cells of a cell array, as texts; an empty cell is ""."""
    cells = [np.asarray(cell).ravel() for cell in value.ravel(order="F").tolist()]
    return [str(cell[0]) if cell.size else "" for cell in cells]

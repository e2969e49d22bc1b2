"""MATLAB's .mat files: up to version 7.2 with SciPy; files of version 7.3 are HDF5 files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.keys import Headers
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.data.readers.named_arrays import read_named_arrays, read_sandboxed_headers
from dsc_core.data.sandbox_process import MEMORY, limit_memory

MAX_FIELDS = 1000
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
    """Samples, labels and ids from the variables of these names, see `named_arrays.read_named_arrays`.

    In MATLAB, samples are usually the last axis of images (H, W, n) or (H, W, C, n) and the rows of a matrix; the
    labels or the shape tell. The fields of a structure have keys such as "structure.field".
    """
    return read_named_arrays(module_of(path), path, options)


def read_headers(path: Path, limits: Limits) -> tuple[Headers, bool]:
    """(headers of all variables, whether they are in MATLAB's order)."""
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
    """Import the library, before the memory and the time are limited."""
    import scipy.io  # noqa: F401


class Source:
    """A .mat file of up to version 7.2, for `sandbox_process`. arrays: key -> (shape, dtype or "U")."""

    matlab = True

    def __init__(self, path: Path):
        import scipy.io

        self.path = path
        self.fields: dict[str, np.ndarray] = {}
        self.arrays: dict[str, tuple[tuple[int, ...], str]] = {}
        for name, shape, kind in scipy.io.whosmat(path):
            if kind in NUMBERS:
                self.arrays[name] = shape, NUMBERS[kind]
            elif kind in ("char", "cell") and math.prod(shape[1:]) and math.prod(shape):
                self.arrays[name] = shape, "U"
            elif kind == "struct" and math.prod(shape) == 1:
                self._take_fields(name)

    def read(self, key: str) -> np.ndarray | list[str]:
        """The variable under `key`, axes reversed as in the file; or its texts."""
        if key in self.fields:
            value = self.fields[key]
        else:
            shape, kind = self.arrays[key]
            # SciPy holds the packed, the unpacked and the ordered values at the same time
            limit_memory(MEMORY + 3 * math.prod(shape) * (np.dtype(kind).itemsize or 4))
            value = self._load(key)
        return _texts(value) if value.dtype.kind in "UO" else value.T

    def _load(self, name: str) -> np.ndarray:
        import scipy.io

        return np.asarray(scipy.io.loadmat(self.path, variable_names=[name])[name])

    def _take_fields(self, name: str) -> None:
        """Add the numbers and texts in a structure, and in structures inside it."""
        limit_memory(MEMORY + 12 * self.path.stat().st_size)  # the size of a structure is unknown before
        pending = [(name, self._load(name))]
        while pending and len(self.fields) < MAX_FIELDS:
            key, value = pending.pop()
            if value.dtype.names and value.size == 1:
                pending += [
                    (f"{key}.{field}", np.asarray(value[field].ravel()[0])) for field in value.dtype.names
                ]
            elif value.ndim and value.dtype.kind in "biufUO" and value.size and not value.dtype.names:
                self.fields[key] = value
                self.arrays[key] = value.shape, "U" if value.dtype.kind in "UO" else value.dtype.str


def _texts(value: np.ndarray) -> list[str]:
    """Rows of characters, or the cells of a cell array, as texts; an empty cell is ""."""
    cells = [np.asarray(cell).ravel() for cell in value.ravel().tolist()]
    return [str(cell[0]) if cell.size else "" for cell in cells]

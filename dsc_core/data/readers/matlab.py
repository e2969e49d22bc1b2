"""MATLAB's .mat files: up to version 7.2 by SciPy, 7.3 by `hdf5`, since these are HDF5 files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.options import Options
from dsc_core.data.readers.keyed import read_keyed
from dsc_core.data.sandbox import MEMORY, allow

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
    """Samples, labels and ids from the variables whose names say so, see `keyed.read_keyed`.

    MATLAB counts the samples along the last axis of images (H, W, n) or (H, W, C, n), and mostly along the rows
    of a matrix; the labels tell which, else the shape does. The fields of a structure are "structure.field".
    """
    return read_keyed(module_of(path), path, options)


def module_of(path: Path) -> str:
    """Which module opens a .mat file: by the mark of HDF5 at the places where it may be."""
    with open(path, "rb") as file:
        for place in (0, 512, 1024, 2048):
            file.seek(place)
            if file.read(8) == HDF5:
                return "hdf5"
    return "matlab"


def load() -> None:
    """Load the library; before the memory is limited and the clock runs."""
    import scipy.io  # noqa: F401


class Source:
    """A .mat file of up to version 7.2, for `apart`. arrays: key -> (shape, dtype or "U")."""

    matlab = True

    def __init__(self, path: Path):
        import scipy.io

        self.path, self.fields = path, {}
        self.arrays: dict[str, tuple[tuple[int, ...], str]] = {}
        for name, shape, kind in scipy.io.whosmat(path):
            if kind in NUMBERS:
                self.arrays[name] = shape, NUMBERS[kind]
            elif kind in ("char", "cell") and math.prod(shape[1:]) and math.prod(shape):
                self.arrays[name] = shape, "U"
            elif kind == "struct" and math.prod(shape) == 1:
                self._take_fields(name)

    def read(self, key: str) -> np.ndarray | list[str]:
        """The variable under `key`, its axes turned round, which is how they lie in the file; or its texts."""
        if key in self.fields:
            value = self.fields[key]
        else:
            shape, kind = self.arrays[key]
            # SciPy holds the packed, the unpacked and the ordered values at the same time
            allow(MEMORY + 3 * math.prod(shape) * (np.dtype(kind).itemsize or 4))
            value = self._load(key)
        return _texts(value) if value.dtype.kind in "UO" else value.T

    def _load(self, name: str) -> np.ndarray:
        import scipy.io

        return np.asarray(scipy.io.loadmat(self.path, variable_names=[name])[name])

    def _take_fields(self, name: str) -> None:
        """The numbers and texts in a structure, and in structures in it."""
        allow(MEMORY + 12 * self.path.stat().st_size)  # what a structure holds, only loading it tells
        waiting = [(name, self._load(name))]
        while waiting and len(self.fields) < 1000:
            key, value = waiting.pop()
            if value.dtype.names and value.size == 1:
                waiting += [
                    (f"{key}.{field}", np.asarray(value[field].ravel()[0])) for field in value.dtype.names
                ]
            elif value.ndim and value.dtype.kind in "biufUO" and value.size and not value.dtype.names:
                self.fields[key] = value
                self.arrays[key] = value.shape, "U" if value.dtype.kind in "UO" else value.dtype.str


def _texts(value: np.ndarray) -> list[str]:
    """Rows of letters, or the cells of a cell array, as texts; an empty cell is ""."""
    cells = [np.asarray(cell).ravel() for cell in value.ravel().tolist()]
    return [str(cell[0]) if cell.size else "" for cell in cells]

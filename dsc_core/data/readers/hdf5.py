"""HDF5 files, including those of MATLAB 7.3 and Octave. Links to other files are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.data.chunks import CHUNK_VALUES
from dsc_core.data.dataset import Dataset
from dsc_core.data.keys import Headers
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.data.readers.named_arrays import read_named_arrays, read_sandboxed_headers
from dsc_core.data.sandbox_process import Refused

MAX_LINKS = 10_000
OCTAVE = "OCTAVE_NEW_FORMAT"  # the attribute of a group that is a variable of Octave
MATLAB_NUMBERS = {
    "double",
    "single",
    "logical",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
}
Description = tuple[tuple[int, ...], str]  # shape, and dtype or "U" for text


def read_hdf5(path: Path, options: Options) -> Dataset:
    """Samples, labels and ids from the arrays of these names, see `keys.choose_keys`; keys are "group/name"."""
    return read_named_arrays("hdf5", path, options)


def read_headers(path: Path, limits: Limits) -> tuple[Headers, bool]:
    """(headers of all arrays, whether they are in MATLAB's order)."""
    return read_sandboxed_headers("hdf5", path, limits)


def load() -> None:
    """Import the library, before the memory and the time are limited."""
    import h5py  # noqa: F401


class Source:
    """An HDF5 file, for `sandbox_process`, which a damaged file may end.

    arrays: key -> (shape, dtype or "U"). matlab: whether MATLAB or Octave wrote the file; shapes are in their order.
    Refused for a link to another file, a virtual data set, or values stored in another file.
    """

    def __init__(self, path: Path):
        import h5py

        self.name = path.name
        with open(path, "rb") as file:
            self.matlab = self.by_matlab = file.read(6) == b"MATLAB"
        self.file = h5py.File(path, "r")
        self.by_octave: set[str] = set()
        self.arrays = dict(self._arrays())

    def read(self, key: str) -> tuple[tuple[int, ...], np.dtype, Iterator[np.ndarray]] | list[str]:
        """The array under `key` as (shape, dtype, blocks of rows), or its texts. The shape is that in the file."""
        dataset = self.file[f"{key}/value" if key in self.by_octave else key]
        if self.arrays[key][1] == "U":
            return self._texts(dataset)
        return dataset.shape, dataset.dtype, _blocks(dataset)

    def _arrays(self) -> Iterator[tuple[str, Description]]:
        """(key, (shape, dtype)) of all arrays of numbers or text that can be reached by hard links."""
        import h5py

        root = self.file["/"]
        visited, pending = {_address(root)}, [("", root)]
        links = 0
        while pending:
            prefix, group = pending.pop()
            for name in islice(group, MAX_LINKS):
                links += 1
                if links > MAX_LINKS:
                    raise Refused(
                        f"{self.name} contains more than {MAX_LINKS:,} names: save the arrays alone."
                    )
                if not self._is_followed(group, name):
                    continue
                item = group[name]
                if _address(item) in visited:  # another name for the same object, or a circle
                    continue
                visited.add(_address(item))
                key = f"{prefix}{name}"
                if isinstance(item, h5py.Group) and OCTAVE not in item.attrs:
                    if "MATLAB_sparse" not in item.attrs:
                        pending.append((f"{key}/", item))
                elif description := self._describe(item, key):
                    yield key, description

    def _is_followed(self, group: Any, name: str) -> bool:
        """Whether a link is followed; a soft link is not, since its target also has a name of its own."""
        import h5py

        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise Refused(
                f"{self.name} has a link to another file, which is not followed: copy the data into one file."
            )
        internal = self.by_matlab and name.startswith("#")
        return not (isinstance(link, h5py.SoftLink) or "/" in name or internal)

    def _describe(self, item: Any, key: str) -> Description | None:
        """(shape, dtype) of a data set or of a variable that Octave saved; None if it is neither numbers nor text."""
        import h5py

        if isinstance(item, h5py.Group):
            description = self._describe_octave(item)
            if description:
                self.by_octave.add(key)
            return description
        return self._describe_dataset(item) if isinstance(item, h5py.Dataset) else None

    def _describe_octave(self, group: Any) -> Description | None:
        """(shape, dtype) of a variable that Octave saved, a group with type and value, if it is an array of numbers."""
        import h5py

        self.matlab = True
        if not isinstance(group.get("value", getlink=True), h5py.HardLink):
            return None
        dataset = group["value"]
        if not isinstance(dataset, h5py.Dataset):  # a structure or a cell array
            return None
        self._check_inside(dataset)
        kind = _kind(dataset)
        return (dataset.shape[::-1], kind) if dataset.shape and kind not in (None, "U") else None

    def _describe_dataset(self, dataset: Any) -> Description | None:
        """(shape, dtype or "U") of numbers or text, None for anything else."""
        self._check_inside(dataset)
        if not dataset.shape:
            return None
        if self.by_matlab:
            return self._describe_matlab(dataset)
        kind = _kind(dataset)
        return (dataset.shape, kind) if kind else None

    def _describe_matlab(self, dataset: Any) -> Description | None:
        if "MATLAB_empty" in dataset.attrs:
            return None
        matlab_class = dataset.attrs.get("MATLAB_class", b"")
        if isinstance(matlab_class, bytes):
            matlab_class = matlab_class.decode("ascii", "replace")
        shape = dataset.shape[::-1]
        if matlab_class == "char" or (matlab_class == "cell" and self._cell_of_text(dataset)):
            return shape, "U"
        kind = _kind(dataset)
        return (shape, kind) if str(matlab_class) in MATLAB_NUMBERS and kind not in (None, "U") else None

    def _check_inside(self, dataset: Any) -> None:
        """Refuse values that are stored in another file: HDF5 would read any file that the process may read."""
        if dataset.is_virtual or dataset.id.get_create_plist().get_external_count():
            raise Refused(
                f"{self.name} stores values in another file, which is not read: copy the data into one file."
            )

    def _cell_of_text(self, dataset: Any) -> bool:
        """Whether the first element of a cell array is text; a vector of them may be labels."""
        import h5py

        vector = math.prod(dataset.shape) == max(dataset.shape) and dataset.shape
        if not vector or h5py.check_ref_dtype(dataset.dtype) is not h5py.Reference:
            return False
        first = self.file[dataset[(0,) * dataset.ndim]]
        return isinstance(first, h5py.Dataset) and first.attrs.get("MATLAB_class") == b"char"

    def _texts(self, dataset: Any) -> list[str]:
        import h5py

        if h5py.check_ref_dtype(dataset.dtype) is not None:
            return [self._letters(self.file[reference]) for reference in dataset[()].ravel()]
        if self.by_matlab:  # (letters, rows) of code units
            return [
                "".join(map(chr, row)).rstrip()
                for row in dataset[()].reshape(dataset.shape[0], -1).T.tolist()
            ]
        return [str(text) for text in dataset.asstr(errors="replace")[()].ravel().tolist()]

    def _letters(self, item: Any) -> str:
        """The text of one element of a cell array."""
        self._check_inside(item)
        if "MATLAB_empty" in item.attrs:
            return ""
        return "".join(map(chr, item[()].ravel().tolist()))


def _address(item: Any) -> int:
    """The position of an object in the file, which is the same under all of its names."""
    import h5py

    return h5py.h5o.get_info(item.id).addr


def _kind(dataset: Any) -> str | None:
    """The dtype of real numbers, "U" for text, None for anything else."""
    import h5py

    try:
        dtype = dataset.dtype
    except TypeError:  # a type unknown to NumPy
        return None
    if h5py.check_string_dtype(dtype) is not None:
        return "U"
    return dtype.str if dtype.kind in "biuf" and dtype.itemsize <= 8 else None


def _blocks(dataset: Any) -> Iterator[np.ndarray]:
    """The rows, some at a time; in whole chunks if these are small, since each is unpacked whole."""
    row = max(1, math.prod(dataset.shape[1:]))
    step = max(1, CHUNK_VALUES // row)
    if dataset.chunks and dataset.chunks[0] * row <= 4 * CHUNK_VALUES:
        step = max(step // dataset.chunks[0], 1) * dataset.chunks[0]
    for start in range(0, dataset.shape[0], step):
        yield np.asarray(dataset[start : start + step])

"""HDF5 files, MATLAB's 7.3 among them. Links to other files are refused; nothing outside the file is read."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import CHUNK_VALUES, Dataset
from dsc_core.data.options import Options
from dsc_core.data.readers.keyed import read_keyed
from dsc_core.data.sandbox import Refused

MOST_LINKS = 10_000
OCTAVE = "OCTAVE_NEW_FORMAT"  # the attribute by which a group is a variable of Octave's
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


def read_hdf5(path: Path, options: Options) -> Dataset:
    """Samples, labels and ids from the arrays whose names say so, as `arrays.read_npz`; "group/name" as keys."""
    return read_keyed("hdf5", path, options)


def load() -> None:
    """Load the library; before the memory is limited and the clock runs."""
    import h5py  # noqa: F401


class Source:
    """An HDF5 file, for `apart`: a process of its own, which a damaged file may end.

    arrays: key -> (shape, dtype or "U"). matlab: the file is MATLAB's or Octave's, and shapes are as these have them.
    Refused for a link to another file, a virtual data set, or values that are kept in another file.
    """

    def __init__(self, path: Path):
        import h5py

        self.name = path.name
        with open(path, "rb") as file:
            self.matlab = self.by_matlab = file.read(6) == b"MATLAB"
        self.file = h5py.File(path, "r")
        self.by_octave: set[str] = set()
        self.arrays = dict(self._arrays())

    def read(self, key: str):
        """The array under `key` as (shape, dtype, blocks of rows), or its texts. The shape is the file's own."""
        dataset = self.file[f"{key}/value" if key in self.by_octave else key]
        if self.arrays[key][1] == "U":
            return self._texts(dataset)
        return dataset.shape, dataset.dtype, _blocks(dataset)

    def _arrays(self):
        """(key, (shape, kind)) of all arrays of numbers or text that can be reached by hard links."""
        import h5py

        root = self.file["/"]
        seen, waiting, links = {_address(root)}, [("", root)], 0
        while waiting:
            prefix, group = waiting.pop()
            for name in islice(group, MOST_LINKS):
                links += 1
                if links > MOST_LINKS:
                    raise Refused(f"{self.name} holds more than {MOST_LINKS:,} names: save the arrays alone.")
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    raise Refused(
                        f"{self.name} has a link to another file, which is never followed: copy the data into"
                        " one file."
                    )
                if (
                    isinstance(link, h5py.SoftLink)
                    or "/" in name
                    or (self.by_matlab and name.startswith("#"))
                ):
                    continue  # a soft link is another name for what is found by its own
                item = group[name]
                if _address(item) in seen:  # another name for the same, or a circle
                    continue
                seen.add(_address(item))
                if isinstance(item, h5py.Group) and OCTAVE in item.attrs:
                    if known := self._variable(item):
                        self.by_octave.add(f"{prefix}{name}")
                        yield f"{prefix}{name}", known
                elif isinstance(item, h5py.Group):
                    if "MATLAB_sparse" not in item.attrs:
                        waiting.append((f"{prefix}{name}/", item))
                elif isinstance(item, h5py.Dataset) and (known := self._known(item)):
                    yield f"{prefix}{name}", known

    def _variable(self, group) -> tuple[tuple[int, ...], str] | None:
        """(shape, dtype) of a variable that Octave saved, if it is an array of numbers: a group with type and value."""
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

    def _known(self, dataset) -> tuple[tuple[int, ...], str] | None:
        """(shape, dtype or "U") of numbers or text, None for all else."""
        self._check_inside(dataset)
        if not dataset.shape:
            return None
        if self.by_matlab:
            return self._known_to_matlab(dataset)
        kind = _kind(dataset)
        return (dataset.shape, kind) if kind else None

    def _known_to_matlab(self, dataset) -> tuple[tuple[int, ...], str] | None:
        if "MATLAB_empty" in dataset.attrs:
            return None
        of = dataset.attrs.get("MATLAB_class", b"")
        of = of.decode("ascii", "replace") if isinstance(of, bytes) else str(of)
        shape = dataset.shape[::-1]
        if of == "char" or (of == "cell" and self._cell_of_text(dataset)):
            return shape, "U"
        kind = _kind(dataset)
        return (shape, kind) if of in MATLAB_NUMBERS and kind not in (None, "U") else None

    def _check_inside(self, dataset) -> None:
        """Refuse values that lie in another file: HDF5 would read any file that the process may read."""
        if dataset.is_virtual or dataset.id.get_create_plist().get_external_count():
            raise Refused(
                f"{self.name} keeps values in another file, which is never read: copy the data into one file."
            )

    def _cell_of_text(self, dataset) -> bool:
        """Whether the first element of a cell array is text; a vector of them may be labels."""
        import h5py

        vector = math.prod(dataset.shape) == max(dataset.shape) and dataset.shape
        if not vector or h5py.check_ref_dtype(dataset.dtype) is not h5py.Reference:
            return False
        first = self.file[dataset[(0,) * dataset.ndim]]
        return isinstance(first, h5py.Dataset) and first.attrs.get("MATLAB_class") == b"char"

    def _texts(self, dataset) -> list[str]:
        import h5py

        if h5py.check_ref_dtype(dataset.dtype) is not None:
            return [self._letters(self.file[reference]) for reference in dataset[()].ravel()]
        if self.by_matlab:  # (letters, rows) of code units
            return [
                "".join(map(chr, row)).rstrip()
                for row in dataset[()].reshape(dataset.shape[0], -1).T.tolist()
            ]
        return [str(text) for text in dataset.asstr(errors="replace")[()].ravel().tolist()]

    def _letters(self, item) -> str:
        """The text of one element of a cell array."""
        self._check_inside(item)
        if "MATLAB_empty" in item.attrs:
            return ""
        return "".join(map(chr, item[()].ravel().tolist()))


def _address(item) -> int:
    """Where an object lies in the file, which is the same under all of its names."""
    import h5py

    return h5py.h5o.get_info(item.id).addr


def _kind(dataset) -> str | None:
    """The dtype of real numbers, "U" for text, None for what is neither."""
    import h5py

    try:
        dtype = dataset.dtype
    except TypeError:  # a type that NumPy does not have
        return None
    if h5py.check_string_dtype(dtype) is not None:
        return "U"
    return dtype.str if dtype.kind in "biuf" and dtype.itemsize <= 8 else None


def _blocks(dataset):
    """The rows, some at a time, in whole chunks where these are small, for each is unpacked whole."""
    row = max(1, math.prod(dataset.shape[1:]))
    step = max(1, CHUNK_VALUES // row)
    if dataset.chunks and dataset.chunks[0] * row <= 4 * CHUNK_VALUES:
        step = max(step // dataset.chunks[0], 1) * dataset.chunks[0]
    for start in range(0, dataset.shape[0], step):
        yield np.asarray(dataset[start : start + step])

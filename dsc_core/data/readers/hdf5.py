"""HDF5 files, including those of MATLAB 7.3, Octave, AnnData and 10x. Links to other files are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.data.array_labels import decode
from dsc_core.data.chunks import CHUNK_VALUES
from dsc_core.data.dataset import Dataset
from dsc_core.data.headers import Header, Headers, text_header, unreadable
from dsc_core.data.keys import Roles
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.data.readers import hdf5_layouts, hdf5_matlab
from dsc_core.data.readers.hdf5_matlab import OCTAVE, Cells
from dsc_core.data.readers.named_arrays import read_named_arrays, read_sandboxed_headers
from dsc_core.data.readers.sparse_arrays import Parts, dense_blocks
from dsc_core.data.sandbox_process import MEMORY, Content, Refused, limit_memory
from dsc_core.data.unpacking import RATIO_FROM

MAX_LINKS = 10_000
R = "rhdf5-NA.OK"  # the attribute of a data set that R wrote


def read_hdf5(path: Path, options: Options) -> Dataset:
    """Samples, labels and ids from the arrays of these names, see `keys.choose_keys`; keys are "group/name".

    Of AnnData's files (.h5ad), X, the names of the observations as ids, and one of their columns as labels; of 10x's,
    the cells as samples and the barcodes as ids.
    """
    return read_named_arrays("hdf5", path, options)


def read_headers(path: Path, limits: Limits) -> tuple[Headers, Roles, bool]:
    """(headers of all arrays, keys that the layout names, whether they are in the order of MATLAB and R)."""
    return read_sandboxed_headers("hdf5", path, limits)


def load() -> None:
    """Import the libraries, before the memory and the time are limited."""
    import h5py  # noqa: F401
    import scipy.sparse  # noqa: F401


class Source:
    """An HDF5 file, for `sandbox_process`, which a damaged file may end.

    arrays: the headers by their keys. roles: the keys of samples, labels and ids in a file of cells. column_major:
    whether MATLAB, Octave or R wrote the file; shapes are in their order. Refused for a link to another file, a virtual
    data set, or values stored in another file.
    """

    def __init__(self, path: Path):
        import h5py

        self.path, self.name = path, path.name
        with open(path, "rb") as file:
            self.column_major = self.by_matlab = file.read(6) == b"MATLAB"
        self.file = h5py.File(path, "r")
        self.by_octave: set[str] = set()
        self.by_r = False
        self.sparse: dict[str, Parts] = {}
        self.encoded: dict[str, tuple[str, str]] = {}  # keys of codes and categories, or of values and mask
        self.cells = Cells(self.file, self._check_inside)
        self.arrays: Headers = {}
        for key, header in self._headers():
            self.arrays[key] = header
        if self.by_r and not self.column_major:
            self.column_major = True
            self.arrays = {
                key: replace(header, shape=header.shape[::-1]) for key, header in self.arrays.items()
            }
        self.roles = hdf5_layouts.cell_roles(self.file, self.arrays, self.sparse)

    def read(self, key: str) -> Content:
        """The array under `key` as (shape, dtype, blocks of rows), or its texts. The shape is that in the file."""
        if key in self.sparse:
            return self._read_sparse(self.sparse[key])
        if key in self.encoded:
            return self._read_encoded(*self.encoded[key])
        if key in self.cells.headers:
            return self.cells.read(key)
        dataset = self.file[f"{key}/value" if key in self.by_octave else key]
        if self.arrays[key].dtype.kind == "U":
            return hdf5_matlab.letters(dataset) if self.by_matlab else _texts(dataset)
        return dataset.shape, dataset.dtype, _blocks(dataset)

    def _headers(self) -> Iterator[tuple[str, Header]]:
        """(key, header) of all arrays that can be reached by hard links."""
        import h5py

        root = self.file["/"]
        visited, pending = {_address(root)}, [("", root)]
        links = 0
        while pending:
            prefix, group = pending.pop()
            for name in islice(group, MAX_LINKS + 1):
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
                if isinstance(item, h5py.Group):
                    header, inside = self._describe_group(item, key)
                    pending += [(f"{key}/", item)] if inside else []
                    if header is not None:
                        yield key, header
                elif isinstance(item, h5py.Dataset):
                    yield from self._describe_dataset(item, key)

    def _is_followed(self, group: Any, name: str) -> bool:
        """Whether a link is followed; a soft link is not, since its target also has a name of its own."""
        import h5py

        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise Refused(
                f"{self.name} has a link to another file, which is not followed: copy the data into one file."
            )
        internal = (self.by_matlab and name.startswith("#")) or name == "__categories"
        parts = self.sparse.get(group.name.strip("/"))
        internal = internal or (parts is not None and name in ("data", "indices", "indptr", "shape"))
        return not (isinstance(link, h5py.SoftLink) or "/" in name or internal)

    def _describe_group(self, group: Any, key: str) -> tuple[Header | None, bool]:
        """(the header of the array that a group is, if it is one; whether there may be arrays inside)."""
        if OCTAVE in group.attrs:
            return self._describe_octave(group, key), False
        if hdf5_layouts.frame_of_pandas(group):
            return hdf5_layouts.pandas_header(group), False
        parts = hdf5_layouts.sparse_parts(group, key)
        if parts is not None:
            self.sparse[key] = parts
            for part in parts.keys.values():
                self._check_inside(self.file[part])
            kind = _kind(self.file[parts.keys["data"]])
            return Header(parts.header_shape, np.dtype(kind or "<f8"), sparse=True), not self.by_matlab
        if "MATLAB_sparse" in group.attrs:
            return unreadable((), "is a sparse matrix without values: save one that has some"), False
        pair = hdf5_layouts.encoded_parts(group)
        if pair is None:
            return None, True
        return self._describe_encoded(key, f"{key}/{pair[0]}", f"{key}/{pair[1]}"), False

    def _describe_encoded(self, key: str, values: str, other: str) -> Header | None:
        """The header of a column with categories or gaps: text."""
        for part in (values, other):
            self._check_inside(self.file[part])
        shape = self.file[values].shape
        self.encoded[key] = values, other
        return text_header(shape) if shape else None

    def _describe_octave(self, group: Any, key: str) -> Header | None:
        """The header of a variable that Octave saved, a group with type and value."""
        import h5py

        self.column_major = True
        if not isinstance(group.get("value", getlink=True), h5py.HardLink):
            return None
        dataset = group["value"]
        if not isinstance(dataset, h5py.Dataset):
            return hdf5_matlab.octave_header(group)
        self._check_inside(dataset)
        kind = _kind(dataset)
        if not dataset.shape or kind in (None, "U"):
            return None
        self.by_octave.add(key)
        return Header(dataset.shape[::-1], np.dtype(kind))

    def _describe_dataset(self, dataset: Any, key: str) -> Iterator[tuple[str, Header]]:
        """(key, header) of a data set, and of the matrices in it if it is a cell array."""
        self._check_inside(dataset)
        if not dataset.shape:
            return
        self.by_r = self.by_r or R in dataset.attrs
        if self.by_matlab:
            yield from self.cells.describe(dataset, key, _kind(dataset))
            return
        folder, _, name = key.rpartition("/")
        categories = f"{folder}/__categories/{name}"
        if folder and categories in self.file and _kind(dataset) not in (None, "U"):
            header = self._describe_encoded(key, key, categories)  # as AnnData wrote them before 0.7
        else:
            kind = _kind(dataset)
            header = _unreadable(dataset) if kind is None else _header(dataset.shape, kind)
        if header is not None:
            yield key, header

    def _check_inside(self, dataset: Any) -> None:
        """Refuse values that are stored in another file: HDF5 would read any file that the process may read."""
        if dataset.is_virtual or dataset.id.get_create_plist().get_external_count():
            raise Refused(
                f"{self.name} stores values in another file, which is not read: copy the data into one file."
            )

    def _read_sparse(self, parts: Parts) -> Content:
        """The dense rows of a sparse matrix; of MATLAB, its columns, as MATLAB's arrays lie in a file."""
        stored = sum(_stored(self.file[key]) for key in parts.keys.values())
        ratio = Limits.read().ratio
        if stored > RATIO_FROM and stored > ratio * self.path.stat().st_size:
            raise Refused(
                f"A sparse matrix in {self.name} is more than {ratio} times larger than the file: save it again."
            )
        limit_memory(MEMORY + 6 * stored)
        matrix = parts.load(lambda key: self.file[key][()])
        if self.column_major:
            matrix = matrix.T.tocsr()
        return matrix.shape, np.dtype(np.float32), dense_blocks(matrix)

    def _read_encoded(self, values: str, other: str) -> Content:
        """A column with categories or gaps, as text; None where a value is missing."""
        first, second = self.file[values][()].ravel(), self.file[other]
        if second.dtype.kind == "b" and other.endswith("/mask"):
            gaps = second[()].ravel().tolist()
            texts: list[Any] = _texts(self.file[values]) if first.dtype.kind in "OS" else first.tolist()
            return [None if gap else str(text) for text, gap in zip(texts, gaps, strict=True)]
        names = _texts(second) if _kind(second) == "U" else list(map(str, second[()].ravel().tolist()))
        return [names[code] if 0 <= code < len(names) else None for code in first.tolist()]


def _header(shape: tuple[int, ...], kind: str) -> Header:
    return text_header(shape) if kind == "U" else Header(shape, np.dtype(kind))


def _unreadable(dataset: Any) -> Header | None:
    """The header of what is neither numbers nor text, with the reason."""
    import h5py

    try:
        dtype = dataset.dtype
    except TypeError:  # a type unknown to NumPy
        return None
    if dtype.names:
        columns = ", ".join(dtype.names[:6])[:100]
        reason = (
            f"is a table of records ({columns}): save the numbers as a matrix, or the table as CSV or Parquet"
        )
    elif h5py.check_vlen_dtype(dtype) is not None:
        reason = "has rows of different lengths: save one matrix"
    elif dtype.kind == "c":
        reason = "holds complex numbers: save their real parts or magnitudes"
    else:
        reason = f"holds values of type {dtype}: save real numbers"[:200]
    return unreadable(dataset.shape, reason, _stored(dataset))


def _stored(dataset: Any) -> int:
    """Bytes of the values of a data set."""
    return math.prod(dataset.shape) * dataset.dtype.itemsize


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


def _texts(dataset: Any) -> list[str | None]:
    """The texts of a data set."""
    return [*decode([bytes(text) for text in dataset[()].ravel().tolist()])]


def _blocks(dataset: Any) -> Iterator[np.ndarray]:
    """The rows, some at a time; in whole chunks if these are small, since each is unpacked whole."""
    row = max(1, math.prod(dataset.shape[1:]))
    step = max(1, CHUNK_VALUES // row)
    if dataset.chunks and dataset.chunks[0] * row <= 4 * CHUNK_VALUES:
        step = max(step // dataset.chunks[0], 1) * dataset.chunks[0]
    for start in range(0, dataset.shape[0], step):
        yield np.asarray(dataset[start : start + step])

"""NumPy's .npz archives of named arrays, and sparse matrices in them. Nothing in them is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.headers import Headers
from dsc_core.data.keys import Roles
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options, Progress
from dsc_core.data.readers.named_arrays import ArrayFile, dataset_from
from dsc_core.data.readers.npz_sparse import find_sparse
from dsc_core.data.readers.numpy_header import read_header
from dsc_core.data.readers.sparse_arrays import Parts, dense_blocks
from dsc_core.data.unpacking import RATIO_FROM
from dsc_core.errors import InputError

MAX_ARRAYS = 10_000
SAVE_AGAIN = "save it again with numpy.savez_compressed"


def read_npz(path: Path, options: Options) -> Dataset:
    """Samples, and labels and ids if there are any, by their keys, see `keys.choose_keys`.

    Keys: x, images, data, samples … for samples; y, labels, target … for labels; ids, names … for ids; or those in
    `options`. x_train, x_test (and y_train, y_test) are joined in this order. Sparse matrices that SciPy saved are
    expanded.
    """
    with _open(path, options.limits) as file:
        return dataset_from(file, options)


def read_headers(path: Path, limits: Limits) -> tuple[Headers, Roles, bool]:
    """(headers of all arrays, no roles, False since axes are not reversed); InputError if it is not an .npz file."""
    with _open(path, limits) as file:
        return file.headers, file.roles, False


@contextmanager
def _open(path: Path, limits: Limits) -> Iterator[ArrayFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path.name} is not an .npz archive: {SAVE_AGAIN}.") from error
    with archive:
        stored = _headers(archive, path.name)
        read = partial(_read_member, archive, stored, path.name, limits)
        headers, sparse = find_sparse(stored, read)

        def read_any(key: str, progress: Progress | None = None) -> np.ndarray:  # noqa: ARG001
            return _read_sparse(sparse[key], key, path.name, read) if key in sparse else read(key)

        def packed(key: str) -> int:
            members = sparse[key].keys.values() if key in sparse else [key]
            return sum(archive.getinfo(f"{member}.npy").compress_size for member in members)

        yield ArrayFile(path.name, headers, read_any, packed, path.stat().st_size)


def _headers(archive: zipfile.ZipFile, name: str) -> Headers:
    """The headers of the arrays in the archive; of those that cannot be read, with the reason."""
    headers: Headers = {}
    members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    if len(members) > MAX_ARRAYS:
        raise InputError(f"{name} contains more than {MAX_ARRAYS:,} arrays: save them as one array.")
    for info in members:
        try:
            with archive.open(info) as member:
                header = read_header(member, f"{info.filename} in {name}")
        except InputError:
            raise
        except Exception as error:  # zipfile and zlib have a dozen errors for damaged archives
            raise InputError(f"{name} is damaged: {SAVE_AGAIN}.") from error
        headers[info.filename.removesuffix(".npy")] = header
    if not headers:
        raise InputError(f"{name} contains no NumPy array: {SAVE_AGAIN}.")
    return headers


def _read_member(
    archive: zipfile.ZipFile, headers: Headers, name: str, limits: Limits, key: str
) -> np.ndarray:
    """One array of the archive, its size checked before any memory is taken."""
    header, info = headers[key], archive.getinfo(f"{key}.npy")
    if header.nbytes > limits.memory_mb * MEBI:
        raise limits.error(f"{key} in {name}", "memory_mb")
    if header.nbytes > RATIO_FROM and header.nbytes > limits.ratio * info.compress_size:
        raise limits.error(f"{key} in {name}", "ratio")
    if header.nbytes > info.file_size:
        raise InputError(f"{key} in {name} is truncated: {SAVE_AGAIN}.")
    try:
        with archive.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)
    except Exception as error:  # see _headers
        raise InputError(f"{key} in {name} is truncated or damaged: {SAVE_AGAIN}.") from error


def _read_sparse(parts: Parts, key: str, name: str, read: Callable[[str], np.ndarray]) -> np.ndarray:
    """A sparse matrix of the archive as a dense float32 one."""
    try:
        matrix = parts.load(read)
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(
            f"{key} in {name} is a sparse matrix whose parts do not fit: save it again."
        ) from error
    dense, start = np.empty(matrix.shape, np.float32), 0
    for block in dense_blocks(matrix):
        dense[start : start + len(block)] = block
        start += len(block)
    return dense

"""NumPy's .npz archives of named arrays. Nothing in them is unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import from_array, join_arrays
from dsc_core.data.keys import Header, Headers, choose_keys, key_notes
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options
from dsc_core.data.readers.numpy_header import check_dtype, read_header
from dsc_core.errors import InputError

MAX_ARRAYS = 1000
SAVE_AGAIN = "save it again with numpy.savez_compressed"


def read_npz(path: Path, options: Options) -> Dataset:
    """Samples, and labels and ids if there are any, by their keys, see `keys.choose_keys`.

    Keys: x, images, data, samples … for samples; y, labels, target … for labels; ids, names … for ids; or those in
    `options`. x_train, x_test (and y_train, y_test) are joined in this order.
    """
    with _open(path) as archive:
        headers = _headers(archive, path.name)
        keys = choose_keys(headers, options, path.name)
        for key in keys.samples:
            check_dtype(headers[key].dtype, f"{key} in {path.name}")
        samples, labels, ids = (
            join_arrays(
                [_read_member(archive, key, headers[key], path.name, options.limits) for key in part],
                path.name,
            )
            for part in (keys.samples, keys.labels, keys.ids)
        )
    assert samples is not None  # there is always a key of samples
    return from_array(samples, labels, ids, options, key_notes(keys))


def read_headers(path: Path, limits: Limits) -> tuple[Headers, bool]:  # noqa: ARG001 - the interface of all readers
    """(headers of all arrays, False since they are not in MATLAB's order); InputError if it is not an .npz file."""
    with _open(path) as archive:
        return _headers(archive, path.name), False


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path.name} is not an .npz archive: {SAVE_AGAIN}.") from error


def _headers(archive: zipfile.ZipFile, name: str) -> Headers:
    """The headers of the arrays in the archive. Arrays of Python objects are ignored if there are others."""
    headers: Headers = {}
    refused = None
    for info in archive.infolist()[:MAX_ARRAYS]:
        if not info.filename.endswith(".npy"):
            continue
        try:
            with archive.open(info) as member:
                header = read_header(member, f"{info.filename} in {name}")
            check_dtype(header.dtype, f"{info.filename} in {name}", text=True)
            headers[info.filename.removesuffix(".npy")] = header
        except InputError as error:
            refused = error
        except Exception as error:  # zipfile and zlib have a dozen errors for damaged archives
            raise InputError(f"{name} is damaged: {SAVE_AGAIN}.") from error
    if not headers:
        raise refused or InputError(f"{name} contains no NumPy array: {SAVE_AGAIN}.")
    return headers


def _read_member(archive: zipfile.ZipFile, key: str, header: Header, name: str, limits: Limits) -> np.ndarray:
    """One array of the archive, its size checked before any memory is taken."""
    if header.nbytes > limits.memory_mb * MEBI:
        raise limits.error(f"{key} in {name}", "memory_mb")
    info = archive.getinfo(f"{key}.npy")
    if header.nbytes > info.file_size:
        raise InputError(f"{key} in {name} is truncated: {SAVE_AGAIN}.")
    try:
        with archive.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)
    except Exception as error:  # see _headers
        raise InputError(f"{key} in {name} is truncated or damaged: {SAVE_AGAIN}.") from error

"""Files that hold several arrays by name (.npz, HDF5, .mat): which are the samples, the labels and the ids.

Guessed by the usual names and by shape; the user may say which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options, suffix_of
from dsc_core.data.readers.arrays import Header, choose_keys, from_array, join, npz_headers
from dsc_core.data.readers.zip import RATIO_FROM
from dsc_core.data.sandbox import Apart
from dsc_core.errors import InputError


@dataclass(frozen=True)
class Keys:
    """What `guess_keys` thinks of a file of arrays, for the user to confirm.

    arrays: key -> its shape and type in words. samples, labels, ids: the keys taken, in the order in which they
    are joined. columns_first: pixels in a row run down the image's columns, as MATLAB has them.
    """

    arrays: dict[str, str]
    samples: tuple[str, ...]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    columns_first: bool

    def is_matrix(self, key: str) -> bool:
        """Whether the array has two axes, so that its rows may be images."""
        return self.arrays[key].partition(",")[0].count("×") == 1


def guess_keys(path: str | Path) -> Keys:
    """A first guess at the keys of an .npz, HDF5 or .mat file, from its headers alone.

    InputError when it is none, or holds no arrays.
    """
    path, options = Path(path), Options(name="guess")
    try:
        if suffix_of(path) == ".npz":
            headers, matlab = npz_headers(path), False
        else:
            with Apart(_module(path), path, options.limits) as apart:
                headers, matlab = _headers(apart), apart.content.matlab
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror or 'the system refuses it'}."
        ) from error
    samples, labels, ids = choose_keys(headers, options, path.name)
    arrays = {key: _in_words(header) for key, header in headers.items()}
    return Keys(arrays, tuple(samples), tuple(labels), tuple(ids), matlab)


def _in_words(header: Header) -> str:
    kind = "text" if header.dtype.kind in "US" else header.dtype.name
    return f"{' × '.join(map(str, header.shape))}, {kind}"


def _module(path: Path) -> str:
    from dsc_core.data.readers.matlab import module_of

    return module_of(path) if suffix_of(path) == ".mat" else "hdf5"


def _headers(apart: Apart) -> dict[str, Header]:
    content = apart.content
    if not content.shapes:
        raise InputError(f"{apart.path.name} holds no array of numbers: save images or a table in it.")
    return {key: Header(shape, content.kinds[key], False) for key, shape in content.shapes.items()}


def read_keyed(module: str, path: Path, options: Options) -> Dataset:
    """A Dataset from the arrays in `path`, which `module` opens in a process of its own.

    Keys as in `arrays.read_npz`. Where the file is MATLAB's, the axes are brought into our order, and rows of
    pixels are taken column by column unless `options.columns_first` says otherwise.
    """
    with Apart(module, path, options.limits) as apart:
        headers = _headers(apart)
        chosen = choose_keys(headers, options, path.name)
        for key in chosen[0]:
            if headers[key].dtype.kind not in "biuf":
                raise InputError(f"{key} in {path.name} holds text: choose numbers as samples.")
        for key in (key for keys in chosen for key in keys):
            _check_size(headers[key], key, path, options.limits)
        samples, labels, ids = (
            [apart.read(key, options.progress if place == 0 else None) for key in keys]
            for place, keys in enumerate(chosen)
        )
        matlab = apart.content.matlab
    notes = [_told(*chosen[:2])]
    if matlab:
        samples, labels, ids = _from_matlab(samples, labels, ids, notes)
        if options.columns_first is None:
            options = replace(options, columns_first=True)
    arrays = [join(parts, path.name) for parts in (samples, labels, ids)]
    return from_array(*arrays, options, notes)


def _told(samples: list[str], labels: list[str]) -> str:
    read = f"Read as samples: {', '.join(samples)}."
    return read + (f" As labels: {', '.join(labels)}." if labels else "")


def _check_size(header: Header, key: str, path: Path, limits: Limits) -> None:
    """Refuse what would not fit, and what is so much larger than its file that it is made to fill the memory."""
    size = math.prod(header.shape) * max(header.dtype.itemsize, 1)
    if size > limits.memory_mb * MEBI:
        raise limits.refuse(f"{key} in {path.name}", "memory_mb")
    if size > RATIO_FROM and size > limits.ratio * path.stat().st_size:
        raise limits.refuse(f"{key} in {path.name}", "ratio")


# MATLAB's order ---------------------------------------------------------------------------------------------


def _from_matlab(samples: list, labels: list, ids: list, notes: list[str]) -> tuple[list, list, list]:
    """Arrays as they lie in the file (their axes turned round) -> samples first, and labels and ids flat."""
    labels = [_flat(array) for array in labels]
    ordered = []
    for place, array in enumerate(samples):
        given = labels[place] if len(labels) == len(samples) else None
        shape = array.shape[::-1]
        axis = sample_axis(shape, () if given is None else given.shape)
        if axis and len(shape) == 2:
            notes.append(
                "The samples lie in columns, as the labels tell, so rows and columns were exchanged."
            )
        ordered.append(np.ascontiguousarray(np.moveaxis(array.T, axis, 0)))
        if given is not None and given.ndim == 2 and given.shape[0] != len(ordered[-1]) == given.shape[1]:
            labels[place] = given.T
    return ordered, labels, [_flat(array) for array in ids]


def _flat(array: np.ndarray) -> np.ndarray:
    """A row or a column as (n,), all else with its axes as MATLAB has them."""
    return array.ravel() if array.size == max(array.shape, default=0) else array.T


def sample_axis(shape: tuple[int, ...], labels: tuple[int, ...]) -> int:
    """Which axis of an array of MATLAB's counts the samples: the first (0) or the last.

    labels: the shape of the labels, () without. Where they do not tell: rows of a matrix; the last axis of
    images, unless the others show that the first one counts, as in (n, H, H) or (n, H, W, 3).
    """
    last = len(shape) - 1
    fits = [axis for axis in (0, last) if shape[axis] in labels]
    if len(fits) == 1:
        return fits[0]
    if len(shape) <= 2:
        return 0
    if len(shape) == 3:
        return 0 if shape[1] == shape[2] != shape[0] else last
    colours = (1, 3, 4)
    return 0 if shape[2] not in colours and (shape[3] in colours or shape[1] in colours) else last

"""Files with several named arrays (HDF5, .mat) that a process of its own opens: from their keys to a Dataset."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import from_array, join_arrays
from dsc_core.data.keys import Header, Headers, choose_keys, key_notes
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.readers.matlab_order import from_matlab
from dsc_core.data.sandbox import Sandbox
from dsc_core.data.unpacking import RATIO_FROM
from dsc_core.errors import InputError


def read_named_arrays(module: str, path: Path, options: Options) -> Dataset:
    """A Dataset from the arrays in `path`, which `module` opens in a process of its own.

    Keys as in `keys.choose_keys`. If MATLAB wrote the file, its axes are reordered, and rows of pixels are read column
    by column unless `options.columns_first` says otherwise.
    """
    with Sandbox(module, path, options.limits) as sandbox:
        headers = sandboxed_headers(sandbox)
        keys = choose_keys(headers, options, path.name)
        for key in keys.samples:
            if headers[key].dtype.kind not in "biuf":
                raise InputError(f"{key} in {path.name} holds text: choose numbers as samples.")
        for key in (*keys.samples, *keys.labels, *keys.ids):
            _check_size(headers[key], key, path, options.limits)
        samples = [sandbox.read(key, options.progress) for key in keys.samples]
        labels, ids = ([sandbox.read(key) for key in part] for part in (keys.labels, keys.ids))
        matlab = sandbox.content.matlab
    notes = key_notes(keys)
    if matlab:
        samples, labels, ids, transposed = from_matlab(samples, labels, ids)
        notes += [Note("transposed")] if transposed else []
        if options.columns_first is None:
            options = replace(options, columns_first=True)
    joined = join_arrays(samples, path.name)
    assert joined is not None  # there is always a key of samples
    return from_array(joined, join_arrays(labels, path.name), join_arrays(ids, path.name), options, notes)


def read_sandboxed_headers(module: str, path: Path, limits: Limits) -> tuple[Headers, bool]:
    """(headers of all arrays, whether MATLAB wrote them)."""
    with Sandbox(module, path, limits) as sandbox:
        return sandboxed_headers(sandbox), sandbox.content.matlab


def sandboxed_headers(sandbox: Sandbox) -> Headers:
    """The headers of the arrays in an open file; InputError if there are none."""
    content = sandbox.content
    if not content.shapes:
        raise InputError(f"{sandbox.path.name} contains no array of numbers: save images or a table in it.")
    return {key: Header(shape, content.dtypes[key]) for key, shape in content.shapes.items()}


def _check_size(header: Header, key: str, path: Path, limits: Limits) -> None:
    """Refuse arrays that would not fit, or that are so much larger than their file that they are an attack."""
    size = math.prod(header.shape) * max(header.dtype.itemsize, 1)
    if size > limits.memory_mb * MEBI:
        raise limits.error(f"{key} in {path.name}", "memory_mb")
    if size > RATIO_FROM and size > limits.ratio * path.stat().st_size:
        raise limits.error(f"{key} in {path.name}", "ratio")

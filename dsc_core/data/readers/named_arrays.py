"""From the arrays of a file and their keys to a Dataset: the way of .npz, HDF5 and .mat files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dsc_core.data.array_labels import ignore_labels
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import Names, from_array, join_arrays
from dsc_core.data.headers import Header, Headers, shape_words
from dsc_core.data.key_families import UNNAMED, number_of
from dsc_core.data.keys import ChosenKeys, Roles, choose_keys, fits, key_notes
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options, Progress
from dsc_core.data.readers.sample_axes import note_columns, samples_first
from dsc_core.data.readers.sparse_arrays import check_dense_size
from dsc_core.data.sandbox import Sandbox
from dsc_core.data.unpacking import RATIO_FROM
from dsc_core.errors import InputError


@dataclass(frozen=True)
class ArrayFile:
    """An open file of arrays.

    read(key, progress): the array under a key, its axes as in the file, sparse ones dense; texts as (n,). column_major:
    whether MATLAB or R wrote the file, so that its axes are reversed. packed(key): bytes that an array takes in the
    file. size: bytes of the file.
    """

    name: str
    headers: Headers
    read: Callable[[str, Progress | None], np.ndarray]
    packed: Callable[[str], int]
    size: int
    roles: Roles = field(default_factory=dict)
    column_major: bool = False


def read_named_arrays(module: str, path: Path, options: Options) -> Dataset:
    """A Dataset from the arrays in `path`, which `module` opens in a process of its own, see `dataset_from`."""
    with Sandbox(module, path, options.limits) as sandbox:
        content, size = sandbox.content, path.stat().st_size
        read, order = sandbox.read, content.column_major
        file = ArrayFile(path.name, content.headers, read, lambda _: size, size, content.roles, order)
        return dataset_from(file, options)


def read_sandboxed_headers(module: str, path: Path, limits: Limits) -> tuple[Headers, Roles, bool]:
    """(headers of all arrays, keys that the layout names, whether the axes are reversed)."""
    with Sandbox(module, path, limits) as sandbox:
        return sandbox.content.headers, sandbox.content.roles, sandbox.content.column_major


def dataset_from(file: ArrayFile, options: Options) -> Dataset:
    """A Dataset from the arrays of a file, keys as in `keys.choose_keys`, axes as in `sample_axes.samples_first`.

    Every size is checked before an array is read. Of files that MATLAB or R wrote, rows of pixels are read column by
    column unless `options.columns_first` says otherwise.
    """
    joined: np.ndarray | None
    keys, samples = _read_samples(file, options)
    notes = key_notes(keys, file.headers)
    notes += [
        Note("sparse", about=_shapes(file.headers, [key])) for key in keys.samples if file.headers[key].sparse
    ]
    labels = _read_role(file, keys.labels, keys, options.label_column, "labels", notes, options)
    ids = _read_role(file, keys.ids, keys, options.id_column, "ids", notes, options)
    if file.column_major and options.columns_first is None:
        options = replace(options, columns_first=True)
    if keys.per == "sample":
        joined = _stack(samples, keys, file, notes)
    else:
        unknown = options.samples_last is None and options.like is None and not file.roles.get("samples")
        if unknown and not labels:
            notes += note_columns(file.headers, keys.samples)
        samples, labels = samples_first(samples, labels, options, keys.samples, notes, file.column_major)
        joined = join_arrays(samples, keys.samples, file.name)
    assert joined is not None  # there is always a key of samples
    joined_ids = join_arrays([_flat(array) for array in ids], keys.ids, file.name)
    if keys.per == "sample" and not keys.ids and not keys.samples[0].startswith(UNNAMED):
        joined_ids = np.array(keys.samples)
    joined_labels = join_arrays([_flat(array) for array in labels], keys.labels, file.name)
    if keys.per == "class" and not keys.labels:
        joined_labels = _classes(samples, keys, notes)
    given, of_ids = " + ".join(keys.labels) or "the numbers of the arrays", " + ".join(keys.ids)
    names = Names(f"{' + '.join(keys.samples[:4])} in {file.name}", given, of_ids)
    return from_array(joined, joined_labels, joined_ids, options, notes, names=names)


def _read_samples(file: ArrayFile, options: Options) -> tuple[ChosenKeys, list[np.ndarray]]:
    """The keys, and the arrays of samples; one that turns out to hold row numbers is passed over for the next."""
    passed_over: list[str] = []
    while True:
        keys = choose_keys(file.headers, options, file.name, file.roles, passed_over)
        _check_sizes(file, keys, options.limits)
        samples = [file.read(key, options.progress) for key in keys.samples]
        if not keys.by_size or not _holds_row_numbers(samples[0].T if file.column_major else samples[0]):
            return keys, samples
        passed_over += keys.samples


def _check_sizes(file: ArrayFile, keys: ChosenKeys, limits: Limits) -> None:
    """Refuse samples that would not fit, or that are so much larger than their file that they are an attack."""
    total = sum(file.headers[key].nbytes for key in keys.samples)
    if len(keys.samples) > 1:
        every = Header((total,), np.dtype(np.uint8))
        _check_size(every, f"{keys.samples[0]} to {keys.samples[-1]} in {file.name}", file.size, limits)
    for key in keys.samples:
        header, subject = file.headers[key], f"{key} in {file.name}"
        if not header.shape and keys.per != "sample":
            raise InputError(f"{subject} is a single value: save one entry per sample.")
        columns = _columns(file.headers, key, keys.labels)
        if header.sparse or (file.roles.get("samples") == [key] and len(header.shape) == 2):
            check_dense_size(header, columns, subject, file.packed(key), limits, _smaller(file, key))
        if not header.sparse:
            _check_size(header, subject, file.packed(key), limits)


def _columns(headers: Headers, key: str, labels: list[str]) -> int:
    """The columns of the table that a matrix becomes: its first axis if there are as many labels as on its last."""
    shape = headers[key].shape or (1,)
    first, last = shape[0], shape[-1]
    return first if first != last and labels and fits(headers, labels, {last}) else last


def _check_size(header: Header, subject: str, packed: int, limits: Limits) -> None:
    if header.nbytes > limits.memory_mb * MEBI:
        raise limits.error(subject, "memory_mb")
    if header.nbytes > RATIO_FROM and header.nbytes > limits.ratio * packed:
        raise limits.error(subject, "ratio")


def _smaller(file: ArrayFile, key: str) -> str:
    """Which dense matrices with as many rows may be chosen instead, as the end of a sentence."""
    n = file.headers[key].shape[0]
    reduced = [
        f"{other} ({shape_words(header.shape)})"
        for other, header in file.headers.items()
        if header.is_numeric and not header.sparse and len(header.shape) == 2 and header.shape[0] == n
        if 2 <= header.shape[1] <= 1000
    ]
    return f", or choose {' or '.join(reduced[:3])} as samples" if reduced else ""


def _read_role(
    file: ArrayFile,
    wanted: list[str],
    keys: ChosenKeys,
    requested: str | None,
    role: str,
    notes: list[Note],
    options: Options,
) -> list[np.ndarray]:
    """The arrays of labels or ids; none, with a note, if they cannot be read or are not as many as the samples.

    InputError in place of the note if they were asked for.
    """
    if not wanted:
        return []
    counts = {len(keys.samples)} if keys.per == "sample" else _counts(file.headers, keys)
    shapes = _shapes(file.headers, wanted)
    problem = next((file.headers[key].problem for key in wanted if file.headers[key].problem), "")
    if problem:
        reason = f"{shapes} {problem}"
    elif not fits(file.headers, wanted, counts):
        reason = f"{shapes} does not have one entry per sample of {_shapes(file.headers, keys.samples)}"
    else:
        reason = _too_large(file, wanted, options.limits)
    if not reason:
        return [file.read(key, None) for key in wanted]
    if role == "ids" and not requested:
        notes.append(Note("ids_ignored", about=reason))
    else:
        ignore_labels(reason, notes, bool(requested))
    return []


def _too_large(file: ArrayFile, keys: Sequence[str], limits: Limits) -> str:
    """Which array exceeds which limit; "" if none does."""
    try:
        for key in keys:
            _check_size(file.headers[key], f"{key} in {file.name}", file.packed(key), limits)
    except InputError as error:
        return str(error).removesuffix(".")
    return ""


def _shapes(headers: Headers, keys: Sequence[str]) -> str:
    """Keys with their shapes: "x_train (60 × 5) + x_test (20 × 5)"."""
    words = [f"{key} ({shape_words(headers[key].shape)})" for key in keys]
    return " + ".join(words[:3]) + (" + …" if len(words) > 3 else "")


def _counts(headers: Headers, keys: ChosenKeys) -> set[int]:
    shapes = [headers[key].shape for key in keys.samples]
    return {sum(shape[axis] for shape in shapes if shape) for axis in (0, -1)}


def _stack(samples: list[np.ndarray], keys: ChosenKeys, file: ArrayFile, notes: list[Note]) -> np.ndarray:
    """Arrays of one sample each as (n, …)."""
    arrays = [array.T if file.column_major else array for array in samples]
    arrays = [array.ravel() if array.size == max(array.shape, default=0) else array for array in arrays]
    about = f"{keys.samples[0]} to {keys.samples[-1]} ({shape_words(arrays[0].shape)})"
    notes.append(Note("one_array_per_sample", count=len(arrays), about=about))
    return np.stack(arrays)


def _classes(samples: Sequence[np.ndarray], keys: ChosenKeys, notes: list[Note]) -> np.ndarray:
    """Labels (n,) from arrays of one class each: the number in the name of the array."""
    about = f"{keys.samples[0]} to {keys.samples[-1]}"
    notes.append(Note("one_array_per_class", count=len(samples), about=about))
    numbers = [number_of(key) for key in keys.samples]
    return np.repeat(np.array(numbers, np.int64), [len(array) for array in samples])


def _flat(array: np.ndarray) -> np.ndarray:
    """A row or a column as (n,), anything else as it is."""
    return array.ravel() if array.size == max(array.shape, default=0) else array


def _holds_row_numbers(array: np.ndarray) -> bool:
    """Whether every column, or the only row, holds whole numbers, all different and few of them left out."""
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not array.size:
        return False
    columns = array if len(array) > 1 else array.T
    low, high = float(columns.min()), float(columns.max())
    if len(columns) < 2 or not 0 <= low <= high < low + 4 * len(columns):
        return False
    if columns.dtype.kind == "f" and (columns % 1).any():
        return False
    ordered = np.sort(columns, axis=0)
    return bool((ordered[1:] > ordered[:-1]).all())

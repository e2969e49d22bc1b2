"""NumPy's files: .npz archives and .npy arrays. Nothing in them is ever unpickled."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.layout import (
    as_images,
    crop_middle,
    guess_scaling,
    match_channels,
    pixels_as_images,
    resize_all,
    scaling_like,
)
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options, clean, row_ids
from dsc_core.errors import InputError

SAMPLE_KEYS = (
    "x",
    "images",
    "image",
    "imgs",
    "data",
    "samples",
    "features",
    "fea",
    "inputs",
    "pixels",
    "embeddings",
    "arr_0",
)
LABEL_KEYS = ("y", "labels", "label", "targets", "target", "classes", "class", "gnd", "gt", "truth")
ID_KEYS = ("ids", "id", "names", "filenames", "files")
MAPPED_FROM = 256 * MEBI
PARTS = ("train", "valid", "val", "test")


@dataclass(frozen=True)
class Header:
    """What a .npy says of its array before the values come."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def nbytes(self) -> int:
        size = self.dtype.itemsize
        for side in self.shape:
            size *= side
        return size


def read_npy(path: Path, options: Options) -> Dataset:
    """A single array: images or a table by its layout. Never unpickled.

    Files above MAPPED_FROM stay on the disk, memory-mapped; smaller ones are read, since a mapped file that
    someone overwrites changes the samples, or ends the process, under our hands.
    """
    try:
        with open(path, "rb") as file:
            _read_header(file, path.name)
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the size before it takes memory
        array = array if array.nbytes > MAPPED_FROM else np.array(array)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path.name} is cut short or damaged: save the array again with numpy.save."
        ) from error
    _check_numeric(array.dtype, path.name)
    return from_array(array, None, None, options)


def read_npz(path: Path, options: Options) -> Dataset:
    """Samples, and labels and ids where there are any, from the keys whose names say so.

    Keys: x, images, data, samples ... or `options.samples_key` for samples; y, labels, target ... or
    `options.label_column` for labels; ids, names ... or `options.id_column` for ids. x_train, x_test (and
    y_train, y_test) are joined in this order. Without a known name, the largest array of two or more axes is taken.
    """
    with _opened(path) as archive:
        headers = _headers(archive, path.name)
        samples, labels, ids = choose_keys(headers, options, path.name)
        for key in samples:
            _check_numeric(headers[key].dtype, f"{key} in {path.name}")
        arrays = [
            join(
                [_read_member(archive, key, headers[key], path.name, options.limits) for key in keys],
                path.name,
            )
            for keys in (samples, labels, ids)
        ]
    notes = [
        f"Read as samples: {', '.join(samples)}." + (f" As labels: {', '.join(labels)}." if labels else "")
    ]
    return from_array(arrays[0], arrays[1], arrays[2], options, notes)


def from_array(samples, labels, ids, options: Options, notes=(), scaling=None) -> Dataset:
    """A Dataset from arrays: images by their layout (or `options.image_shape`), else a table.

    samples: (n, F), (n, H, W), (n, H, W, C) or (n, C, H, W). labels, ids: (n,) or None. scaling: where known.
    """
    notes = list(notes)
    if samples.ndim == 1:
        raise InputError(
            "A single row of numbers is no data set: save one row a sample, as (n, F), or images (n, H, W)."
        )
    if not samples.size:
        raise InputError("The array is empty: save at least a handful of samples.")
    n = len(samples)
    labels = None if labels is None else tidy_labels(labels, n, notes)
    if ids is not None and ids.shape != (n,):
        notes.append("The ids were left out: their number differs from that of the samples.")
        ids = None
    ids = row_ids(n) if ids is None else np.array([clean(str(name)) for name in ids.tolist()], dtype=str)
    if samples.ndim == 2 and _image_shape(options) is None:
        from dsc_core.data.readers.table import from_matrix

        return from_matrix(samples, labels, ids, options, notes)
    if samples.ndim == 2:
        images = pixels_as_images(samples, _image_shape(options), bool(options.columns_first))
    else:
        images = as_images(samples)
    return from_images(images, labels, ids, options, notes, scaling=scaling)


def from_images(images, labels, ids, options: Options, notes=(), skipped=(), scaling=None) -> Dataset:
    """A Dataset of images (n, C, H, W): cropped, resized and made grey or colour as `options` says.

    With `like` they are brought to the shape and the scaling of the training.
    """
    notes, like = list(notes), options.like
    if like is not None and like["kind"] != "image":
        raise InputError(
            "The run was trained on a table, and these are images: choose a table with the same columns."
        )
    if images.dtype == np.float16 or images.dtype.itemsize > 4:
        images = images.astype(np.float32)
    size, was = options.image_size, images.shape[2:]
    if options.image_crop and (images := crop_middle(images, size)).shape[2:] != was:
        notes.append(_crop_note(was, images.shape[2:]))
    if size is not None and images.shape[2:] != size:
        was, images = images.shape[2:], resize_all(images, size)
        notes.append(f"The images were resized from {was[0]}×{was[1]} to {size[0]}×{size[1]}.")
    if options.image_channels is not None:
        why = "as asked for" if like is None else "as in training"
        images, note = match_channels(images, options.image_channels, why)
        notes += [note] if note else []
    if like is not None:
        scaling, note = scaling_like(images, like)
        notes += [note] if note else []
    scaling = guess_scaling(images) if scaling is None else scaling
    return Dataset(
        name=options.name,
        samples=images,
        ids=ids,
        labels=labels,
        kind="image",
        scaling=tuple(float(value) for value in scaling),
        skipped=tuple(skipped),
        notes=tuple(notes),
        preprocessing={"crop": True} if options.image_crop else None,
    )


def _crop_note(was: tuple[int, int], now: tuple[int, int]) -> str:
    return f"The images were cut to their middle, {now[0]}×{now[1]} of {was[0]}×{was[1]}."


def tidy_labels(labels: np.ndarray, n: int, notes: list[str]) -> np.ndarray | None:
    """Labels as (n,) int or str: (n, 1) flattened, one-hot (n, K) told by its column, 3.0 as 3."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif (
        labels.ndim == 2
        and labels.dtype.kind in "biuf"
        and np.array_equal(labels.sum(axis=1), np.ones(len(labels)))
    ):
        labels = labels.argmax(axis=1)
    if labels.shape != (n,):
        notes.append("The labels were left out: their number differs from that of the samples.")
        return None
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (np.abs(labels) < 2**53).all():
        whole = labels.astype(np.int64)
        if (whole == labels).all():
            return whole
    if labels.dtype.kind == "S":
        return np.array([clean(label.decode("utf-8", "replace")) for label in labels.tolist()], dtype=str)
    return np.array([clean(str(label)) for label in labels.tolist()], dtype=str)


def choose_keys(
    headers: dict[str, Header], options: Options, name: str
) -> tuple[list[str], list[str], list[str]]:
    """The keys of samples, labels and ids among `headers`; each may be several, to be joined in order."""
    samples = _asked(headers, options.samples_key or None, SAMPLE_KEYS, name)
    labels = _asked(headers, options.label_column, LABEL_KEYS, name)
    ids = _asked(headers, options.id_column, ID_KEYS, name)
    if options.samples_key:  # x_test goes with y_test alone
        labels, ids = (
            _of_part(keys, options.samples_key) if asked is None else keys
            for keys, asked in ((labels, options.label_column), (ids, options.id_column))
        )
    if not samples:
        free = [key for key in headers if key not in (*labels, *ids) and len(headers[key].shape) >= 2]
        samples = sorted(free, key=lambda key: -headers[key].nbytes)[:1]
    if not samples:
        raise InputError(
            f"{name} holds no array of samples: save it with a key such as images (n, H, W) or x (n, F)."
        )
    return samples, labels, ids


def _asked(headers, asked: str | None, known: tuple[str, ...], name: str) -> list[str]:
    """The key asked for by the caller ("" for none), else those with a known name."""
    if asked is None:
        return _named(headers, known)
    if asked and asked not in headers:
        raise InputError(f"{name} has no key {asked[:60]!r}: it has {', '.join(sorted(headers))[:200]}.")
    return [asked] if asked else []


def _named(headers: dict[str, Header], known: tuple[str, ...]) -> list[str]:
    """The first known name among the keys, in any case; or its parts, x_train and x_test and the like."""
    lower = _short_names(headers)
    for word in known:
        if word in lower:
            return [lower[word]]
        parts = [lower[form] for part in PARTS for form in _forms(word, part) if form in lower]
        if parts:
            return parts
    return []


def _short_names(headers: dict[str, Header]) -> dict[str, str]:
    """{name as it is looked up: key}: in small letters, without the group that all lie in, "train/x" as train_x.

    A name in a group also counts alone, where no other has it.
    """
    parts = {key: key.lower().replace(".", "/").split("/") for key in headers}
    while parts and all(len(names) > 1 for names in parts.values()):
        if len({names[0] for names in parts.values()}) > 1:
            break
        parts = {key: names[1:] for key, names in parts.items()}
    alone = [names[-1] for names in parts.values()]
    found = {names[-1]: key for key, names in parts.items() if alone.count(names[-1]) == 1}
    return found | {"_".join(names): key for key, names in parts.items()}


def _of_part(keys: list[str], samples: str) -> list[str]:
    """Those of `keys` that belong to the same part as the key of the samples: y_test to x_test."""
    part = next((part for part in PARTS if part in samples.lower()), None)
    same = [key for key in keys if part and part in key.lower()]
    return [key for key in same or keys if key != samples]


def _forms(word: str, part: str) -> tuple[str, ...]:
    return f"{word}_{part}", f"{part}_{word}", f"{word}{part}", f"{part}{word}"


def npz_headers(path: Path) -> dict[str, Header]:
    """The header of every array in an .npz file; InputError where it is none."""
    with _opened(path) as archive:
        return _headers(archive, path.name)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{path.name} is not an .npz archive: save it again with numpy.savez_compressed."
        ) from error


def _headers(archive: zipfile.ZipFile, name: str) -> dict[str, Header]:
    """The header of every array in the archive.

    Arrays of Python objects are passed over, if others are there.
    """
    headers, refused = {}, None
    for info in archive.infolist()[:1000]:
        if not info.filename.endswith(".npy"):
            continue
        try:
            with archive.open(info) as member:
                header = _read_header(member, f"{info.filename} in {name}")
            _check_numeric(header.dtype, f"{info.filename} in {name}", text=True)
            headers[info.filename[: -len(".npy")]] = header
        except InputError as error:
            refused = error
        except Exception as error:  # zipfile and zlib have a dozen ways to say that an archive is damaged
            raise InputError(f"{name} is damaged: save it again with numpy.savez_compressed.") from error
    if not headers:
        raise refused or InputError(f"{name} holds no NumPy array: save it with numpy.savez_compressed.")
    return headers


def _read_header(file, name: str) -> Header:
    """The .npy header at the start of `file`; an InputError when it is none."""
    magic = file.read(8)
    if magic[:1] == b"\x80" or magic[:2] in (b"(l", b"(d", b"]q", b"}q"):
        raise InputError(f"{name} is a pickle, which is never opened: save the array with numpy.save.")
    try:
        if magic[:6] != b"\x93NUMPY":
            raise ValueError("no magic")
        reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[magic[6]]
        shape, fortran, dtype = reader(file)
    except Exception as error:
        raise InputError(f"{name} is not a NumPy array: save it with numpy.save.") from error
    if dtype.hasobject:
        raise InputError(
            f"{name} holds Python objects, which are never unpickled: save plain numbers, with"
            " allow_pickle=False."
        )
    return Header(tuple(shape), dtype, fortran)


def _check_numeric(dtype: np.dtype, name: str, text: bool = False) -> None:
    if dtype.kind not in ("biufSU" if text else "biuf"):
        raise InputError(f"{name} holds values of type {dtype}: save real numbers.")


def _read_member(archive: zipfile.ZipFile, key: str, header: Header, name: str, limits: Limits) -> np.ndarray:
    """One array of the archive, its size checked against the limit before any memory is taken."""
    if header.nbytes > limits.memory_mb * MEBI:
        raise limits.refuse(f"{key} in {name}", "memory_mb")
    info = archive.getinfo(f"{key}.npy")
    if header.nbytes > info.file_size:
        raise InputError(f"{key} in {name} is cut short: save it again with numpy.savez_compressed.")
    try:
        with archive.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)
    except Exception as error:  # see _headers
        raise InputError(f"{key} in {name} is cut short or damaged: save it again.") from error


def join(arrays: list[np.ndarray], name: str) -> np.ndarray | None:
    """The arrays one after the other; None for none. InputError where they do not fit together."""
    if not arrays:
        return None
    if len({array.shape[1:] for array in arrays}) > 1:
        raise InputError(f"The parts in {name} differ in shape: save training and test samples alike.")
    if not all(array.ndim for array in arrays):
        raise InputError(f"An array in {name} is a single value: save one entry a sample.")
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _image_shape(options: Options) -> tuple[int, ...] | None:
    """The shape to read rows of pixels as: asked for, or that of the images a run was trained on."""
    if options.image_shape is None and options.like is not None and options.like["kind"] == "image":
        return tuple(options.like["shape"])
    return options.image_shape

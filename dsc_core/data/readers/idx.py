"""The IDX format of MNIST and similar data sets, plain or gzip-compressed.

Four bytes (two zeros, the type, the number of axes), each axis as a big-endian uint32, then the values, big-endian.
Source: the file format notes beside Y. LeCun's MNIST database.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import Names, from_array
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.unpacking import RATIO_FROM
from dsc_core.errors import InputError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path, options: Options) -> Dataset:
    """Images (n, H, W) or (n, H, W, C), or a table (n, F); labels from the file beside it, if there is one.

    The labels of train-images-idx3-ubyte are in train-labels-idx1-ubyte, with or without .gz.
    """
    samples = read_idx_array(path, options.limits)
    if samples.ndim == 1:
        raise InputError(
            f"{path.name} contains labels only: open the images, whose labels are found by name."
        )
    notes, labels = [], None
    beside = labels_beside(path)
    if beside is not None:
        labels = read_idx_array(beside, options.limits)
        notes.append(Note("labels_from", about=beside.name))
    names = Names(path.name, beside.name if beside is not None else "")
    return from_array(samples, labels, None, options, notes, names=names)


def labels_beside(path: Path) -> Path | None:
    """The file of labels beside a file of images, named as MNIST's files are; None if there is none."""
    stem = path.name.removesuffix(".gz")
    wanted = re.sub(r"idx\d", "idx1", stem.replace("images", "labels").replace("image", "label"))
    if wanted == stem:
        return None
    candidates = (path.with_name(wanted + ending) for ending in ("", ".gz"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_idx_array(path: Path, limits: Limits) -> np.ndarray:
    """The array in an IDX file, in the machine's byte order.

    InputError if there is none, or it is too large or truncated.
    """
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else open(path, "rb") as file:
            shape, dtype = _read_header(file, path.name)
            size = dtype.itemsize * math.prod(shape)
            if size > limits.memory_mb * MEBI:
                raise limits.error(path.name, "memory_mb")
            if size > RATIO_FROM and size > limits.ratio * path.stat().st_size:
                raise limits.error(path.name, "ratio")
            data = file.read(size + 1)
    except (gzip.BadGzipFile, EOFError, struct.error) as error:
        raise InputError(f"{path.name} is truncated or damaged: download the file again.") from error
    except InputError:
        raise
    except Exception as error:  # zlib.error, which gzip does not wrap
        raise InputError(f"{path.name} is damaged: download the file again.") from error
    if len(data) != size:
        raise InputError(f"{path.name} has a header that does not fit its size: download the file again.")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def has_idx_magic(path: Path) -> bool:
    """Whether a file begins like an IDX file: two zeros and a type."""
    with open(path, "rb") as file:
        magic = file.read(4)
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in range(min(TYPES), max(TYPES) + 1)


def _read_header(file: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], np.dtype]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 4:
        raise InputError(
            f"{name} is not an IDX file like those of MNIST: if it is another format that was compressed, unpack it."
        )
    axes = struct.unpack(f">{magic[3]}I", file.read(4 * magic[3]))
    return axes, np.dtype(TYPES[magic[2]])

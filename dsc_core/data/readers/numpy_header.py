"""The header of a .npy file, or of a member of an .npz file, read before its values. Nothing is unpickled."""

from __future__ import annotations

import io
import math
from typing import IO

import numpy as np

from dsc_core.data.headers import Header
from dsc_core.errors import InputError

MAX_HEADER = 10_000  # bytes
PICKLED = (b"(l", b"(d", b"]q", b"}q")  # beginnings of pickles of protocols 0 and 1
OBJECTS = (
    "holds Python objects, which are never unpickled: save plain numbers or text, with allow_pickle=False"
)


def read_header(file: IO[bytes], name: str) -> Header:
    """The header at the start of `file`; what is neither numbers nor text has a problem. InputError without one."""
    magic = file.read(8)
    if magic[:1] == b"\x80" or magic[:2] in PICKLED:
        raise InputError(f"{name} is a pickle, which is never opened: save the array with numpy.save.")
    try:
        if magic[:6] != b"\x93NUMPY":
            raise ValueError("no magic number")
        reader, size = {
            1: (np.lib.format.read_array_header_1_0, 2),
            2: (np.lib.format.read_array_header_2_0, 4),
        }[magic[6]]
        length = file.read(size)
        if int.from_bytes(length, "little") > MAX_HEADER:  # NumPy reads it before it looks
            raise ValueError("a long header")
        shape, _, dtype = reader(io.BytesIO(length + file.read(int.from_bytes(length, "little"))))
        if any(side < 0 for side in shape):
            raise ValueError("a negative side")
    except Exception as error:
        raise InputError(f"{name} is not a NumPy array: save it with numpy.save.") from error
    return Header(tuple(shape), dtype, problem=_problem(dtype), content=_content(shape, dtype))


def check_samples(header: Header, name: str) -> None:
    """Refuse arrays of anything but real numbers."""
    if header.problem:
        raise InputError(f"{name} {header.problem}.")
    if not header.is_numeric:
        raise InputError(f"{name} holds values of type {header.dtype}: save real numbers.")


def _problem(dtype: np.dtype) -> str:
    if dtype.hasobject:
        return OBJECTS
    if dtype.names:
        fields = ", ".join(dtype.names[:6])[:100]
        return f"is a structured array with the fields {fields}: save its numbers as one array, or the table as CSV"
    if dtype.kind not in "biufSU":
        return f"holds values of type {dtype}: save real numbers"[:200]
    return ""


def _content(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """The bytes of an array that cannot be read; 0 for any other one, of which shape and type tell."""
    return math.prod(shape) * dtype.itemsize if _problem(dtype) else 0

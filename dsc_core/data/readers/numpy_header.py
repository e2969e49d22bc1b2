"""The header of a .npy file, or of a member of an .npz file, read before its values. Nothing is unpickled."""

from __future__ import annotations

from typing import IO

import numpy as np

from dsc_core.data.keys import Header
from dsc_core.errors import InputError

PICKLED = (b"(l", b"(d", b"]q", b"}q")  # beginnings of pickles of protocols 0 and 1


def read_header(file: IO[bytes], name: str) -> Header:
    """The header at the start of `file`; InputError if there is none, or the array holds Python objects."""
    magic = file.read(8)
    if magic[:1] == b"\x80" or magic[:2] in PICKLED:
        raise InputError(f"{name} is a pickle, which is never opened: save the array with numpy.save.")
    try:
        if magic[:6] != b"\x93NUMPY":
            raise ValueError("no magic number")
        reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[magic[6]]
        shape, _, dtype = reader(file)
    except Exception as error:
        raise InputError(f"{name} is not a NumPy array: save it with numpy.save.") from error
    if dtype.hasobject:
        raise InputError(
            f"{name} holds Python objects, which are never unpickled: save plain numbers, with allow_pickle=False."
        )
    return Header(tuple(shape), dtype)


def check_dtype(dtype: np.dtype, name: str, text: bool = False) -> None:
    """Refuse arrays of anything but real numbers, or text if `text`."""
    if dtype.kind not in ("biufSU" if text else "biuf"):
        raise InputError(f"{name} holds values of type {dtype}: save real numbers.")

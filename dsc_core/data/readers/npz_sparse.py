"""Sparse matrices in an .npz archive: that of `scipy.sparse.save_npz`, or parts such as attr_data, attr_indptr."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from dsc_core.data.headers import Header, Headers
from dsc_core.data.readers.sparse_arrays import Parts

COMPRESSED = ("data", "indices", "indptr")
PARTS_OF: dict[str, tuple[str, ...]] = {
    "csr": COMPRESSED,
    "csc": COMPRESSED,
    "bsr": COMPRESSED,
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
ALONE = "matrix"  # the name of a matrix that is alone in its file
PREFIX = re.compile(r"(?:(.+)[._])?(?:indptr|row|offsets)")


def find_sparse(headers: Headers, read: Callable[[str], np.ndarray]) -> tuple[Headers, dict[str, Parts]]:
    """(headers with each sparse matrix in place of its parts, {key: parts})."""
    found: dict[str, Parts] = {}
    shown = dict(headers)
    for key in headers:
        match = PREFIX.fullmatch(key)
        if match is None:
            continue
        prefix = match[1] or ""
        joint = key[len(prefix) : len(prefix) + 1] if prefix else ""
        parts = _parts(headers, read, prefix + joint)
        if parts is None:
            continue
        name = prefix or ALONE
        found[name] = parts
        facts = [f"{prefix}{joint}{word}" for word in ("shape", "format", "_is_array")]
        for part in (*parts.keys.values(), *facts):
            shown.pop(part, None)
        shown[name] = Header(parts.shape, headers[parts.keys["data"]].dtype, sparse=True)
    return shown, found


def _parts(headers: Headers, read: Callable[[str], np.ndarray], prefix: str) -> Parts | None:
    """The parts of the matrix whose keys begin with `prefix`; None if they are none."""
    shape = _small(headers, read, f"{prefix}shape")
    if shape is None or shape.dtype.kind not in "iu" or shape.size != 2:
        return None
    sides = int(shape.flat[0]), int(shape.flat[1])
    if min(sides) < 0:
        return None
    form = _form(headers, read, prefix, sides)
    keys = {part: f"{prefix}{part}" for part in PARTS_OF.get(form, ())}
    if not keys or any(key not in headers or headers[key].problem for key in keys.values()):
        return None
    return Parts(form, sides, keys)


def _form(headers: Headers, read: Callable[[str], np.ndarray], prefix: str, sides: tuple[int, int]) -> str:
    """The format that the file names, else that of the parts; of compressed ones, by the number of pointers."""
    named = _small(headers, read, f"{prefix}format")
    if named is not None:
        value = named.flat[0]
        return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    if f"{prefix}indptr" in headers:
        pointers = headers[f"{prefix}indptr"].shape
        return "csc" if pointers == (sides[1] + 1,) != (sides[0] + 1,) else "csr"
    return "coo" if f"{prefix}row" in headers else "dia"


def _small(headers: Headers, read: Callable[[str], np.ndarray], key: str) -> np.ndarray | None:
    """An array of a few values; None if there is none."""
    header = headers.get(key)
    if header is None or header.problem or header.nbytes > 1024 or not int(np.prod(header.shape)):
        return None
    return np.asarray(read(key))

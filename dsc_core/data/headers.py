"""What a file says about an array before its values are read: shape, type, and why it cannot be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

DENSE_BYTES = 4  # per value of a sparse matrix, which is expanded to float32
TEXT_BYTES = 64  # per text of unknown length, as Python holds it


@dataclass(frozen=True)
class Header:
    """The shape and the type of an array, read before its values.

    Parameters
    ----------
    shape : tuple of int
        Of a sparse matrix, that of the matrix as a whole.
    dtype : dtype
        Of kind "U" for text, whose length may be unknown (itemsize 0).
    sparse : bool, default=False
        Whether only the values that are not zero are stored.
    problem : str, default=""
        Why the array cannot be read, as what follows its name in a sentence; "" for an array that can be read.
    content : int, default=0
        The bytes that the array holds, where shape and type do not tell them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    sparse: bool = False
    problem: str = ""
    content: int = 0

    @property
    def nbytes(self) -> int:
        """The bytes that the array takes once read."""
        if self.content:
            return self.content
        each = DENSE_BYTES if self.sparse else self.dtype.itemsize or TEXT_BYTES
        return math.prod(self.shape) * each

    @property
    def is_vector(self) -> bool:
        """Whether at most one axis is longer than 1: (n,), (n, 1) or (1, n)."""
        return math.prod(self.shape) == max(self.shape, default=1)

    @property
    def is_numeric(self) -> bool:
        """Whether the array holds real numbers."""
        return self.dtype.kind in "biuf"

    def describe(self) -> str:
        """The header in words: "100 × 300, sparse float64"."""
        return f"{shape_words(self.shape)}, {'sparse ' if self.sparse else ''}{self._kind()}"

    def _kind(self) -> str:
        return "text" if self.dtype.kind in "US" else "mixed" if self.dtype.kind in "OV" else self.dtype.name

    def to_json(self) -> list[Any]:
        """The header as a JSON list; `header_from_json` is the inverse."""
        dtype = "U" if self.dtype.kind == "U" and not self.dtype.itemsize else self.dtype.str
        return [[int(side) for side in self.shape], dtype, self.sparse, self.problem, int(self.content)]


Headers = dict[str, Header]


def header_from_json(values: list[Any]) -> Header:
    """A header from `Header.to_json`."""
    shape, dtype, sparse, problem, content = values
    return Header(tuple(shape), np.dtype(dtype), bool(sparse), str(problem), int(content))


def unreadable(shape: tuple[int, ...], problem: str, content: int = 1) -> Header:
    """The header of an array that cannot be read. problem: what follows its name in a sentence, with advice."""
    return Header(tuple(shape), np.dtype("O"), problem=problem, content=content)


def text_header(shape: tuple[int, ...]) -> Header:
    """The header of text of unknown length."""
    return Header(tuple(shape), np.dtype("U"))


def shape_words(shape: tuple[int, ...]) -> str:
    """A shape in words: "100 × 28 × 28"; "a single value" without axes."""
    return " × ".join(map(str, shape)) or "a single value"

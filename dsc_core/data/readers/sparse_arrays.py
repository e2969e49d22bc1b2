"""Sparse matrices as they lie in files: their parts checked, and expanded to dense rows within the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.data.chunks import CHUNK_VALUES
from dsc_core.data.headers import Header
from dsc_core.data.limits import MEBI, Limits, setting
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import scipy.sparse

DENSE_FROM = 128 * MEBI  # below this size even a matrix of zeros alone is harmless
ADVICE = "reduce it first, for example with scikit-learn's TruncatedSVD(50) or PCA(50), and save the result as .npy"
PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True)
class Parts:
    """Where the parts of a sparse matrix lie, as keys of the file.

    form: csr, csc, coo, bsr or dia. keys: {"data": key, …}. transposed: the samples are its columns.
    """

    form: str
    shape: tuple[int, ...]
    keys: dict[str, str]
    transposed: bool = False

    @property
    def header_shape(self) -> tuple[int, ...]:
        """The shape with the samples as rows."""
        return self.shape[::-1] if self.transposed else self.shape

    def load(self, read: Callable[[str], np.ndarray]) -> scipy.sparse.csr_matrix:
        """The matrix by rows of samples. ValueError, TypeError or IndexError if its parts do not fit."""
        parts = {part: np.asarray(read(key)) for part, key in self.keys.items()}
        matrix = _assemble(self.form, self.shape, parts)
        return (matrix.T if self.transposed else matrix).tocsr()


def _assemble(form: str, shape: tuple[int, ...], parts: dict[str, np.ndarray]) -> scipy.sparse.spmatrix:
    """A SciPy matrix from its parts, each index checked."""
    import scipy.sparse as sparse

    if parts["data"].dtype.kind not in "biuf":
        raise ValueError("the values are no numbers")
    if form == "coo":
        matrix = sparse.coo_matrix((parts["data"], (_whole(parts["row"]), _whole(parts["col"]))), shape=shape)
        return matrix
    if form == "dia":
        return sparse.dia_matrix((parts["data"], parts["offsets"]), shape=shape)
    kind = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "bsr": sparse.bsr_matrix}[form]
    matrix = kind((parts["data"], _whole(parts["indices"]), _whole(parts["indptr"])), shape=shape)
    matrix.check_format(full_check=True)
    return matrix


def _whole(indices: np.ndarray) -> np.ndarray:
    """Indices as int64, since SciPy takes no uint64."""
    if indices.dtype.kind not in "iu":
        raise ValueError("the indices are no whole numbers")
    return indices.astype(np.int64)


def dense_blocks(matrix: scipy.sparse.csr_matrix) -> Iterator[np.ndarray]:
    """The rows of a sparse matrix as dense float32 blocks of a few million values."""
    step = max(1, CHUNK_VALUES // max(1, matrix.shape[1]))
    for start in range(0, matrix.shape[0], step):
        with np.errstate(over="ignore"):
            yield matrix[start : start + step].toarray().astype(np.float32)


def check_dense_size(
    header: Header, columns: int, subject: str, packed: int, limits: Limits, others: str = ""
) -> None:
    """Refuse a matrix that would be too large as a dense one, with advice how to reduce it.

    columns: of the table that it becomes. subject: its key and file. packed: bytes of the file. others: which arrays of
    the file may be chosen instead.
    """
    if columns > limits.columns:
        limit = "columns"
    elif header.nbytes > limits.memory_mb * MEBI:
        limit = "memory_mb"
    elif header.nbytes > DENSE_FROM and header.nbytes > limits.ratio * packed:
        limit = "ratio"
    else:
        return
    raise InputError(
        f"{subject} ({header.describe()}) exceeds the {limits.describe(limit)}{' as a dense matrix' * header.sparse}:"
        f" {ADVICE}{others}, or raise the limit with the environment variable {setting(limit)}."
    )

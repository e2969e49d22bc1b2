"""The fuzzy neighbour graph of UMAP: weights from distances, and both directions of an edge joined.

In NumPy and SciPy alone: the film of a run draws its maps from such a graph beside training, without PyTorch.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse

ROWS = 2**15  # looked at together


def fuzzy_weights(distances: np.ndarray, steps: int = 48) -> np.ndarray:
    """exp(−(d − d_nearest)/σᵢ) with σᵢ such that a row sums to log₂ k: every sample has equal reach.

    distances: (n, k), ascending → weights (n, k). Source: UMAP (McInnes et al. 2018), section 3.1.
    """
    beyond = distances - distances[:, :1]
    np.maximum(beyond, 0, out=beyond)
    # Where all neighbours are equally near (duplicates), no σ fits and the search diverges.
    least_width = 1e-3 * max(beyond.mean(), 1e-12)
    weights = np.empty(beyond.shape)
    for start in range(0, len(beyond), ROWS):
        block = beyond[start : start + ROWS]
        width = np.maximum(_widths(block, steps), least_width)
        weights[start : start + ROWS] = np.exp(-block / width[:, None])
    return weights


def _widths(beyond: np.ndarray, steps: int) -> np.ndarray:
    """σᵢ by bisection, from d − d_nearest, (n, k). → (n,)."""
    target = np.log2(max(beyond.shape[1], 2))
    low = np.zeros(len(beyond))
    high = np.full(len(beyond), np.inf)
    width = np.maximum(beyond.mean(1), 1e-12)
    for _ in range(steps):
        total = np.exp(-beyond / width[:, None]).sum(1)
        high = np.where(total > target, width, high)
        low = np.where(total > target, low, width)
        width = np.where(np.isinf(high), width * 2, (low + high) / 2)
    return width


def fuzzy_union(indices: np.ndarray, weights: np.ndarray) -> sparse.csr_matrix:
    """The symmetric graph w + wᵀ − w∘wᵀ from the weights of each sample's neighbours, both (n, k): (n, n) sparse.

    The neighbours of a sample may stand in another order afterwards, in both.
    """
    count, neighbours = indices.shape
    # A sample's neighbours stand together already. Positions of 32 bits, as SciPy chooses them, where they suffice.
    bits = np.int32 if indices.size < 2**31 else np.int64
    starts = np.arange(0, indices.size + 1, neighbours, dtype=bits)
    entries = weights.ravel(), indices.ravel().astype(bits, copy=False), starts
    one_way = sparse.csr_matrix(entries, shape=(count, count))
    del entries
    one_way.sort_indices()
    other = one_way.T.tocsr()
    # Taken once, as large as they may become: pages that nothing is written to take no memory.
    values, columns = np.empty(2 * indices.size, one_way.dtype), np.empty(2 * indices.size, bits)
    ends = np.zeros(count + 1, bits)
    for start in range(0, count, ROWS):
        part = _union_of_rows(one_way[start : start + ROWS], other[start : start + ROWS])
        here = slice(ends[start], ends[start] + part.nnz)
        values[here], columns[here] = part.data, part.indices
        ends[start + 1 : start + ROWS + 1] = ends[start] + part.indptr[1:]
    del one_way, other
    for array in (values, columns):
        array.resize(ends[-1], refcheck=False)
    return sparse.csr_matrix((values, columns, ends), shape=(count, count))


def _union_of_rows(one_way: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """Some rows of w + wᵀ − w∘wᵀ from those of w and of wᵀ."""
    return (one_way + other - one_way.multiply(other)).tocsr()

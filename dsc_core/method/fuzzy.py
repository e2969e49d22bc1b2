"""The fuzzy neighbour graph of UMAP: weights from distances, and both directions of an edge joined.

In NumPy and SciPy alone: the film of a run draws its maps from such a graph beside training, without PyTorch.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse


def fuzzy_weights(distances: np.ndarray, steps: int = 48) -> np.ndarray:
    """exp(−(d − d_nearest)/σᵢ) with σᵢ such that a row sums to log₂ k: every sample has equal reach.

    distances: (n, k), ascending → weights (n, k). Source: UMAP (McInnes et al. 2018), section 3.1.
    """
    beyond = np.maximum(distances - distances[:, :1], 0)
    target = np.log2(max(distances.shape[1], 2))
    low = np.zeros(len(distances))
    high = np.full(len(distances), np.inf)
    width = np.maximum(beyond.mean(1), 1e-12)
    for _ in range(steps):
        total = np.exp(-beyond / width[:, None]).sum(1)
        high = np.where(total > target, width, high)
        low = np.where(total > target, low, width)
        width = np.where(np.isinf(high), width * 2, (low + high) / 2)
    # Where all neighbours are equally near (duplicates), no σ fits and the search diverges.
    width = np.maximum(width, 1e-3 * max(beyond.mean(), 1e-12))
    return np.exp(-beyond / width[:, None])


def fuzzy_union(indices: np.ndarray, weights: np.ndarray) -> sparse.csr_matrix:
    """The symmetric graph w + wᵀ − w∘wᵀ from the weights of each sample's neighbours, both (n, k): (n, n) sparse."""
    count, neighbours = indices.shape
    rows = np.repeat(np.arange(count), neighbours)
    one_way = sparse.csr_matrix((weights.ravel(), (rows, indices.ravel())), shape=(count, count))
    other = one_way.T.tocsr()
    return (one_way + other - one_way.multiply(other)).tocsr()

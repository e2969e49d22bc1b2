"""Nearest neighbours, affinities, the graph of the whole data set and its diffusion map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.method.edges import CPU
from dsc_core.method.eigenvectors import leading
from dsc_core.method.fuzzy import fuzzy_union, fuzzy_weights

CHUNK = 2**25  # distances in memory at once: 128 MB


def nearest(
    points: Tensor,
    count: int,
    queries: Tensor | None = None,
    progress: Callable[[int, int], object] | None = None,
    copies: Sequence[Tensor] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest points of each query, exact, one block at a time. → indices, distances, both (q, count).

    points: (n, d). queries: (q, d), or None for the points themselves, which then are not their own neighbours
    (duplicates of a point are). progress(done, total): of queries; what it raises ends the search. copies: further
    positions of the points, each (n, d): a point is as near as the nearest of its positions.
    """
    own, queries = queries is None, points if queries is None else queries
    count = min(count, len(points) - own)
    positions = [(each.T, each.square().sum(1)[None, :]) for each in (points, *copies)]
    rows = max(1, CHUNK // len(points))
    indices, distances = [], []
    for start in range(0, len(queries), rows):
        if progress:
            progress(start, len(queries))
        block = queries[start : start + rows]
        shifted = _shifted_distances(block, positions)
        if own:
            row = torch.arange(len(block), device=shifted.device)
            shifted[row, row + start] = torch.inf
        smallest, index = shifted.topk(count, largest=False)
        indices.append(index.cpu())
        distances.append((smallest + block.square().sum(1, keepdim=True)).clamp_min(0).sqrt().cpu())
    return torch.cat(indices).numpy(), torch.cat(distances).numpy()


def _shifted_distances(block: Tensor, positions: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """‖a − b‖² − ‖a‖² from queries a, (q, d), to the nearest position b of each point. → (q, n).

    ‖a − b‖² = ‖a‖² − 2ab + ‖b‖²; ‖a‖² does not change the order and is added to the few that are kept. positions:
    the points transposed, (d, n), and ‖b‖², (1, n), of each set.
    """
    least: Tensor | None = None
    for transposed, squares in positions:
        here = torch.addmm(squares, block, transposed, alpha=-2)
        least = here if least is None else torch.minimum(least, here, out=least)
    assert least is not None
    return least


def whole_graph(
    points: Tensor,
    neighbours: int,
    progress: Callable[[int, int], object] | None = None,
    copies: Sequence[Tensor] = (),
) -> sparse.csr_matrix:
    """The symmetric fuzzy graph of the whole data set: w + wᵀ − w∘wᵀ. (n, d) → (n, n) sparse, zero diagonal.

    progress, copies: see `nearest`, which takes most of the time.
    """
    indices, distances = nearest(points, neighbours, progress=progress, copies=copies)
    return fuzzy_union(indices, fuzzy_weights(distances))


def batch_affinity(points: Tensor, neighbours: int, bandwidth: float = 0.0) -> Tensor:
    """W_ij = exp(−‖z_i − z_j‖² / (2σ²)) on k nearest neighbours, symmetrised, zero diagonal. (m, d) → (m, m).

    bandwidth: σ, or 0 for the median distance of the batch to the k-th neighbour. The affinity is a constant of the
    step: no gradient flows through it, since the graph is fixed while Y moves.
    """
    points = points.detach()
    count = min(neighbours, len(points) - 1)
    distance = torch.cdist(points, points)
    distance.fill_diagonal_(torch.inf)
    smallest, index = distance.topk(count, largest=False)
    width = bandwidth or smallest[:, -1].median().clamp_min(1e-12)
    one_way = torch.zeros_like(distance).scatter_(1, index, torch.exp(-smallest.square() / (2 * width**2)))
    return torch.maximum(one_way, one_way.T)


def diffusion_map(
    graph: sparse.csr_matrix,
    dims: int,
    seed: int,
    check_cancelled: Callable[[], None] | None = None,
    device: torch.device = CPU,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues of D^−½·W·D^−½ and D^−½ times their eigenvectors → (dims,), (n, dims) float32.

    Sorted in descending order; the sign of each vector is fixed (largest entry positive), so one seed gives one
    result. Multiply by powers of the eigenvalues to damp the later dimensions (Coifman and Lafon, 2006).
    check_cancelled: called before every product with the matrix; what it raises ends the work. device: of the products.
    """
    normalised, degree = normalise(graph)
    dims = min(dims, graph.shape[0] - 2)
    values, vectors = leading(normalised, dims, seed, check_cancelled, device)
    sign = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(dims)])
    scale = np.sqrt(degree.mean() / degree)
    return values, (vectors * scale[:, None] * sign).astype(np.float32)


def normalise(graph: sparse.csr_matrix) -> tuple[sparse.csr_matrix, np.ndarray]:
    """D^−½·W·D^−½ of a graph W, sparse (n, n), and its degrees D, (n,), none of them 0."""
    degree = np.maximum(np.asarray(graph.sum(1), dtype=np.float64).ravel(), 1e-12)
    scale = sparse.diags(1 / np.sqrt(degree))
    return (scale @ graph @ scale).tocsr(), degree


def votes(affinity: sparse.csr_matrix, labels: np.ndarray, clusters: int, hops: int = 2) -> np.ndarray:
    """The clusters in the neighbourhood of each sample: their shares `hops` random steps away.

    (n, n) sparse, (n,) → (n, K) float32, rows sum to 1; a sample without neighbours votes for itself.
    """
    degree = np.asarray(affinity.sum(1)).ravel()
    step = (
        (sparse.diags(1 / np.maximum(degree, 1e-12)) @ affinity + sparse.diags((degree == 0) * 1.0))
        .tocsr()
        .astype(np.float32)
    )
    shares = np.eye(clusters, dtype=np.float32)[labels]
    for _ in range(hops):
        shares = step @ shares
    return shares


def row_normalised(points: np.ndarray) -> np.ndarray:
    """Each row with norm 1; rows of zeros stay. (n, d) → (n, d)."""
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def damped(values: np.ndarray, vectors: np.ndarray, power: float) -> np.ndarray:
    """Eigenvectors times eigenvalue^power, row-normalised. (dims,), (n, dims) → (n, dims)."""
    return row_normalised(vectors * np.clip(values, 0, None) ** power)

"""Affinities, the graph of the whole data set and its diffusion map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.config import Config
from dsc_core.knobs import Value
from dsc_core.method.edges import CPU
from dsc_core.method.eigenvectors import leading
from dsc_core.method.fuzzy import fuzzy_union, fuzzy_weights
from dsc_core.method.neighbours import Progress
from dsc_core.method.search import Say, neighbours_of_all

ROWS = 2**17  # of a large array in double precision at once


def whole_graph(
    points: Tensor,
    neighbours: int,
    progress: Progress | None = None,
    copies: Sequence[Tensor] = (),
    search: Value = "exact",
    seed: int = 0,
    say: Say | None = None,
) -> sparse.csr_matrix:
    """The symmetric fuzzy graph of the whole data set: w + wᵀ − w∘wᵀ. (n, d) → (n, n) sparse, zero diagonal.

    progress, copies, search, seed, say: see `neighbours_of_all`, which takes most of the time.
    """
    indices, distances = neighbours_of_all(points, neighbours, search, seed, progress, copies, say)
    weights = fuzzy_weights(distances)
    del distances
    return fuzzy_union(indices, weights)


def batch_affinity(
    points: Tensor,
    neighbours: int,
    bandwidth: float = 0.0,
    relative_bandwidth: float = 1.0,
    differentiable: bool = False,
) -> Tensor:
    """W_ij = exp(−‖z_i − z_j‖² / (2σ²)) on k nearest neighbours, symmetrised, zero diagonal. (m, d) → (m, m).

    bandwidth: σ, or 0 for `relative_bandwidth` times the median distance of the batch to the k-th neighbour. The
    affinity is a constant of the step: no gradient flows through it, since the graph is fixed while Y moves, and an
    edge has the larger affinity of its two directions. differentiable: as the released code has it, the mean of both,
    with gradients.
    """
    points = points if differentiable else points.detach()
    count = min(neighbours, len(points) - 1)
    with torch.no_grad():
        distance = torch.cdist(points, points)
        distance.fill_diagonal_(torch.inf)
        smallest, index = distance.topk(count, largest=False)
        width = bandwidth or (relative_bandwidth * smallest[:, -1].median()).clamp_min(1e-12)
    squared = (points[:, None] - points[index]).square().sum(2) if differentiable else smallest.square()
    weights = torch.exp(-squared / (2 * width**2))
    one_way = torch.zeros_like(distance).scatter(1, index, weights)
    return (one_way + one_way.T) / 2 if differentiable else torch.maximum(one_way, one_way.T)


def affinity_of(points: Tensor, config: Config) -> Tensor:
    """`batch_affinity` of the codes of a batch, (m, d), by the settings. → (m, m)."""
    differentiable = config.affinity == "differentiable"
    widths = config.bandwidth, config.relative_bandwidth
    return batch_affinity(points, config.neighbours, *widths, differentiable)


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
    values, vectors = leading(normalised, dims, seed, check_cancelled, device, np.sqrt(degree))
    sign = np.sign(vectors[_largest(vectors), np.arange(dims)])
    scale = np.sqrt(degree.mean() / degree)
    return values, by_rows(lambda part: vectors[part] * scale[part, None] * sign, len(vectors), dims)


def by_rows(compute: Callable[[slice], np.ndarray], count: int, dims: int) -> np.ndarray:
    """Rows that `compute` gives in double precision, (m, dims) for a slice of m, in single precision. (count, dims)."""
    made = np.empty((count, dims), np.float32)
    for start in range(0, count, ROWS):
        part = slice(start, start + ROWS)
        made[part] = compute(part)
    return made


def _largest(vectors: np.ndarray) -> np.ndarray:
    """The position of the largest entry by size, the first of equal ones, of each of vectors (n, dims). → (dims,)."""
    rows = [start + np.abs(vectors[start : start + ROWS]).argmax(0) for start in range(0, len(vectors), ROWS)]
    largest = [np.abs(vectors[row, np.arange(vectors.shape[1])]) for row in rows]
    return np.array(rows)[np.array(largest).argmax(0), np.arange(vectors.shape[1])]


def normalise(graph: sparse.csr_matrix) -> tuple[sparse.csr_matrix, np.ndarray]:
    """D^−½·W·D^−½ of a graph W, sparse (n, n), and its degrees D, (n,), none of them 0."""
    degree = np.maximum(np.asarray(graph.sum(1), dtype=np.float64).ravel(), 1e-12)
    scale = 1 / np.sqrt(degree)
    weights = graph.data * np.repeat(scale, np.diff(graph.indptr))
    weights *= scale[graph.indices]
    return sparse.csr_matrix((weights, graph.indices, graph.indptr), shape=graph.shape), degree


def votes(affinity: sparse.csr_matrix, labels: np.ndarray, clusters: int, hops: int = 2) -> np.ndarray:
    """The clusters in the neighbourhood of each sample: their shares `hops` random steps away.

    (n, n) sparse, (n,) → (n, K) float32, rows sum to 1; a sample without neighbours votes for itself.
    """
    degree = np.asarray(affinity.sum(1)).ravel()
    if (degree == 0).any():
        affinity = (affinity + sparse.diags((degree == 0) * 1.0)).tocsr()
        degree = np.where(degree == 0, 1.0, degree)
    scale = np.repeat(1 / np.maximum(degree, 1e-12), np.diff(affinity.indptr))
    weights = np.multiply(scale, affinity.data, dtype=np.float64).astype(np.float32)
    step = sparse.csr_matrix((weights, affinity.indices, affinity.indptr), shape=affinity.shape)
    shares = np.eye(clusters, dtype=np.float32)[labels]
    for _ in range(hops):
        shares = step @ shares
    return shares


def row_normalised(points: np.ndarray) -> np.ndarray:
    """Each row with norm 1; rows of zeros stay. (n, d) → (n, d)."""
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def damped(values: np.ndarray, vectors: np.ndarray, *powers: float) -> np.ndarray:
    """Eigenvectors times eigenvalue^power, row-normalised, for each power side by side.

    (dims,), (n, dims) → (n, powers·dims) float32.
    """
    factors = [np.clip(values, 0, None) ** power for power in powers]

    def part_of(part: slice) -> np.ndarray:
        return np.hstack([row_normalised(vectors[part] * each) for each in factors])

    return by_rows(part_of, len(vectors), len(powers) * vectors.shape[1])

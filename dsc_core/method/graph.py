"""Neighbours, affinities, the graph of the whole data set and its diffusion coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

CHUNK = 2**25  # distances held at once: 128 MB


def nearest(
    points: Tensor,
    count: int,
    queries: Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
    copies: Sequence[Tensor] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest points, exact, a block of rows at a time. → indices, distances, both (q, count).

    points: (n, d). queries: (q, d), or None for the points themselves, which then are not their own
    neighbours (duplicates of a point are). progress(done, total): of queries; what it raises ends the search.
    copies: further places of the points, each (n, d): a point is as near as the nearest of its places.
    """
    own = queries is None
    queries = points if own else queries
    count = min(count, len(points) - own)
    places = [(place.T, place.square().sum(1)[None, :]) for place in (points, *copies)]
    rows = max(1, CHUNK // len(points))
    indices, distances = [], []
    for start in range(0, len(queries), rows):
        if progress:
            progress(start, len(queries))
        block = queries[start : start + rows]
        # ‖a − b‖² = ‖a‖² − 2ab + ‖b‖²; ‖a‖² does not change the order and is added to the few that are kept.
        part = None
        for place, squares in places:
            here = torch.addmm(squares, block, place, alpha=-2)
            part = here if part is None else torch.minimum(part, here, out=part)
        if own:
            row = torch.arange(len(block), device=part.device)
            part[row, row + start] = torch.inf
        found, index = part.topk(count, largest=False)
        indices.append(index.cpu())
        distances.append((found + block.square().sum(1, keepdim=True)).clamp_min(0).sqrt().cpu())
    return torch.cat(indices).numpy(), torch.cat(distances).numpy()


def fuzzy_weights(distances: np.ndarray, steps: int = 48) -> np.ndarray:
    """exp(−(d − d_nearest)/σ_i) with σ_i such that a row sums to log2(k): every sample has equal reach.

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
    # Where all neighbours are equally near (duplicates), no σ fits and the search runs away.
    width = np.maximum(width, 1e-3 * max(beyond.mean(), 1e-12))
    return np.exp(-beyond / width[:, None])


def whole_graph(
    points: Tensor,
    neighbours: int,
    progress: Callable[[int, int], None] | None = None,
    copies: Sequence[Tensor] = (),
) -> sparse.csr_matrix:
    """The symmetric fuzzy graph of the whole data set: w + wᵀ − w∘wᵀ. (n, d) → (n, n) sparse, zero diagonal.

    progress, copies: as of `nearest`, which takes most of the time.
    """
    indices, distances = nearest(points, neighbours, progress=progress, copies=copies)
    rows = np.repeat(np.arange(len(indices)), indices.shape[1])
    shape = (len(indices), len(indices))
    one_way = sparse.csr_matrix((fuzzy_weights(distances).ravel(), (rows, indices.ravel())), shape=shape)
    other = one_way.T.tocsr()
    return (one_way + other - one_way.multiply(other)).tocsr()


def batch_affinity(points: Tensor, neighbours: int, bandwidth: float = 0.0) -> Tensor:
    """W_ij = exp(−‖z_i − z_j‖² / (2σ²)) on k nearest neighbours, symmetrised, zero diagonal. (m, d) → (m, m).

    bandwidth: σ, or 0 for the batch's median distance to the k-th neighbour. The affinity is a constant of
    the step: no gradient flows through it (METHOD's constraint fixes the graph while Y moves).
    """
    points = points.detach()
    count = min(neighbours, len(points) - 1)
    distance = torch.cdist(points, points)
    distance.fill_diagonal_(torch.inf)
    found, index = distance.topk(count, largest=False)
    width = bandwidth or found[:, -1].median().clamp_min(1e-12)
    one_way = torch.zeros_like(distance).scatter_(1, index, torch.exp(-found.square() / (2 * width**2)))
    return torch.maximum(one_way, one_way.T)


def diffusion_map(
    graph: sparse.csr_matrix, dims: int, seed: int, asked: Callable[[], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues of D^−½·W·D^−½ and D^−½ times their eigenvectors → (dims,), (n, dims).

    Sorted from the largest; the sign of each vector is fixed (largest entry positive), so one seed gives one
    result. Multiply by powers of the eigenvalues to damp the later dimensions (Coifman and Lafon, 2006).
    asked: called before every product with the matrix; what it raises ends the search.
    """
    count = graph.shape[0]
    normalised, degree = symmetric(graph)
    dims = min(dims, count - 2)
    start = np.random.default_rng(seed).standard_normal(count)
    if count < 500:
        values, vectors = np.linalg.eigh(normalised.toarray())
        values, vectors = values[-dims:], vectors[:, -dims:]
    else:
        matrix = normalised if asked is None else interruptible(normalised, asked)
        basis = min(max(2 * dims + 1, 40), count)
        values, vectors = eigsh(matrix, k=dims, which="LA", v0=start, tol=1e-9, ncv=basis)
    order = np.argsort(values)[::-1]
    values, vectors = values[order], vectors[:, order]
    vectors *= np.sign(vectors[np.abs(vectors).argmax(0), np.arange(dims)])
    return values, (vectors / np.sqrt(degree)[:, None]) * np.sqrt(degree.mean())


def symmetric(graph: sparse.csr_matrix) -> tuple[sparse.csr_matrix, np.ndarray]:
    """D^−½·W·D^−½ of a graph W, sparse (n, n), and its degrees D, (n,), none of them 0."""
    degree = np.maximum(np.asarray(graph.sum(1), dtype=np.float64).ravel(), 1e-12)
    scale = sparse.diags(1 / np.sqrt(degree))
    return (scale @ graph @ scale).tocsr(), degree


def votes(affinity: sparse.csr_matrix, labels: np.ndarray, clusters: int, hops: int = 2) -> np.ndarray:
    """How the neighbourhood of each sample votes: the shares of the clusters `hops` random steps away.

    (n, n) sparse, (n,) → (n, K) float32, rows sum to 1; a sample without neighbours votes for itself.
    """
    degree = np.asarray(affinity.sum(1)).ravel()
    step = (
        (sparse.diags(1 / np.maximum(degree, 1e-12)) @ affinity + sparse.diags((degree == 0) * 1.0))
        .tocsr()
        .astype(np.float32)
    )
    found = np.eye(clusters, dtype=np.float32)[labels]
    for _ in range(hops):
        found = step @ found
    return found


def normalised_cut(graph: sparse.csr_matrix, labels: np.ndarray, clusters: int) -> float:
    """Σ_c (1 − W(c, c) / W(c, all)) of a graph W, sparse (n, n), cut by labels (n,): the aim of spectral clustering.

    From 0, where no edge is cut, to K; a cluster without samples counts 1. Source: Shi and Malik (2000).
    """
    _, within, volume = _weighed(graph, np.asarray(graph.sum(1)).ravel(), labels, clusters)
    return _cut(within, volume)


def _weighed(
    graph: sparse.csr_matrix, degree: np.ndarray, labels: np.ndarray, clusters: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W(i, c), (n, K), and of each cluster W(c, c) and W(c, all), (K,), the last never 0."""
    member = np.eye(clusters)[labels]
    links = graph @ member
    return links, np.einsum("ij,ij->j", member, links), np.maximum(member.T @ degree, 1e-12)


def _cut(within: np.ndarray, volume: np.ndarray) -> float:
    return float((1 - within / volume).sum())


def refined(
    graph: sparse.csr_matrix,
    labels: np.ndarray,
    clusters: int,
    rounds: int = 50,
    asked: Callable[[], None] | None = None,
) -> np.ndarray:
    """A cut, labels (n,), whose samples go all at once where their edges pull them, while the normalised cut falls.

    No cluster loses all its samples. Source: the weighted kernel k-means of Dhillon, Guan and Kulis (2004), whose
    minimum is that of the cut. asked: called before each round; what it raises ends the work.
    """
    degree = np.asarray(graph.sum(1)).ravel()
    links, within, volume = _weighed(graph, degree, labels, clusters)
    for _ in range(rounds):
        if asked:
            asked()
        pull = (2 * links / np.maximum(degree, 1e-12)[:, None] - within / volume) / volume
        sizes = np.bincount(labels, minlength=clusters)
        pull[:, sizes == 0] = -np.inf
        moved = np.where(degree > 0, pull.argmax(1), labels)
        after = _weighed(graph, degree, moved, clusters)
        lost = (np.bincount(moved, minlength=clusters) == 0) & (sizes > 0)
        if _cut(*after[1:]) >= _cut(within, volume) or lost.any():
            break
        labels, (links, within, volume) = moved, after
    return labels


def merged(graph: sparse.csr_matrix, cells: np.ndarray, clusters: int, evenness: float) -> np.ndarray:
    """Cells (n,) of a graph W, sparse (n, n), merged two by two until there are K. → labels (n,) in 0..K−1.

    The next two are those with the largest W(a, b) / (W(a, all)·W(b, all))^evenness: 1 is the linkage of an edge
    drawn at random, above it small cells go first.
    """
    _, labels = np.unique(cells, return_inverse=True)
    member = np.eye(labels.max() + 1)[labels]
    # A trace of weight between any two: cells of different components are merged too, small ones first.
    weights = np.asarray(member.T @ (graph @ member)) + 1e-12
    alive = np.ones(len(weights), bool)
    for _ in range(len(weights) - clusters):
        volume = weights.sum(1)
        linkage = weights / np.maximum(np.outer(volume, volume), 1e-24) ** evenness
        linkage[~alive] = linkage[:, ~alive] = -1
        linkage[np.tril_indices(len(linkage))] = -1  # of two names for a pair, rounding would choose
        kept, gone = np.unravel_index(linkage.argmax(), linkage.shape)
        weights[kept] += weights[gone]
        weights[:, kept] += weights[:, gone]
        alive[gone] = False
        weights[gone] = weights[:, gone] = 0
        labels[labels == gone] = kept
    return np.unique(labels, return_inverse=True)[1]


def interruptible(matrix: sparse.csr_matrix, asked: Callable[[], None]) -> LinearOperator:
    """`matrix` as it is, which calls `asked` before each product."""

    def product(vector: np.ndarray) -> np.ndarray:
        asked()
        return matrix @ vector

    return LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)


def row_normalised(points: np.ndarray) -> np.ndarray:
    """Each row with norm 1; rows of zeros stay. (n, d) → (n, d)."""
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)


def damped(values: np.ndarray, vectors: np.ndarray, power: float) -> np.ndarray:
    """Eigenvectors times eigenvalue^power, row-normalised. (dims,), (n, dims) → (n, dims)."""
    return row_normalised(vectors * np.clip(values, 0, None) ** power)

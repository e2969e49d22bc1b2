"""The leading eigenvectors of a sparse matrix, as a block: subspace iteration with Chebyshev polynomials.

Each pass multiplies a block of vectors by a polynomial of the matrix that is large above the wanted eigenvalues' end
and small below it, and rotates the result to the Ritz vectors. The work is products of the matrix with many columns
at once, which take a fraction of the time of as many single ones. Source: Y. Zhou, Y. Saad, M. Tiago, J. Chelikowsky,
"Self-consistent-field calculations using Chebyshev-filtered subspace iteration" (2006). Of a large graph the block
begins with the eigenvectors of a coarse one, whose nodes are small regions of it, instead of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from dsc_core.method.edges import to_torch
from dsc_core.method.locality import regions

DEGREES = (12, 30, 30, 30, 30)  # of the polynomial, in each pass
FIRST_END = 0.5  # of the eigenvalues that the first pass damps; later the smallest Ritz value
TOLERANCE = 5e-3  # of the residuals ‖S·y − λ·y‖; the error of an eigenvalue is about the square
FEW, FEW_TOLERANCE = 20_000, 5e-4  # the same for fewer rows, where one more pass takes hundredths of a second
MILD = (4, 8, 12, 16, 24, 30)  # the same where there are fewer than MANY rows per vector of the block
MANY = 30
DENSE_MANY = 4000  # rows up to which all eigenvectors are computed there if a tenth or more are wanted
SPARE = 0.5  # vectors in the block beside the wanted ones, as a share of them: the more, the fewer passes
MOST_SPARE = 60
ROWS = 2**17  # of more rows, fewer are worked on at once, and the block begins with that of a coarse graph
PER_REGION = 24  # nodes, on average
FINE = (16, 16, 24, 30, 30)  # degrees in the passes that begin so
COARSE = 2.0  # how much further from 1 the eigenvalues of a coarse graph are taken to lie; measured: about 4
COLUMNS = 32  # of so many rows that are filtered at once
DENSE = 500  # rows below which all eigenvectors are computed


def leading(
    matrix: sparse.csr_matrix,
    count: int,
    seed: int,
    check_cancelled: Callable[[], None] | None,
    device: torch.device,
    first: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues and their eigenvectors of a symmetric matrix, sparse (n, n), all within −1 and 1.

    → (count,) float64, descending, and (n, count), each of norm 1. check_cancelled: called before each product; what
    it raises ends the work. first: (n,) the first eigenvector, positive and of any norm, where it is known: of a graph
    the roots of its degrees. By Lanczos' method where the block does not converge.
    """
    size = matrix.shape[0]
    block = count + max(8, min(int(SPARE * count), MOST_SPARE))
    if size < DENSE or (10 * block > size and size <= DENSE_MANY) or 3 * block > size:
        if check_cancelled:
            check_cancelled()
        values, vectors = np.linalg.eigh(matrix.toarray())
        return values[::-1][:count], vectors[:, ::-1][:, :count]
    found = _by_block(matrix, first, count, block, seed, check_cancelled or (lambda: None), device)
    if found is None:
        return _by_lanczos(matrix, count, seed, check_cancelled)
    return found[0][:count].clamp_max(1).cpu().numpy(), found[1][:, :count].cpu().numpy()


def _by_block(
    matrix: sparse.csr_matrix,
    first: np.ndarray | None,
    count: int,
    block: int,
    seed: int,
    check_cancelled: Callable[[], None],
    device: torch.device,
) -> tuple[Tensor, Tensor] | None:
    """The same by a block of so many vectors, with the spare ones; None where it has not converged after all passes."""
    size, found = matrix.shape[0], None
    if size > ROWS and first is not None:
        found = _from_regions(matrix, first, count, block, seed, check_cancelled, device)
    if found is None:
        vectors = torch.randn(size, block, generator=torch.Generator().manual_seed(seed)).to(device)
        # Where most eigenvalues are wanted, many are below FIRST_END: so large a polynomial would lose their vectors.
        end, degrees = FIRST_END, DEGREES if MANY * block < size else MILD
    else:
        (end, vectors), degrees = found, FINE
    return _passes(to_torch(matrix, device), vectors, end, degrees, count, check_cancelled)


def _from_regions(
    matrix: sparse.csr_matrix,
    first: np.ndarray,
    count: int,
    block: int,
    seed: int,
    check_cancelled: Callable[[], None],
    device: torch.device,
) -> tuple[float, Tensor] | None:
    """Vectors (n, block) to begin with, constant up to `first` within each region, and where to damp from.

    They are the eigenvectors of the matrix in the space of such vectors: of a graph, those of the graph whose nodes are
    the regions. None where they have not been found.
    """
    own = regions(matrix, matrix.shape[0] // PER_REGION, seed)
    norms = np.sqrt(np.bincount(own, first**2))
    entries = (first / norms[own]).astype(np.float32), own, np.arange(len(own) + 1, dtype=np.int32)
    spread = sparse.csr_matrix(entries, shape=(len(own), len(norms)))
    coarse = (spread.T @ (matrix @ spread)).tocsr()
    found = _by_block(coarse, norms, count, block, seed, check_cancelled, device)
    if found is None:
        return None
    values, vectors = found
    return 1 - (1 - _end(values)) / COARSE, to_torch(spread, device) @ vectors


def _passes(
    matrix: Tensor,
    vectors: Tensor,
    end: float,
    degrees: tuple[int, ...],
    count: int,
    check_cancelled: Callable[[], None],
) -> tuple[Tensor, Tensor] | None:
    """Pass after pass from vectors (n, b), until the first `count` have converged: values and vectors; None if never.

    end: of the eigenvalues that the first pass damps.
    """
    for degree in degrees:
        vectors = _filtered_by_columns(matrix, vectors, degree, end, check_cancelled)
        values, vectors, products = _ritz(matrix, vectors)
        if len(values) < count or not bool(torch.isfinite(values).all()):
            return None
        tolerance = FEW_TOLERANCE if len(matrix) < FEW else TOLERANCE
        if float(_residuals(products, vectors, values, count).max()) < tolerance:
            return values, vectors
        end = _end(values)
        del products  # of a million samples 240 MB
    return None


def _end(values: Tensor) -> float:
    """Where the next pass damps from, by the Ritz values of the last one, descending."""
    return float(values[-1].clamp(-0.9, 0.999))


def _filtered_by_columns(
    matrix: Tensor, vectors: Tensor, degree: int, end: float, check_cancelled: Callable[[], None]
) -> Tensor:
    """`_filtered`, of many rows some columns at a time: it needs three times the memory of what it filters."""
    if len(vectors) <= ROWS:
        return _filtered(matrix, vectors, degree, end, check_cancelled)
    for columns in torch.arange(vectors.shape[1]).split(COLUMNS):
        part = slice(int(columns[0]), int(columns[-1]) + 1)
        vectors[:, part] = _filtered(matrix, vectors[:, part].contiguous(), degree, end, check_cancelled)
    return vectors


def _rotated(vectors: Tensor, rotation: Tensor) -> Tensor:
    """Vectors (n, b) times a matrix (b, r), in place where there are many rows. → (n, r)."""
    if len(vectors) <= ROWS:
        return vectors @ rotation
    for block in vectors.split(ROWS):
        block[:, : rotation.shape[1]] = block @ rotation
    return vectors[:, : rotation.shape[1]]


def _filtered(
    matrix: Tensor, vectors: Tensor, degree: int, end: float, check_cancelled: Callable[[], None]
) -> Tensor:
    """A Chebyshev polynomial of the matrix times vectors (n, b): about 1 at eigenvalue 1, small from −1 to `end`.

    The vectors' memory is used for intermediate results.
    """
    centre, half = (end - 1) / 2, (end + 1) / 2
    first = scale = half / (1 - centre)
    before, now = vectors, torch.addmm(vectors, matrix, vectors, beta=-centre).mul_(scale / half)
    for _ in range(degree - 1):
        check_cancelled()
        following = 1 / (2 / first - scale)
        factor = 2 * following / half
        # In place: new memory for a million rows would be taken page by page, each zeroed by the system.
        before.addmm_(matrix, now, beta=-scale * following, alpha=factor).add_(now, alpha=-centre * factor)
        before, now, scale = now, before, following
    return now


def _ritz(matrix: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The Ritz values (b,), descending, and vectors (n, b) in the span of vectors (n, b), and their products.

    Directions in which the vectors depend on each other are left out. Small products are solved in double precision.
    """
    norms, axes = torch.linalg.eigh(
        _gram(vectors, vectors, unit := vectors.norm(dim=0).double().clamp_min(1e-30))
    )
    kept = norms > 1e-6 * norms.max()
    basis = _rotated(vectors, (axes[:, kept] / norms[kept].sqrt() / unit[:, None]).to(vectors.dtype))
    products = matrix @ basis
    # Once more, since the basis is orthonormal up to single precision only.
    lower = torch.linalg.cholesky(_gram(basis, basis))
    inner = torch.linalg.solve_triangular(lower, _gram(basis, products), upper=False)
    inner = torch.linalg.solve_triangular(lower, inner.T, upper=False)
    values, axes = torch.linalg.eigh((inner + inner.T) / 2)
    rotation = torch.linalg.solve_triangular(lower.T, axes.flip(1), upper=True).to(vectors.dtype)
    return values.flip(0), _rotated(basis, rotation), _rotated(products, rotation)


def _residuals(products: Tensor, vectors: Tensor, values: Tensor, count: int) -> Tensor:
    """‖S·y − λ·y‖ of the first `count` of vectors y (n, b) and their products S·y. → (count,)."""
    scaled = values[:count].to(vectors.dtype)
    if len(vectors) <= ROWS:
        return (products[:, :count] - vectors[:, :count] * scaled).norm(dim=0)
    parts = zip(products.split(ROWS), vectors.split(ROWS), strict=True)
    squares = sum(
        (product[:, :count] - vector[:, :count] * scaled).square().sum(0) for product, vector in parts
    )
    return torch.as_tensor(squares).sqrt()


def _gram(left: Tensor, right: Tensor, unit: Tensor | None = None) -> Tensor:
    """leftᵀ·right in double precision, (b, b), of (n, b) each; unit: (b,) divides both sides."""
    inner = (left.T @ right).double()
    return inner if unit is None else inner / unit[:, None] / unit


def _by_lanczos(
    matrix: sparse.csr_matrix, count: int, seed: int, check_cancelled: Callable[[], None] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The same by ARPACK, one vector at a time."""

    def product(vector: np.ndarray) -> np.ndarray:
        if check_cancelled:
            check_cancelled()
        return matrix @ vector

    size = matrix.shape[0]
    operator = LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)
    start = np.random.default_rng(seed).standard_normal(size)
    basis = min(max(2 * count + 1, 40), size)
    values, vectors = eigsh(operator, k=count, which="LA", v0=start, tol=1e-9, ncv=basis)
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]

"""Two-dimensional maps of the latent and the spectral space: UMAP, seeded and reproducible.

UMAP's objective (L. McInnes, J. Healy, J. Melville, arXiv 1802.03426). The maps are laid out by `map_layout`, which
needs no compiler. `embed`, for clusters from UMAP as others make them, calls the `umap-learn` package, which compiles
itself on first use and is therefore imported only then.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.errors import RunError
from dsc_core.sampling import sample_rows
from dsc_core.threads import one_thread

FITTED = 20_000  # points that UMAP lays out itself; the others are placed beside their nearest neighbours
MIN_DIST = 0.1  # UMAP's default
NEIGHBOURS = 15  # UMAP's default, a balance of fine and coarse structure; it counts the point itself
FEW = 15  # up to so many points have no neighbourhoods that UMAP could unfold
PLACED_BY = 5  # nearest neighbours that determine the position of a further point
BLOCK = 10_000  # points placed between two reports of progress
# UMAP raises these on degenerate data, such as many repeated points.
FAILURES = (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, RuntimeError)


def project(points: ArrayLike, seed: int, progress: Callable[[str], None] | None = None) -> np.ndarray:
    """A map of `points` (n, d), (n, 2) float32; the same points and seed give the same map.

    UMAP of all points, or above 20,000 of a seeded sample of so many; the others are placed beside their nearest
    neighbours. Up to 15 points, or if the layout fails, the map shows the first two principal components; it is zero
    if all points are equal. `progress` is called with sentences.
    RunError if a coordinate is not finite.
    """
    points = as_matrix(points)
    rows = sample_rows(len(points), FITTED, seed)
    report = progress or (lambda _: None)
    if len(rows) == len(points):
        return draw(points, seed)
    report(f"Laying out a sample of {len(rows):,} of {len(points):,} points")
    sample_map = draw(points[rows], seed)
    positions = np.empty((len(points), 2), dtype=np.float32)
    positions[rows] = sample_map
    others = np.delete(np.arange(len(points)), rows)
    for start in range(0, len(others), BLOCK):
        report(f"Placing the other points on the map: {start:,} of {len(others):,}")
        block = others[start : start + BLOCK]
        positions[block] = place_points(points[block], points[rows], sample_map)
    return positions


def place_points(points: ArrayLike, reference: ArrayLike, reference_map: np.ndarray) -> np.ndarray:
    """Positions (m, 2) of `points` (m, d) on the map `reference_map` (n, 2) of the points `reference` (n, d)."""
    import torch

    from dsc_core.method.neighbours import nearest

    points, reference = as_matrix(points), as_matrix(reference)
    indices, _ = nearest(torch.from_numpy(reference), PLACED_BY, torch.from_numpy(points))
    return place_by_neighbours(indices, reference_map)


def draw(points: np.ndarray, seed: int) -> np.ndarray:
    """The layout of all `points` (n, d), (n, 2) float32; see `project`."""
    if all_equal(points):
        return np.zeros((len(points), 2), dtype=np.float32)
    if len(points) <= FEW:
        return principal_axes(points, 2)
    try:
        layout = lay_out(points, seed)
    except FAILURES:
        return principal_axes(points, 2)
    return layout if np.isfinite(layout).all() else principal_axes(points, 2)


def lay_out(points: np.ndarray, seed: int) -> np.ndarray:
    """UMAP's objective in the plane, from exact neighbours: (n, 2) float32."""
    import torch

    from dsc_core.analysis import map_layout
    from dsc_core.method.neighbours import nearest

    indices, distances = nearest(torch.from_numpy(points), min(NEIGHBOURS, len(points) - 1) - 1)
    with one_thread():
        return map_layout.lay_out(points, indices, distances, seed)


def place_by_neighbours(neighbours: np.ndarray, reference_map: np.ndarray) -> np.ndarray:
    """Positions (m, 2) of points on the map `reference_map` (n, 2), from their neighbours (m, k), nearest first.

    The mean of three of the five nearest positions, those closest to the median of the five: the mean of all five could
    lie in the gap between two islands.
    """
    near = np.asarray(reference_map, dtype=np.float32)[neighbours[:, :PLACED_BY]]
    distances = np.linalg.norm(near - np.median(near, axis=1, keepdims=True), axis=2)
    central = np.argsort(distances, axis=1, kind="stable")[:, :3]
    return np.take_along_axis(near, central[:, :, None], axis=1).mean(axis=1, dtype=np.float32)


def embed(
    points: ArrayLike, dims: int, seed: int, neighbours: int = NEIGHBOURS, min_dist: float = MIN_DIST
) -> np.ndarray:
    """`umap-learn`'s UMAP of `points` (n, d): (n, dims) float32.

    Principal components of few points, zeros if all are equal.
    """
    points = as_matrix(points)
    if all_equal(points):
        return np.zeros((len(points), dims), dtype=np.float32)
    if len(points) <= max(FEW, dims + 2):
        return principal_axes(points, dims)
    try:
        layout = run_umap(points, dims, seed, min(neighbours, len(points) - 1), min_dist)
    except FAILURES:
        return principal_axes(points, dims)
    # UMAP gives NaN to points without neighbours, but every point needs a position.
    return layout if np.isfinite(layout).all() else principal_axes(points, dims)


def run_umap(
    points: np.ndarray, dims: int, seed: int, neighbours: int, min_dist: float, epochs: int | None = None
) -> np.ndarray:
    """UMAP itself, (n, dims) float32, silent and on one thread: with several, a seed is not reproducible.

    The neighbours come from `graph.nearest`: exact, and without the minute that UMAP's own search takes to compile in
    every new process. epochs: None takes UMAP's own number, 500 up to 10,000 points.
    """
    import torch

    from dsc_core.method.neighbours import nearest

    indices, distances = nearest(torch.from_numpy(points), neighbours - 1)
    own = np.arange(len(indices))[:, None]  # UMAP counts the point itself among its neighbours
    known = np.hstack([own, indices]), np.hstack([np.zeros((len(own), 1), np.float32), distances])
    with keep_threads(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the single thread and about disconnected points
        from umap import UMAP

        model = UMAP(
            n_components=dims,
            n_neighbors=neighbours,
            min_dist=min_dist,
            n_epochs=epochs,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=known,
            force_approximation_algorithm=True,
        )
        return np.asarray(model.fit_transform(points), dtype=np.float32)


@contextmanager
def keep_threads() -> Iterator[None]:
    """Restore PyTorch's number of threads: UMAP's compiler sets that of OpenMP to all cores.

    A process limited to one thread would otherwise share its core with a second thread that spins.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def all_equal(points: np.ndarray) -> bool:
    """Whether the points (n, d) are all the same, or there are none."""
    return not len(points) or not (points != points[0]).any()


def principal_axes(points: np.ndarray, dims: int) -> np.ndarray:
    """The first `dims` principal components of `points` (n, d), (n, dims) float32, zeros beyond the rank."""
    centred = points - points.mean(axis=0)
    left, size, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    axes = (left * size)[:, :dims]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    result = np.zeros((len(points), dims), dtype=np.float32)
    result[:, : axes.shape[1]] = axes * np.where(signs == 0, 1, signs)
    return result


def as_matrix(points: ArrayLike) -> np.ndarray:
    """`points` as a finite (n, d) float32 array, flattened beyond the first axis; RunError if not finite."""
    points = np.require(points, np.float32, ["C", "W"])  # PyTorch warns of memory that cannot be written
    points = points.reshape(len(points), points[0].size if len(points) else 0)
    if not all(np.isfinite(points[start : start + BLOCK]).all() for start in range(0, len(points), BLOCK)):
        raise RunError(
            "The map cannot be computed: some coordinates are not finite, so training has diverged."
        )
    return points

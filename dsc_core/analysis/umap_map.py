"""Two-dimensional maps of the latent and the spectral space: UMAP, seeded and reproducible.

UMAP (L. McInnes, J. Healy, J. Melville, arXiv 1802.03426) by the `umap-learn` package, which compiles itself on first
use and is therefore imported only when a map is computed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.errors import RunError
from dsc_core.sampling import sample_rows

FITTED = 20_000  # points that UMAP lays out itself; the others are placed beside their nearest neighbours
MIN_DIST = 0.1  # UMAP's default
NEIGHBOURS = 15  # UMAP's default, a balance of fine and coarse structure
EPOCHS = 200  # UMAP's default for large data; its 500 for up to 10,000 points takes three times as long
FEW = 15  # up to so many points have no neighbourhoods that UMAP could unfold
PLACED_BY = 5  # nearest neighbours that determine the position of a further point
# As measured on one core: until UMAP is loaded and compiled, and for each point that is laid out, or placed after it.
SECONDS_BEFORE, SECONDS_LAID_OUT, SECONDS_PLACED = 5.0, 0.0004, 0.00005
BLOCK = 10_000  # points placed between two reports of progress
# UMAP raises these on degenerate data, such as many repeated points.
FAILURES = (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, RuntimeError)


def project(points: ArrayLike, seed: int, progress: Callable[[str], None] | None = None) -> np.ndarray:
    """A map of `points` (n, d), (n, 2) float32; the same points and seed give the same map.

    UMAP of all points, or above 20,000 of a seeded sample of so many; the others are placed beside their nearest
    neighbours. Up to 15 points, or if UMAP fails, the map shows the first two principal components; it is zero if all
    points are equal. `progress` is called with sentences.
    RunError if a coordinate is not finite.
    """
    points = as_matrix(points)
    rows = sample_rows(len(points), FITTED, seed)
    report = progress or (lambda _: None)
    if len(rows) == len(points):
        return embed(points, 2, seed, epochs=EPOCHS)
    report(f"Laying out a sample of {len(rows):,} of {len(points):,} points")
    sample_map = embed(points[rows], 2, seed, epochs=EPOCHS)
    positions = np.empty((len(points), 2), dtype=np.float32)
    positions[rows] = sample_map
    others = np.delete(np.arange(len(points)), rows)
    for start in range(0, len(others), BLOCK):
        report(f"Placing the other points on the map: {start:,} of {len(others):,}")
        block = others[start : start + BLOCK]
        positions[block] = place_points(points[block], points[rows], sample_map)
    return positions


def expected_seconds(count: int, maps: int) -> float:
    """About how long the first `maps` maps of a process take, of `count` points each."""
    laid_out = min(count, FITTED)
    return SECONDS_BEFORE + maps * (SECONDS_LAID_OUT * laid_out + SECONDS_PLACED * (count - laid_out))


def place_points(points: ArrayLike, reference: ArrayLike, reference_map: np.ndarray) -> np.ndarray:
    """Positions (m, 2) of `points` (m, d) on the map `reference_map` (n, 2) of the points `reference` (n, d)."""
    from sklearn.neighbors import NearestNeighbors

    points, reference = as_matrix(points), as_matrix(reference)
    search = NearestNeighbors(n_neighbors=min(PLACED_BY, len(reference)), algorithm="brute").fit(reference)
    return place_by_neighbours(search.kneighbors(points, return_distance=False), reference_map)


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
    points: ArrayLike,
    dims: int,
    seed: int,
    neighbours: int = NEIGHBOURS,
    min_dist: float = MIN_DIST,
    epochs: int | None = None,
) -> np.ndarray:
    """UMAP of `points` (n, d) to (n, dims) float32; principal components of few points, zeros if all are equal.

    epochs: of the layout; None takes UMAP's default.
    """
    points = as_matrix(points)
    if not len(points) or np.ptp(points, axis=0).max(initial=0.0) == 0.0:
        return np.zeros((len(points), dims), dtype=np.float32)
    if len(points) <= max(FEW, dims + 2):
        return principal_axes(points, dims)
    try:
        layout = run_umap(points, dims, seed, min(neighbours, len(points) - 1), min_dist, epochs)
    except FAILURES:
        return principal_axes(points, dims)
    # UMAP gives NaN to points without neighbours, but every point needs a position.
    return layout if np.isfinite(layout).all() else principal_axes(points, dims)


def run_umap(
    points: np.ndarray, dims: int, seed: int, neighbours: int, min_dist: float, epochs: int | None
) -> np.ndarray:
    """UMAP itself, (n, dims) float32, silent and on one thread: with several, a seed is not reproducible.

    The neighbours come from `graph.nearest`: exact, and without the minute that UMAP's own search takes to compile in
    every new process.
    """
    import torch

    from dsc_core.method.graph import nearest

    indices, distances = nearest(torch.from_numpy(points), neighbours - 1)
    return lay_out(points, indices, distances, seed, n_components=dims, min_dist=min_dist, n_epochs=epochs)


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


@keep_threads()
def lay_out(
    points: np.ndarray, indices: np.ndarray, distances: np.ndarray, seed: int, **settings: Any
) -> np.ndarray:
    """UMAP's layout of `points` (n, d) from their k nearest others, indices and distances (n, k).

    settings: further arguments of UMAP. → (n, dims) float32.
    """
    neighbours = include_self(indices, distances)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the single thread and about disconnected points
        from umap import UMAP

        model = UMAP(
            n_neighbors=neighbours[0].shape[1],
            random_state=seed,
            n_jobs=1,
            precomputed_knn=neighbours,
            force_approximation_algorithm=True,
            **settings,
        )
        return np.asarray(model.fit_transform(points), dtype=np.float32)


def include_self(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours and distances (n, k), preceded by the point itself, as UMAP counts them: (n, k + 1)."""
    own = np.arange(len(indices))[:, None]
    return np.hstack([own, indices]), np.hstack([np.zeros((len(own), 1), np.float32), distances])


@keep_threads()
def continue_layout(
    points: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    seed: int,
    epochs: int,
    rate: float,
) -> np.ndarray:
    """UMAP's layout of `points` (n, d) continued from the positions `start` (n, 2): (n, 2) float32.

    `UMAP(init=start)` would first rescale the start. indices, distances: of the k nearest others, (n, k). rate: the
    initial learning rate; UMAP's default is 1.
    """
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample

    indices, distances = include_self(indices, distances)
    random = np.random.RandomState(seed)
    graph = fuzzy_simplicial_set(
        points, indices.shape[1], random, "euclidean", knn_indices=indices, knn_dists=distances
    )[0].tocoo()
    graph.data[graph.data < graph.data.max() / epochs] = 0.0  # too weak to be sampled even once
    graph.eliminate_zeros()
    positions = np.array(start, dtype=np.float32, order="C")
    bounds = np.iinfo(np.int32)
    state = random.randint(bounds.min + 1, bounds.max, 3).astype(np.int64)
    return optimize_layout_euclidean(
        positions,
        positions,
        graph.row,
        graph.col,
        epochs,
        len(points),
        make_epochs_per_sample(graph.data, epochs),
        *find_ab_params(1.0, MIN_DIST),
        state,
        initial_alpha=rate,
        tqdm_kwds={"disable": True},
        move_other=True,
    )


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
    points = np.ascontiguousarray(points, dtype=np.float32)
    points = points.reshape(len(points), points[0].size if len(points) else 0)
    if not all(np.isfinite(points[start : start + BLOCK]).all() for start in range(0, len(points), BLOCK)):
        raise RunError(
            "The map cannot be computed: some coordinates are not finite, so training has diverged."
        )
    return points

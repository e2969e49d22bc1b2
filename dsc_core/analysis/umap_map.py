"""Two-dimensional maps of the latent and the spectral space: UMAP, seeded and repeatable.

UMAP (L. McInnes, J. Healy, J. Melville, arXiv 1802.03426) by the `umap-learn` package, which compiles
itself on first use and is therefore imported only when a map is drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from dsc_core.data.dataset import chunks
from dsc_core.errors import RunError
from dsc_core.sampling import sample_rows

FITTED = 20_000  # points that UMAP itself lays out; the rest are placed beside their nearest ones
MIN_DIST = 0.1  # UMAP's own default
NEIGHBOURS = 15  # UMAP's own default: it weighs the fine structure and the coarse alike
EPOCHS = 200  # UMAP's own number for large data; its 500 for up to 10,000 points takes three times as long
FEW = 15  # so few points have no neighbourhoods that UMAP could unfold
BESIDE = 5  # nearest known points that a new one's place on a map is made of
CHUNK = 10_000  # points placed at a time, so that progress can be told


def project(points, seed: int, progress: Callable[[str], None] | None = None) -> np.ndarray:
    """A map of `points` (n, d) in the plane, (n, 2) float32; the same points and seed give the same map.

    UMAP on all points, or above 20,000 on a seeded sample of so many with the others placed beside their
    nearest neighbours. Up to 15 points, or where UMAP fails on odd data, it is the two principal axes; points
    that are all alike come out as zeros. `progress` is told in a sentence what is being done.
    RunError where a coordinate is not finite.
    """
    points = as_matrix(points)
    chosen = sample_rows(len(points), FITTED, seed)
    tell = progress or (lambda sentence: None)
    if len(chosen) == len(points):
        return embed(points, 2, seed, epochs=EPOCHS)
    tell(f"Laying out a sample of {len(chosen):,} of the {len(points):,} points")
    fitted = embed(points[chosen], 2, seed, epochs=EPOCHS)
    placed = np.empty((len(points), 2), dtype=np.float32)
    placed[chosen] = fitted
    rest = np.delete(np.arange(len(points)), chosen)
    for start in range(0, len(rest), CHUNK):
        tell(f"Placing the others on the map: {start:,} of {len(rest):,}")
        part = rest[start : start + CHUNK]
        placed[part] = place(points[part], points[chosen], fitted)
    return placed


def place(points, known, known_map) -> np.ndarray:
    """Where `points` (m, d) lie on the map `known_map` (n, 2) of the points `known` (n, d): (m, 2) float32.

    The mean of three of the five nearest known points' places: those closest to the five's median, because
    a mean over two islands would fall into the void between them.
    """
    from sklearn.neighbors import NearestNeighbors

    points, known = as_matrix(points), as_matrix(known)
    index = NearestNeighbors(n_neighbors=min(BESIDE, len(known)), algorithm="brute").fit(known)
    return between(index.kneighbors(points, return_distance=False), known_map)


def between(nearest_known: np.ndarray, known_map: np.ndarray) -> np.ndarray:
    """The place on the map of points whose nearest known points are given, (m, 5 or fewer), nearest first: (m, 2)."""
    near = np.asarray(known_map, dtype=np.float32)[nearest_known[:, :BESIDE]]
    away = np.linalg.norm(near - np.median(near, axis=1, keepdims=True), axis=2)
    keep = np.argsort(away, axis=1, kind="stable")[:, :3]
    return np.take_along_axis(near, keep[:, :, None], axis=1).mean(axis=1, dtype=np.float32)


def embed(
    points,
    dims: int,
    seed: int,
    neighbours: int = NEIGHBOURS,
    min_dist: float = MIN_DIST,
    epochs: int | None = None,
) -> np.ndarray:
    """UMAP of all `points` (n, d) to (n, dims) float32; principal axes of few points, zeros of equal ones.

    epochs: of the layout; None takes UMAP's own number.
    """
    points = as_matrix(points)
    if not len(points) or np.ptp(points, axis=0).max(initial=0.0) == 0.0:
        return np.zeros((len(points), dims), dtype=np.float32)
    if len(points) <= max(FEW, dims + 2):
        return principal_axes(points, dims)
    try:
        layout = umap(points, dims, seed, min(neighbours, len(points) - 1), min_dist, epochs)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, RuntimeError):
        return principal_axes(points, dims)  # its eigenvectors fail on odd data, such as repeated points
    # Points that UMAP finds to have no neighbour come out as NaN; they belong somewhere on the screen.
    return layout if np.isfinite(layout).all() else principal_axes(points, dims)


def umap(
    points: np.ndarray, dims: int, seed: int, neighbours: int, min_dist: float, epochs: int | None
) -> np.ndarray:
    """UMAP itself, (n, dims) float32, silent and on one thread: with more, a seed gives no repeatable map.

    The neighbours are found by `graph.nearest`: exact, and without the minute that UMAP's own search spends
    on compiling itself in every new process.
    """
    import torch

    from dsc_core.method.graph import nearest

    indices, distances = nearest(torch.from_numpy(points), neighbours - 1)
    return laid_out(points, indices, distances, seed, n_components=dims, min_dist=min_dist, n_epochs=epochs)


@contextmanager
def threads_kept() -> Iterator[None]:
    """PyTorch's number of threads as it was: UMAP's compiler sets OpenMP's own to all cores, whatever was asked for.

    A process limited to one thread would from then on share its core with a second that waits by spinning.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@threads_kept()
def laid_out(points: np.ndarray, indices: np.ndarray, distances: np.ndarray, seed: int, **how) -> np.ndarray:
    """UMAP's layout of `points` (n, d) whose k nearest others are known, indices and distances (n, k).

    how: more of UMAP's own arguments. → (n, dims) float32.
    """
    known = with_themselves(indices, distances)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own single thread, and of every loose point
        from umap import UMAP

        made = UMAP(
            n_neighbors=known[0].shape[1],
            random_state=seed,
            n_jobs=1,
            precomputed_knn=known,
            force_approximation_algorithm=True,
            **how,
        )
        return np.asarray(made.fit_transform(points), dtype=np.float32)


def with_themselves(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours and distances (n, k), each with the point itself before them, as UMAP counts: (n, k + 1)."""
    own = np.arange(len(indices))[:, None]
    return np.hstack([own, indices]), np.hstack([np.zeros((len(own), 1), np.float32), distances])


@threads_kept()
def taken_on(
    points: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    seed: int,
    epochs: int,
    rate: float,
) -> np.ndarray:
    """UMAP's layout of `points` (n, d) taken on from `start` (n, 2), where it lies: (n, 2) float32.

    `UMAP(init=start)` would first stretch the start to a square of its own, and with it what it shows.
    indices, distances: of the k nearest others, (n, k). rate: of the first moves; UMAP's own is 1.
    """
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample

    near, away = with_themselves(indices, distances)
    random = np.random.RandomState(seed)
    graph = fuzzy_simplicial_set(
        points, near.shape[1], random, "euclidean", knn_indices=near, knn_dists=away
    )[0].tocoo()
    graph.data[graph.data < graph.data.max() / epochs] = 0.0  # too weak to be drawn once
    graph.eliminate_zeros()
    places = np.array(start, dtype=np.float32, order="C")
    bounds = np.iinfo(np.int32)
    state = random.randint(bounds.min + 1, bounds.max, 3).astype(np.int64)
    return optimize_layout_euclidean(
        places,
        places,
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


def as_matrix(points) -> np.ndarray:
    """`points` as a finite (n, d) float32 array, flattened beyond the first axis."""
    points = np.ascontiguousarray(points, dtype=np.float32)
    points = points.reshape(len(points), points[0].size if len(points) else 0)
    if not all(np.isfinite(block).all() for _, block in chunks(points)):
        raise RunError("No map can be drawn: some coordinates are not finite, so the training has diverged.")
    return points

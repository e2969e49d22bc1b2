"""The film of the latent map: a small map after every few epochs, all of them in one coordinate frame.

The first frame is laid out as the map of a finished run is (`map_layout`). Each later one continues the layout of the
frame before for a few epochs and is then rotated, mirrored, scaled and shifted onto that frame (Procrustes), so that
what moves on the screen is what moved in the latent space. This module loads no PyTorch, since it runs beside training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.analysis import umap_map
from dsc_core.config import Config
from dsc_core.sampling import sample_rows

MOST = 5000  # samples in the film
FEWEST = 500  # with fewer there is no map to speak of; small data sets train quickly anyway
SHARE = 4  # a frame embeds at most 1/SHARE of the samples trained on since the last one: 2 to 3 % of the time
LATER_EPOCHS = 80  # of a later layout, a fifth of the first one's
RATE = 0.25  # initial learning rate of a later layout, a quarter of the first one's: it starts close to its result
BLOCK = 2**22  # distances in memory at once: 16 MB


def film_rows(count: int, config: Config) -> np.ndarray:
    """Sorted positions of the samples, out of `count`, that the film of a run shows; the same in all frames."""
    per_epoch = min(count, config.batches * config.batch) if config.batches else count
    size = min(MOST, max(FEWEST, per_epoch * max(config.map_every, 1) // SHARE))
    return sample_rows(count, size, config.seed)


def next_frame(latent: ArrayLike, previous: np.ndarray | None, seed: int) -> np.ndarray:
    """The map of `latent` (n, d) in the coordinates of the frame `previous` (n, 2) of the same samples: (n, 2) float32.

    Without `previous`, the first frame. RunError if a coordinate is not finite.
    """
    points = umap_map.as_matrix(latent)
    layout = _lay_out(points, previous, seed)
    return layout if previous is None else align(layout, previous)


def _lay_out(latent: np.ndarray, previous: np.ndarray | None, seed: int) -> np.ndarray:
    """The layout of `latent` (n, d), or its principal axes if there are few points or it fails."""
    from dsc_core.analysis import map_layout  # loads SciPy, which a page that shows a film does not need

    if len(latent) <= umap_map.FEW or umap_map.all_equal(latent):
        return umap_map.principal_axes(latent, 2)
    indices, distances = nearest(latent, min(umap_map.NEIGHBOURS, len(latent) - 1) - 1)
    try:
        if previous is None or not np.ptp(previous, axis=0).all():
            layout = map_layout.lay_out(latent, indices, distances, seed)
        else:
            layout = map_layout.continue_layout(indices, distances, previous, seed, LATER_EPOCHS, RATE)
    except umap_map.FAILURES:
        return umap_map.principal_axes(latent, 2)
    return layout if np.isfinite(layout).all() else umap_map.principal_axes(latent, 2)


def nearest(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest others of each of `points` (n, d), exact, nearest first: indices and distances, (n, count).

    `dsc_core.method.graph.nearest` without PyTorch, for the few points of a film.
    """
    squares = np.square(points).sum(1)
    rows = max(1, BLOCK // len(points))
    found, distances = [], []
    for start in range(0, len(points), rows):
        block = points[start : start + rows]
        square = squares - 2 * (block @ points.T)
        square[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        some = np.argpartition(square, count - 1, axis=1)[:, :count]
        kept = np.take_along_axis(square, some, axis=1) + squares[start : start + rows, None]
        order = np.argsort(kept, axis=1, kind="stable")
        found.append(np.take_along_axis(some, order, axis=1))
        distances.append(np.sqrt(np.maximum(np.take_along_axis(kept, order, axis=1), 0)))
    return np.concatenate(found), np.concatenate(distances)


def align(points: ArrayLike, target: ArrayLike) -> np.ndarray:
    """`points` (n, 2) rotated, mirrored, scaled and shifted onto `target` (n, 2), row by row: (n, 2) float32.

    The rotation is that of orthogonal Procrustes (P. Schönemann, 1966). The scale is the ratio of the two norms, not
    that of least squares, which shrinks the more two maps differ: a film of many frames would vanish.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    centred, centred_target = points - points.mean(0), target - target.mean(0)
    left, _, right = np.linalg.svd(centred.T @ centred_target)
    norm, target_norm = np.linalg.norm(centred), np.linalg.norm(centred_target)
    scale = target_norm / norm if norm and target_norm else 1.0
    return (scale * centred @ (left @ right) + target.mean(0)).astype(np.float32)


def surplus_frames(numbers: Sequence[int], most: int) -> list[int]:
    """Which of the ascending frame numbers to delete so that at most `most` remain, evenly spaced.

    Repeatedly, the number whose two neighbours are closest to each other is removed. The first and the last always
    remain (`most` is at least 2).
    """
    kept, removed = list(numbers), []
    while len(kept) > most:
        gaps = [after - before for before, after in zip(kept, kept[2:], strict=False)]
        removed.append(kept.pop(1 + gaps.index(min(gaps))))
    return sorted(removed)


def axis_limits(frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper ends of both axes, (2,) and (2,), that contain every frame (n, 2)."""
    low = np.min([points.min(0) for points in frames], axis=0)
    high = np.max([points.max(0) for points in frames], axis=0)
    pad = (high - low) * 0.03 + 1e-6
    return low - pad, high + pad

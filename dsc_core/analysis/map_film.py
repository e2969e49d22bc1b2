"""The film of the latent map: a small map after every few epochs, all of them in one frame.

The first is UMAP's own layout. Each later one takes the map before it on for a few of UMAP's epochs, and is then
turned, mirrored, scaled and shifted onto that map (Procrustes), so that what moves on the screen is what moved in the
latent space. Everything here knows arrays only, and loads no PyTorch: it runs beside a training.
"""

from __future__ import annotations

import numpy as np

from dsc_core.analysis import umap_map
from dsc_core.config import Config
from dsc_core.sampling import sample_rows

MOST = 5000  # samples in the film
FEWEST = 500  # fewer make no map; where these are a large share of the data, an epoch takes a moment anyway
SHARE = 4  # a look embeds at most 1/SHARE of what was trained on since the last one: 2 to 3 % of its time
FIRST, LATER = 200, 40  # epochs of a layout
RATE = 0.25  # of a later layout's first moves, a quarter of UMAP's: it starts from what is nearly right


def filmed(count: int, config: Config) -> np.ndarray:
    """Which of `count` samples the film of a run shows, as sorted positions; the same in all frames."""
    an_epoch = min(count, config.batches * config.batch) if config.batches else count
    most = min(MOST, max(FEWEST, an_epoch * max(config.map_every, 1) // SHARE))
    return sample_rows(count, most, config.seed)


def frame(latent, before: np.ndarray | None, seed: int) -> np.ndarray:
    """The map of `latent` (n, d) in the frame of the map `before` (n, 2) of the same samples, (n, 2) float32.

    None as `before` makes the first one. RunError where a coordinate is not finite.
    """
    latent = umap_map.as_matrix(latent)
    made = laid_out(latent, before, seed)
    return made if before is None else aligned(made, before)


def laid_out(latent: np.ndarray, before: np.ndarray | None, seed: int) -> np.ndarray:
    """UMAP's layout of `latent` (n, d), or its principal axes where there are few points or odd ones."""
    from sklearn.neighbors import NearestNeighbors

    if len(latent) <= umap_map.FEW or not np.ptp(latent, axis=0).any():
        return umap_map.principal_axes(latent, 2)
    near = min(umap_map.NEIGHBOURS, len(latent) - 1) - 1
    try:
        away, others = NearestNeighbors(n_neighbors=near, algorithm="brute").fit(latent).kneighbors()
        known = latent, others, away.astype(np.float32)
        if before is None or not np.ptp(before, axis=0).all():
            made = umap_map.laid_out(*known, seed, n_epochs=FIRST)
        else:
            made = umap_map.taken_on(*known, before, seed, LATER, RATE)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, RuntimeError):
        return umap_map.principal_axes(latent, 2)  # as `projection.embed` does, and for its reasons
    return made if np.isfinite(made).all() else umap_map.principal_axes(latent, 2)


def aligned(points, onto) -> np.ndarray:
    """`points` (n, 2) turned, mirrored, scaled and shifted onto `onto` (n, 2), row by row: (n, 2) float32.

    The turn is orthogonal Procrustes' (P. Schönemann, 1966). The scale is the ratio of the two spreads, not the one
    of least squares: that one is the smaller, the more two maps differ, and a film of many frames would shrink away.
    """
    points, onto = np.asarray(points, np.float64), np.asarray(onto, np.float64)
    centred, wanted = points - points.mean(0), onto - onto.mean(0)
    left, _, right = np.linalg.svd(centred.T @ wanted)
    spread, like = np.linalg.norm(centred), np.linalg.norm(wanted)
    scale = like / spread if spread and like else 1.0
    return (scale * centred @ (left @ right) + onto.mean(0)).astype(np.float32)


def surplus(numbers: list[int], most: int) -> list[int]:
    """Which of the ascending `numbers` to let go so that at most `most` stay, spread evenly.

    Again and again, that one goes whose two neighbours are nearest to one another.
    The first and the last always stay (`most` is at least 2).
    """
    kept, gone = list(numbers), []
    while len(kept) > most:
        gaps = [after - before for before, after in zip(kept, kept[2:], strict=False)]
        gone.append(kept.pop(1 + gaps.index(min(gaps))))
    return sorted(gone)


def limits(frames: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper ends of both axes, (2,) and (2,), that hold every frame, each (n, 2)."""
    low = np.min([points.min(0) for points in frames], axis=0)
    high = np.max([points.max(0) for points in frames], axis=0)
    pad = (high - low) * 0.03 + 1e-6
    return low - pad, high + pad

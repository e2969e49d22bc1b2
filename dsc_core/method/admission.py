"""Which transforms a data set admits: those after which an image still lies among the others.

Of each transform t, the distance from t(x) to its nearest other image is divided by the distance from x to its nearest
other image, both along principal axes of the images; the median of these ratios over many images counts. Where it is
small, the transformed images are as good samples of the data as any; where it is large, t leads out of them. No label
is asked. Small shifts, turns and scalings help although their ratio is large, so the test admits further transforms
and forbids none of those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsc_core.method.transforms import TRANSFORMS, Transform, fits
from dsc_core.sampling import sample_rows

LIMIT = 1.25  # of the ratio
LARGE = 100  # a ratio that is not written out: the others are copies of one another
TRANSFORMED, OTHERS = (
    1_000,
    10_000,
)  # images that are transformed, and among which their neighbours are sought
FEWEST = 50  # different images below which nothing is admitted: too few to say what lies among them
AXES = 50
LARGEST = 32  # pixels of a side; larger images are shrunk first
POWER = 3  # iterations by which the axes are found
BLOCK = 500  # images that are read at once


@dataclass(frozen=True)
class Admission:
    """What the test says of one transform. ratio: of distances; NaN for fewer than FEWEST different images."""

    transform: Transform
    ratio: float

    @property
    def in_words(self) -> str:
        """The ratio with two decimals, or as many more as tell it from the limit."""
        if self.ratio > LARGE:
            return f"over {LARGE}"
        digits = next(d for d in range(2, 9) if d == 8 or round(self.ratio, d) != LIMIT)
        return f"{self.ratio:.{digits}f}"

    @property
    def measured(self) -> bool:
        """Whether there were enough images to measure it."""
        return not math.isnan(self.ratio)

    @property
    def admitted(self) -> bool:
        """Whether the data admit it."""
        return self.ratio < LIMIT


@torch.no_grad()
def measure(
    samples: np.ndarray,
    scaling: tuple[float, float],
    seed: int,
    names: Iterable[str] = tuple(TRANSFORMS),
    progress: Callable[[int, int], Any] | None = None,
) -> list[Admission]:
    """The test of each named transform that fits images (n, C, H, W); scaling = (offset, factor) brings them to [0, 1].

    Of a transform of several extremes, such as darker and brighter, the largest ratio counts. progress(done, total):
    of the work; what it raises ends it.
    """
    wanted = [TRANSFORMS[name] for name in names if fits(name, samples.shape[1])]
    rows = sample_rows(len(samples), OTHERS, seed)
    steps = len(rows) // BLOCK + 1 + len(wanted)

    def at(done: int) -> None:
        if progress:
            progress(done, steps)

    images = distinct(shrunk(samples, rows, scaling, at))
    if len(images) < FEWEST:
        return [Admission(each, math.nan) for each in wanted]
    own = torch.from_numpy(sample_rows(len(images), TRANSFORMED, seed))
    at(steps - len(wanted) - 1)
    space = Space(images, seed)
    before = space.nearest(images[own], own)
    found: list[Admission] = []
    for each in wanted:
        at(steps - len(wanted) + len(found))
        found.append(Admission(each, _ratio(space, each, images[own], own, before)))
    return found


def _ratio(space: Space, transform: Transform, images: Tensor, own: Tensor, before: np.ndarray) -> float:
    """The largest ratio of a transform of images (m, C, H, W), those at `own` (m,). before: (m,), their distances."""
    ratios = []
    for extreme in transform.extremes:
        after = space.nearest(transform.apply(images, torch.full((len(own),), extreme)), own)
        parts = np.divide(after, before, out=np.where(after > 0, np.inf, 1.0), where=before > 0)
        ratios.append(float(np.median(parts)))
    return max(ratios)


class Space:
    """Images (n, C, H, W) along their principal axes."""

    def __init__(self, images: Tensor, seed: int) -> None:
        from sklearn.decomposition import PCA

        flat = images.flatten(1).numpy()
        dims = min(AXES, *flat.shape)
        self.axes = PCA(dims, svd_solver="randomized", iterated_power=POWER, random_state=seed)
        self.points = self.axes.fit_transform(flat).astype(np.float64)

    def nearest(self, images: Tensor, own: Tensor) -> np.ndarray:
        """The distances (m,) from images (m, C, H, W) to the nearest of all but their originals, at `own` (m,)."""
        points = self.axes.transform(images.flatten(1).numpy()).astype(np.float64)
        squares = (points**2).sum(1)[:, None] + (self.points**2).sum(1) - 2 * points @ self.points.T
        squares[np.arange(len(own)), own.numpy()] = np.inf
        return np.sqrt(squares.min(1).clip(0))


def shrunk(
    samples: np.ndarray, rows: np.ndarray, scaling: tuple[float, float], at: Callable[[int], object]
) -> Tensor:
    """The images at `rows` (m,), scaled, with sides of at most LARGEST pixels. → (m, C, H, W) float32.

    at: called with the number of blocks that were read.
    """
    size = min(samples.shape[2], LARGEST), min(samples.shape[3], LARGEST)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        at(start // BLOCK)
        block = torch.from_numpy(np.asarray(samples[rows[start : start + BLOCK]], np.float32))
        blocks.append(functional.adaptive_avg_pool2d((block - scaling[0]) * scaling[1], size))
    return torch.cat(blocks).nan_to_num(0.5, 1.0, 0.0)  # training will say what is wrong with NaN


def distinct(images: Tensor) -> Tensor:
    """Images (n, C, H, W) without those that are equal to an earlier one, whose nearest other image would be that."""
    first = {image.tobytes(): row for row, image in reversed(list(enumerate(images.numpy())))}
    return images[sorted(first.values())]

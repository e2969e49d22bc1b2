"""Checks whether a data set can be trained on, and the errors that propose a size for its images."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from dsc_core.data.chunks import chunks
from dsc_core.data.dataset import Dataset
from dsc_core.errors import InputError

MIN_SIDE, MAX_SIDE = 8, 224  # pixels
MIN_SAMPLES = 10
# Pixels, the longest side that an error proposes, and that larger images are brought to where no size is asked for: a
# step takes half as long as at 128 and a fifth as at 224 pixels; see `tests/benchmarks/image_sizes.py`.
PROPOSED_SIDE = 96


class NeedsResize(InputError):
    """The images cannot be used at their size; `proposed` is a (height, width) that works."""

    def __init__(self, message: str, proposed: tuple[int, int]):
        super().__init__(message)
        self.proposed = proposed

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.proposed)


class MixedSizes(NeedsResize):
    """The images differ in size. `sizes`: {(height, width): count}, the most common first."""

    def __init__(self, message: str, proposed: tuple[int, int], sizes: dict[tuple[int, int], int]):
        super().__init__(message, proposed)
        self.sizes = sizes

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.proposed, self.sizes)


def resize_advice(size: tuple[int, int]) -> str:
    """How to resize the images to `size`, as the end of an error."""
    height, width = size
    return f"resize them, for example to {height}x{width} (option --size)"


def fitting_size(height: float, width: float, cap: int = PROPOSED_SIDE) -> tuple[int, int]:
    """(height, width) with the longer side reduced to `cap`, proportions kept, no side below MIN_SIDE."""
    shrink = min(1.0, cap / max(height, width))
    return max(MIN_SIDE, round(height * shrink)), max(MIN_SIDE, round(width * shrink))


def common_size(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """The (height, width) that most images have, else the median. sizes: how many images have each."""
    common, count = sizes.most_common(1)[0]
    if 2 * count >= sizes.total():
        return common
    heights, widths = np.median(np.array(list(sizes.elements())), axis=0)
    return int(heights), int(widths)


def usual_size(sizes: Counter[tuple[int, int]]) -> tuple[int, int] | None:
    """The (height, width) for images of which no size is asked for; None where most are small enough to be kept."""
    size = common_size(sizes)
    return fitting_size(*size) if max(size) > PROPOSED_SIDE else None


def check_trainable(dataset: Dataset, clusters: int) -> None:
    """Raise an InputError for a data set that cannot be divided into `clusters` clusters.

    NeedsResize if images are too small or too large. Reads all samples once, a few megabytes at a time.
    """
    n = len(dataset)
    if n < MIN_SAMPLES:
        raise InputError(f"Training needs at least {MIN_SAMPLES} samples, but there are {n}: add more.")
    if n < clusters:
        raise InputError(
            f"There are fewer samples ({n}) than clusters ({clusters}): choose at most {n} clusters."
        )
    if dataset.kind == "image":
        _check_shape(dataset.shape)
    elif dataset.shape[0] < 1:
        raise InputError(
            "The table has no column to train on: choose one with numbers or categories that vary."
        )
    _check_values(dataset)
    _check_distinct(dataset.samples, clusters)


def _check_shape(shape: tuple[int, ...]) -> None:
    channels, height, width = shape
    if channels not in (1, 3):
        raise InputError(
            f"The images have {channels} channels: convert them to grey (1 channel) or colour (3 channels)."
        )
    for wrong, word, side in (
        (min(height, width) < MIN_SIDE, "smaller", MIN_SIDE),
        (max(height, width) > MAX_SIDE, "larger", MAX_SIDE),
    ):
        if wrong:
            proposed = fitting_size(height, width)
            raise NeedsResize(
                f"The images are {height}×{width}, {word} than {side}×{side}: {resize_advice(proposed)}.",
                proposed,
            )


def _check_values(dataset: Dataset) -> None:
    """Refuse values that are not finite; the error counts them and names the first affected sample."""
    if dataset.samples.dtype.kind != "f":
        return
    nan = infinite = affected = 0
    first = None
    for start, block in chunks(dataset.samples):
        finite = np.isfinite(block)
        if finite.all():
            continue
        missing = np.isnan(block)
        nan += int(missing.sum())
        infinite += int((~finite & ~missing).sum())
        rows = np.flatnonzero(~finite.reshape(len(block), -1).all(axis=1))
        affected += len(rows)
        first = dataset.ids[start + rows[0]] if first is None else first
    if first is not None:
        counts = ((nan, "missing (NaN)"), (infinite, "infinite"))
        numbers = " and ".join(f"{count:,} {word}" for count, word in counts if count)
        raise InputError(
            f"The data contain {numbers} values in {affected:,} samples, the first in sample {str(first)[:80]!r}:"
            " replace them with numbers or remove these samples."
        )


def _check_distinct(samples: np.ndarray, clusters: int) -> None:
    """Refuse constant data, and fewer distinct samples than clusters. Stops as soon as there are enough."""
    distinct = set()
    for _, block in chunks(samples):
        for sample in block:
            distinct.add(np.ascontiguousarray(sample).tobytes())
            if len(distinct) >= max(2, clusters):
                return
    if len(distinct) < 2:
        raise InputError("All samples are the same: choose data in which samples differ.")
    raise InputError(
        f"There are fewer distinct samples ({len(distinct)}) than clusters ({clusters}): choose at most"
        f" {len(distinct)} clusters."
    )

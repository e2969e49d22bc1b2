"""A data set in memory or memory-mapped, and whether it can be trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_core.errors import InputError

SMALLEST_SIDE, LARGEST_SIDE, FEWEST_SAMPLES = 8, 224, 10
CHUNK_VALUES = 1 << 22  # values looked at in one go, so that a memory-mapped array is never held whole


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in their input order, with what is known of them.

    samples: images (n, C, H, W) as read (uint8 stays uint8), tables (n, F) float32, already preprocessed.
    ids: (n,) str: the path inside the archive or folder, the row number, or the table's id column.
    labels: (n,) str or int, None without labels. kind: "image" or "table".
    scaling: (offset, factor): the value in [0, 1] is (raw - offset) * factor; (0, 1) for tables.
    skipped: (id, reason) of every member that could not be read. notes: sentences for the screen.
    preprocessing: JSON-able. For tables, what was fitted (means, scales, categories, fillings, column names);
    for images {"crop": True} where only their middle was taken.
    """

    name: str
    samples: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None
    kind: str
    scaling: tuple[float, float] = (0.0, 1.0)
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    preprocessing: dict | None = None

    def __post_init__(self):
        n = len(self.samples)
        if len(self.ids) != n or (self.labels is not None and len(self.labels) != n):
            raise ValueError("samples, ids and labels differ in length")
        if self.kind not in ("image", "table") or self.samples.ndim != (4 if self.kind == "image" else 2):
            raise ValueError(f"samples of shape {self.samples.shape} are no {self.kind} data")

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (C, H, W) or (F,)."""
        return tuple(self.samples.shape[1:])

    @property
    def classes(self) -> int | None:
        """The number of distinct labels, None without labels."""
        return None if self.labels is None else len(np.unique(self.labels))

    @property
    def column_titles(self) -> list[str]:
        """Of a table, names of its columns as the network sees them, numbered where none are known."""
        titles = []
        for column in (self.preprocessing or {}).get("columns", []):
            parts = column.get("categories")
            titles += [f"{column['name']} = {part}" for part in parts] if parts else [str(column["name"])]
        width = self.shape[0]
        return titles if len(set(titles)) == width == len(titles) else [f"column {i}" for i in range(width)]

    def values(self, index=slice(None)) -> np.ndarray:
        """The samples that `index` picks, float32, images scaled to [0, 1]. A number gives one sample."""
        picked = np.asarray(self.samples[index]).astype(np.float32)
        offset, factor = self.scaling
        return picked if self.scaling == (0.0, 1.0) else (picked - np.float32(offset)) * np.float32(factor)

    def table(self, index):
        """Rows of a table that `index` picks as a pandas frame, in the units that they came in, gaps filled."""
        from dsc_core.data.preprocessing import in_own_units

        return in_own_units(np.asarray(self.samples[index]), self.preprocessing)

    def describe(self) -> dict:
        """What later data must be like to be read the same way: JSON-able, for `open_dataset(like=...)`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "dtype": self.samples.dtype.name,
            "scaling": list(self.scaling),
            "samples": len(self),
            "classes": self.classes,
            "skipped": len(self.skipped),
            "notes": list(self.notes),
            "preprocessing": self.preprocessing,
        }


class NeedsResize(InputError):
    """The images cannot be taken at the size they have; `proposed` is a (height, width) that would do."""

    def __init__(self, message: str, proposed: tuple[int, int]):
        super().__init__(message)
        self.proposed = proposed

    def __reduce__(self):
        return type(self), (str(self), self.proposed)


class MixedSizes(NeedsResize):
    """The images differ in size. `sizes`: {(height, width): count}, the most common first."""

    def __init__(self, message: str, proposed: tuple[int, int], sizes: dict[tuple[int, int], int]):
        super().__init__(message, proposed)
        self.sizes = sizes

    def __reduce__(self):
        return type(self), (str(self), self.proposed, self.sizes)


def resize_advice(size: tuple[int, int]) -> str:
    """How to have the images brought to `size`, in the app and on the command line."""
    height, width = size
    return (
        f"have them resized, for example to {height}×{width} (on the command line: --size {height}x{width})"
    )


def check_trainable(dataset: Dataset, clusters: int) -> None:
    """Refuse, with an InputError that says how to mend it, a data set that cannot give `clusters` clusters.

    NeedsResize where images are too small or too large. Reads all samples once, a few megabytes at a time.
    """
    n = len(dataset)
    if n < FEWEST_SAMPLES:
        raise InputError(
            f"There are only {n} samples: training needs at least {FEWEST_SAMPLES}, so add more."
        )
    if n < clusters:
        raise InputError(
            f"There are fewer samples ({n}) than clusters ({clusters}): ask for at most {n} clusters."
        )
    if dataset.kind == "image":
        _check_shape(dataset.shape)
    elif dataset.shape[0] < 1:
        raise InputError(
            "The table has no column left to train on: choose one with numbers or categories that vary."
        )
    _check_values(dataset)
    _check_distinct(dataset.samples, clusters)


def _check_shape(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    if channels not in (1, 3):
        raise InputError(
            f"The images have {channels} channels: convert them to grey (1 channel) or colour (3 channels)."
        )
    proposed = fitting_size(height, width)
    if min(height, width) < SMALLEST_SIDE:
        raise NeedsResize(
            f"The images are {height}×{width}, smaller than {SMALLEST_SIDE}×{SMALLEST_SIDE}:"
            f" {resize_advice(proposed)}.",
            proposed,
        )
    if max(height, width) > LARGEST_SIDE:
        raise NeedsResize(
            f"The images are {height}×{width}, larger than {LARGEST_SIDE}×{LARGEST_SIDE}:"
            f" {resize_advice(proposed)}.",
            proposed,
        )


def fitting_size(height: float, width: float, cap: int = 64) -> tuple[int, int]:
    """(height, width) with its longer side brought down to `cap`, its proportions kept, no side below 8."""
    shrink = min(1.0, cap / max(height, width))
    return max(SMALLEST_SIDE, round(height * shrink)), max(SMALLEST_SIDE, round(width * shrink))


def chunks(samples: np.ndarray):
    """(start, block) over `samples`, a few million values a block."""
    step = max(1, CHUNK_VALUES // max(1, int(np.prod(samples.shape[1:]))))
    for start in range(0, len(samples), step):
        yield start, samples[start : start + step]


def _check_values(dataset: Dataset) -> None:
    """Refuse values that are not finite (how many, and the first sample that has one)."""
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
        found = " and ".join(
            f"{count:,} {word}" for count, word in ((nan, "missing (NaN)"), (infinite, "infinite")) if count
        )
        raise InputError(
            f"The data hold {found} values in {affected:,} samples, the first in sample {str(first)[:80]!r}:"
            " replace"
            " them by numbers or leave these samples out."
        )


def _check_distinct(samples: np.ndarray, clusters: int) -> None:
    """Refuse constant data, and fewer different samples than clusters. Stops as soon as there are enough."""
    seen = set()
    for _, block in chunks(samples):
        for sample in block:
            seen.add(np.ascontiguousarray(sample).tobytes())
            if len(seen) >= max(2, clusters):
                return
    if len(seen) < 2:
        raise InputError(
            "The data are constant, all samples are the same: choose data in which samples differ."
        )
    raise InputError(
        f"Only {len(seen)} samples differ from one another, fewer than the {clusters} clusters asked for:"
        " ask for at"
        f" most {len(seen)} clusters."
    )

"""A look before training: duplicates, near-constant images, missing values, class counts, a 2-D PCA."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np

from dsc_core.data.dataset import Dataset, chunks
from dsc_core.data.options import Options, checked_channels, checked_size
from dsc_core.data.readers.arrays import from_images

FLAT = 0.02  # of the range from black to white: 5 grey levels of 255
SHOWN = 200  # duplicates and near-constant images that are named
PCA_SAMPLES, PCA_VALUES = 2000, 1024


@dataclass(frozen=True)
class Look:
    """What a look at all samples finds.

    duplicates: how many samples are exactly the same as an earlier one; repeats: (n, 2) positions of the first of
    them and of what they repeat. flat: how many images hardly vary, at most FLAT from darkest to brightest;
    flat_at: positions of the first of these. missing: (column, count) of a table's values that were filled.
    classes: (label, count) in the labels' order, None without labels.
    """

    samples: int
    duplicates: int
    repeats: np.ndarray
    flat: int
    flat_at: np.ndarray
    missing: tuple[tuple[str, int], ...]
    classes: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True)
class Plane:
    """A 2-D PCA. rows: (m,) positions of the samples; points: (m, 2); explained: the two axes' variance shares."""

    rows: np.ndarray
    points: np.ndarray
    explained: tuple[float, float]


def look(dataset: Dataset) -> Look:
    """Look at all samples once, a few megabytes at a time; what is kept of each is 8 bytes."""
    digests, flat = _pass(dataset)
    repeats = _repeats(dataset.samples, digests)
    classes = None
    if dataset.labels is not None:
        names, counts = np.unique(dataset.labels, return_counts=True)
        classes = tuple((str(name), int(count)) for name, count in zip(names, counts, strict=True))
    return Look(
        len(dataset), len(repeats), repeats[:SHOWN], len(flat), flat[:SHOWN], missing_values(dataset), classes
    )


def as_read(dataset: Dataset, rows: np.ndarray, **options) -> Dataset:
    """The images at `rows` as they would be, read with the `size`, `crop` and `channels` of `open_dataset`."""
    options = Options(
        dataset.name,
        size=checked_size(options.get("size")),
        crop=bool(options.get("crop")),
        channels=checked_channels(options.get("channels")),
    )
    return from_images(dataset.samples[rows], None, dataset.ids[rows], options, scaling=dataset.scaling)


def missing_values(dataset: Dataset) -> tuple[tuple[str, int], ...]:
    """(column, count) of the values that were missing when the table was read, the most first."""
    columns = (dataset.preprocessing or {}).get("columns", [])
    found = [(str(column["name"]), int(column.get("missing", 0))) for column in columns]
    return tuple(sorted((pair for pair in found if pair[1]), key=lambda pair: -pair[1]))


def plane(dataset: Dataset, seed: int = 0) -> Plane:
    """PCA of a seeded sample of at most PCA_SAMPLES, fewer of wide tables; large images are made small first.

    The eigenvectors of the smaller of the two matrices XᵀX and XXᵀ, which is exact; their signs are settled, so
    that the same data give the same picture.
    """
    rows = np.arange(len(dataset))
    most = PCA_SAMPLES if dataset.kind == "image" else max(500, PCA_SAMPLES * PCA_VALUES // dataset.shape[0])
    most = min(most, PCA_SAMPLES)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))
    vectors = np.concatenate([_small(dataset, rows[at : at + 100]) for at in range(0, len(rows), 100)])
    points, explained = _principal(vectors - vectors.mean(0, dtype=np.float64))
    return Plane(rows, points.astype(np.float32), explained)


def _principal(centred: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """(m, 2) coordinates on the first two principal axes of (m, F), and the shares of the variance they carry."""
    from scipy.linalg import eigh

    total = float((centred**2).sum()) or 1.0
    if centred.shape[1] == 1:
        return np.column_stack([centred[:, 0], np.zeros(len(centred))]), (1.0, 0.0)
    across = centred.shape[1] > len(centred)
    gram = centred @ centred.T if across else centred.T @ centred
    last = len(gram) - 1
    variances, vectors = eigh(gram, subset_by_index=[last - 1, last])
    variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1]
    points = vectors * np.sqrt(variances) if across else centred @ vectors
    signs = np.sign(points[np.abs(points).argmax(0), [0, 1]])
    return points * np.where(signs == 0, 1, signs), (float(variances[0] / total), float(variances[1] / total))


def _pass(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(n,) uint64, a hash of each sample's bytes; and the positions of near-constant images."""
    digests, flat = np.empty(len(dataset), np.uint64), []
    for start, block in chunks(dataset.samples):
        block = np.ascontiguousarray(block)
        if block.dtype.kind == "f":
            block = block + 0  # -0.0 is the same number as 0.0
        for place, sample in enumerate(block):
            digest = hashlib.blake2b(sample.data, digest_size=8).digest()
            digests[start + place] = int.from_bytes(digest, "little")
        if dataset.kind == "image":
            values = block.reshape(len(block), -1)
            spread = values.max(1).astype(np.float64) - values.min(1)
            flat.append(start + np.flatnonzero(spread * dataset.scaling[1] <= FLAT))
    return digests, np.concatenate(flat) if flat else np.empty(0, np.int64)


def _repeats(samples: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """(n, 2) positions of each sample that an earlier one equals, and of that one, compared value by value."""
    _, first, group = np.unique(digests, return_index=True, return_inverse=True)
    earlier = first[group]
    found = [
        (at, earlier[at])
        for at in np.flatnonzero(earlier != np.arange(len(earlier)))
        if np.array_equal(samples[at], samples[earlier[at]])
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _small(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(m, F) float32 of the samples at `rows`; of images, about PCA_VALUES values where they are larger.

    Of large images every second, third ... pixel is taken, and of what is left, means over squares.
    """
    if dataset.kind == "table":
        return dataset.values(rows)
    step = _least_side(dataset.samples[0].size, 4 * PCA_VALUES)
    thin = replace(dataset, samples=dataset.samples[rows][:, :, ::step, ::step], ids=rows, labels=None)
    values = thin.values()
    side = _least_side(values[0].size, PCA_VALUES)
    if side > 1:
        height, width = (length - length % side for length in values.shape[2:])
        shape = (*values.shape[:2], height // side, side, width // side, side)
        values = values[:, :, :height, :width].reshape(shape).mean((3, 5))
    return values.reshape(len(values), -1)


def _least_side(size: int, most: int) -> int:
    """The least side of squares of pixels that leaves at most `most` of `size` values."""
    return math.isqrt(max(size - 1, 0) // most) + 1

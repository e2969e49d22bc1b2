"""Inspecting data before training: duplicates, near-constant images, missing values, class counts, a 2-D PCA."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsc_core.data.chunks import chunks
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_images import from_images
from dsc_core.data.options import Options

FLAT = 0.02  # of the range from black to white: 5 grey levels of 255
LISTED = 200  # duplicates and near-constant images whose positions are kept
PCA_SAMPLES, PCA_MIN_SAMPLES, PCA_VALUES = 2000, 500, 1024
PCA_BLOCK = 100


@dataclass(frozen=True)
class Inspection:
    """What was found in all samples.

    duplicates: the number of samples that equal an earlier one; repeats: (n, 2) positions of the first of them and of
    the samples that they equal. flat: the number of images whose values span at most FLAT; flat_rows: positions of the
    first of them. missing: (column, count) of values that were filled in. classes: (label, count) in the order of the
    labels, None without labels.
    """

    samples: int
    duplicates: int
    repeats: np.ndarray
    flat: int
    flat_rows: np.ndarray
    missing: tuple[tuple[str, int], ...]
    classes: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True)
class Projection:
    """A 2-D PCA. rows: (m,) positions of the samples; points: (m, 2); explained: the axes' shares of the variance."""

    rows: np.ndarray
    points: np.ndarray
    explained: tuple[float, float]


def inspect_dataset(dataset: Dataset) -> Inspection:
    """Read all samples once, a few megabytes at a time; 8 bytes are kept of each."""
    digests, flat = _digest(dataset)
    repeats = _repeats(dataset.samples, digests)
    classes = None
    if dataset.labels is not None:
        names, counts = np.unique(dataset.labels, return_counts=True)
        classes = tuple((str(name), int(count)) for name, count in zip(names, counts, strict=True))
    return Inspection(
        samples=len(dataset),
        duplicates=len(repeats),
        repeats=repeats[:LISTED],
        flat=len(flat),
        flat_rows=flat[:LISTED],
        missing=missing_values(dataset),
        classes=classes,
    )


def preview_images(dataset: Dataset, rows: np.ndarray, **options: Any) -> Dataset:
    """The images at `rows` as they would be read with the `size`, `crop` and `channels` of `open_dataset`."""
    return from_images(
        dataset.samples[rows],
        None,
        dataset.ids[rows],
        Options(dataset.name, **options),
        scaling=dataset.scaling,
    )


def missing_values(dataset: Dataset) -> tuple[tuple[str, int], ...]:
    """(column, count) of the values that were missing when the table was read, most frequent first."""
    columns = (dataset.preprocessing or {}).get("columns", [])
    counts = [(str(column["name"]), int(column.get("missing", 0))) for column in columns]
    return tuple(sorted((pair for pair in counts if pair[1]), key=lambda pair: -pair[1]))


def pca(dataset: Dataset, seed: int = 0) -> Projection:
    """PCA of a random subset of at most PCA_SAMPLES, fewer for wide tables; large images are reduced first.

    Exact: uses the eigenvectors of the smaller one of XᵀX and XXᵀ. Signs are fixed, so that the same data give the same
    picture.
    """
    rows = np.arange(len(dataset))
    maximum = PCA_SAMPLES
    if dataset.kind == "table":
        maximum = min(maximum, max(PCA_MIN_SAMPLES, PCA_SAMPLES * PCA_VALUES // dataset.shape[0]))
    if len(rows) > maximum:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), maximum, replace=False))
    starts = range(0, len(rows), PCA_BLOCK)
    vectors = np.concatenate([_reduced(dataset, rows[start : start + PCA_BLOCK]) for start in starts])
    points, explained = _principal_axes(vectors - vectors.mean(0, dtype=np.float64))
    return Projection(rows, points.astype(np.float32), explained)


def _principal_axes(centred: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """(m, 2) coordinates on the first two principal axes of (m, F), and their shares of the variance."""
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


def _digest(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(n,) uint64, a hash of each sample's bytes, and the positions of near-constant images."""
    digests, flat = np.empty(len(dataset), np.uint64), []
    for start, block in chunks(dataset.samples):
        block = np.ascontiguousarray(block)
        if block.dtype.kind == "f":
            block = block + 0  # -0.0 equals 0.0
        for row, sample in enumerate(block):
            digest = hashlib.blake2b(sample.data, digest_size=8).digest()
            digests[start + row] = int.from_bytes(digest, "little")
        if dataset.kind == "image":
            values = block.reshape(len(block), -1)
            spread = values.max(1).astype(np.float64) - values.min(1)
            flat.append(start + np.flatnonzero(spread * dataset.scaling[1] <= FLAT))
    return digests, np.concatenate(flat) if flat else np.empty(0, np.int64)


def _repeats(samples: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """(n, 2) positions of each sample that equals an earlier one, and of that one, compared value by value."""
    _, first, group = np.unique(digests, return_index=True, return_inverse=True)
    earlier = first[group]
    pairs = [
        (row, earlier[row])
        for row in np.flatnonzero(earlier != np.arange(len(earlier)))
        if np.array_equal(samples[row], samples[earlier[row]])
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _reduced(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(m, F) float32 of the samples at `rows`; of large images, about PCA_VALUES values.

    Of large images, every second (third, …) pixel is used, and of what is left, means over squares.
    """
    if dataset.kind == "table":
        return dataset.values(rows)
    step = _square_side(dataset.samples[0].size, 4 * PCA_VALUES)
    thinned = replace(dataset, samples=dataset.samples[rows][:, :, ::step, ::step], ids=rows, labels=None)
    values = thinned.values()
    side = _square_side(values[0].size, PCA_VALUES)
    if side > 1:
        height, width = (length - length % side for length in values.shape[2:])
        shape = (*values.shape[:2], height // side, side, width // side, side)
        values = values[:, :, :height, :width].reshape(shape).mean((3, 5))
    return values.reshape(len(values), -1)


def _square_side(size: int, maximum: int) -> int:
    """The smallest side of squares of pixels that reduce `size` values to at most `maximum`."""
    return math.isqrt(max(size - 1, 0) // maximum) + 1

"""A look before training: duplicates, near-constant images, missing values, class counts, a 2-D PCA."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from dsc_core.data.dataset import Dataset, chunks

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


def missing_values(dataset: Dataset) -> tuple[tuple[str, int], ...]:
    """(column, count) of the values that were missing when the table was read, the most first."""
    columns = (dataset.preprocessing or {}).get("columns", [])
    found = [(str(column["name"]), int(column.get("missing", 0))) for column in columns]
    return tuple(sorted((pair for pair in found if pair[1]), key=lambda pair: -pair[1]))


def plane(dataset: Dataset, seed: int = 0) -> Plane:
    """PCA of a seeded sample of at most PCA_SAMPLES, large images averaged down to at most PCA_VALUES values.

    Two components by a randomised SVD (Halko, Martinsson and Tropp 2011, as scikit-learn has it), their signs
    settled, so that the same data give the same picture.
    """
    from sklearn.decomposition import PCA

    rows = np.arange(len(dataset))
    if len(rows) > PCA_SAMPLES:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), PCA_SAMPLES, replace=False))
    vectors = np.concatenate([_small(dataset, rows[at : at + 100]) for at in range(0, len(rows), 100)])
    if vectors.shape[1] < 2:
        points = np.column_stack([vectors[:, 0] - vectors[:, 0].mean(), np.zeros(len(rows))])
        return Plane(rows, points.astype(np.float32), (1.0, 0.0))
    model = PCA(2, svd_solver="randomized", random_state=seed)
    points = model.fit_transform(vectors)
    first, second = np.nan_to_num(model.explained_variance_ratio_).tolist()
    return Plane(rows, points.astype(np.float32), (first, second))


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
    """(m, F) float32 of the samples at `rows`; of images, means over squares where they are large."""
    values = dataset.values(rows)
    side = 1
    while dataset.kind == "image" and values[0].size > PCA_VALUES * side * side:
        side += 1
    if side > 1:
        height, width = (length - length % side for length in values.shape[2:])
        shape = (*values.shape[:2], height // side, side, width // side, side)
        values = values[:, :, :height, :width].reshape(shape).mean((3, 5))
    return values.reshape(len(values), -1)

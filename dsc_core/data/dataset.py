"""A data set in memory or memory-mapped: samples, ids and labels, and how they were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.data.chunks import chunks
from dsc_core.data.distribution import describe_images
from dsc_core.data.notes import Note
from dsc_core.data.table_units import column_titles, to_original_units

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in the order of their source.

    Parameters
    ----------
    name : str
        The name of the data set.
    samples : ndarray of shape (n, C, H, W) or (n, F)
        Images as read (uint8 stays uint8), or a preprocessed table, float32.
    ids : ndarray of str, shape (n,)
        The path inside the archive or folder, the row number, or the value of the table's id column.
    labels : ndarray of str or int, shape (n,), or None
        For evaluation only; None without labels.
    kind : {"image", "table"}
        What a sample is.
    scaling : tuple of float, default=(0.0, 1.0)
        (offset, factor): the value in [0, 1] is (raw - offset) * factor; (0, 1) for tables.
    skipped : tuple of (str, str), default=()
        (id, reason) of every file that could not be read.
    notes : tuple of Note, default=()
        What the reader did to the data; `str(note)` is a sentence.
    preprocessing : dict or None, default=None
        JSON-serializable. For tables: the fitted means, scales, categories and column names; for images:
        {"crop": True} if they were cropped.
    """

    name: str
    samples: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None
    kind: str
    scaling: tuple[float, float] = (0.0, 1.0)
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    preprocessing: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        n = len(self.samples)
        if len(self.ids) != n or (self.labels is not None and len(self.labels) != n):
            raise ValueError("samples, ids and labels differ in length")
        if self.kind not in ("image", "table") or self.samples.ndim != (4 if self.kind == "image" else 2):
            raise ValueError(f"samples of shape {self.samples.shape} do not fit the kind {self.kind!r}")

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
        """The titles of a table's columns as the network sees them, numbered if their names are unknown."""
        return column_titles(self.preprocessing, self.shape[0])

    def values(self, index: Any = slice(None)) -> np.ndarray:
        """The samples at `index`, float32, images scaled to [0, 1]. A single number gives one sample."""
        values = np.asarray(self.samples[index]).astype(np.float32)
        offset, factor = self.scaling
        return values if self.scaling == (0.0, 1.0) else (values - np.float32(offset)) * np.float32(factor)

    def mean(self) -> np.ndarray:
        """The mean of all samples, shaped like one, float32, images scaled to [0, 1]; read in blocks."""
        total = sum(np.asarray(block, dtype=np.float64).sum(0) for _, block in chunks(self.samples))
        offset, factor = self.scaling
        return ((total / len(self) - offset) * factor).astype(np.float32)

    def table(self, index: Any) -> pd.DataFrame:
        """The rows of a table at `index` in their original units, missing values filled."""
        return to_original_units(np.asarray(self.samples[index]), self.preprocessing)

    def describe(self) -> dict[str, Any]:
        """What new data must match to be read the same way, for `open_dataset(like=...)`: JSON-serializable."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "dtype": self.samples.dtype.name,
            "scaling": list(self.scaling),
            "samples": len(self),
            "classes": self.classes,
            "skipped": len(self.skipped),
            "notes": [str(note) for note in self.notes],
            "preprocessing": self.preprocessing,
            "distribution": describe_images(self.samples) if self.kind == "image" else None,
        }

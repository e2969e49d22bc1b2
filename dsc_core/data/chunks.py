"""Large arrays in blocks, so that a memory-mapped one is never held in memory whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

CHUNK_VALUES = 1 << 22  # values per block


def chunks(samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(start, block) over the rows of `samples`, a few million values per block."""
    step = max(1, CHUNK_VALUES // max(1, int(np.prod(samples.shape[1:]))))
    for start in range(0, len(samples), step):
        yield start, samples[start : start + step]

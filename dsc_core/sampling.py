"""Seeded choices of rows."""

from __future__ import annotations

import numpy as np


def sample_rows(count: int, size: int, seed: int) -> np.ndarray:
    """Ascending positions of a seeded sample of `size` rows out of `count`; all of them where `count` is smaller.

    Returns an integer array of shape (min(count, size),), each position once.
    """
    if count <= size:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False))

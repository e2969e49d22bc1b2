"""Seeded random samples of rows."""

from __future__ import annotations

import numpy as np


def sample_rows(count: int, size: int, seed: int) -> np.ndarray:
    """Sorted positions of a random sample of `size` rows out of `count`, all of them if `count` is not larger.

    Returns an integer array of shape (min(count, size),) without repeats.
    """
    if count <= size:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False))


def sample_by_group(groups: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Sorted positions of a random sample of `size` rows, stratified by their groups (n,); all if n is not larger.

    Quotas are rounded by largest remainders. Every group gets at least one row if there is room for that.
    """
    groups = np.asarray(groups)
    if len(groups) <= size:
        return np.arange(len(groups))
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    quotas = _quotas(sizes, size)
    # Shuffled once, then sorted by group: the first members of a group are a random sample of it.
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    by_group = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    parts = [by_group[start : start + quota] for start, quota in zip(starts, quotas, strict=True)]
    return np.sort(np.concatenate(parts))


def sample_evenly(groups: np.ndarray, size: int, least: int, seed: int) -> list[np.ndarray]:
    """Positions of a random sample of each group, in the groups' order, about as many of each and `size` in total.

    groups: (n,). least: rows of each group that has so many, even where that exceeds `size`. Unlike in a stratified
    sample, what is measured on a small group is then no rougher than on a large one.
    """
    groups, rng = np.asarray(groups), np.random.default_rng(seed)
    distinct = np.unique(groups)
    quota = max(size // max(len(distinct), 1), least)
    members = [np.flatnonzero(groups == group) for group in distinct]
    return [rows if len(rows) <= quota else rng.choice(rows, quota, replace=False) for rows in members]


def _quotas(sizes: np.ndarray, total: int) -> np.ndarray:
    """How many rows of each group to take: one of each first, then in proportion to what is left of each group."""
    first = np.minimum(sizes, 1)
    if first.sum() > total:
        first = np.zeros_like(sizes)
    left, room = sizes - first, total - first.sum()
    exact = left * (room / left.sum())
    quotas = np.floor(exact).astype(int)
    for group in np.argsort(quotas - exact, kind="stable")[: room - quotas.sum()]:
        quotas[group] += 1
    return first + quotas

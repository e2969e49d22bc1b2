"""Which samples, and in what order: samples inside a lasso, in a matrix cell, found by name, near to one another.

Arrays in, positions out. A selection is a sorted array of positions in the input's order, each once.
"""

from __future__ import annotations

import numpy as np

from dsc_core.errors import InputError

GRID = 80  # cells along each side of the density's histogram
SMOOTH = 1.6  # of it, in cells: the standard deviation of the Gaussian
BLOCK = 1000  # samples decoded at once

# Choosing -------------------------------------------------------------------------------------------------


def stratified(groups, limit: int, seed: int) -> np.ndarray:
    """A seeded sample of `limit` of n positions in which each group has its share. groups: (n,) → (≤ limit,).

    Shares are rounded by largest remainders; every group has one, as long as that fits into the limit.
    Sorted; all positions where n is within the limit.
    """
    groups = np.asarray(groups)
    if len(groups) <= limit:
        return np.arange(len(groups))
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    quota = _quotas(sizes, limit)
    # Shuffled once, then sorted by group: the first members of a group are a random sample of it.
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    by_group = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    return np.sort(np.concatenate([by_group[a : a + q] for a, q in zip(starts, quota, strict=True)]))


def _quotas(sizes: np.ndarray, limit: int) -> np.ndarray:
    """How many of each group: one first, the rest in proportion to what is left of each group."""
    floor = np.minimum(sizes, 1)
    if floor.sum() > limit:
        floor = np.zeros_like(sizes)
    left, room = sizes - floor, limit - floor.sum()
    exact = left * (room / left.sum())
    quota = np.floor(exact).astype(int)
    for place in np.argsort(quota - exact, kind="stable")[: room - quota.sum()]:
        quota[place] += 1
    return floor + quota


def inside(points, polygon) -> np.ndarray:
    """Whether points (n, 2) lie in a polygon (v, 2), closed by itself, by the even-odd rule. → (n,) bool.

    The rule that a lasso in the browser follows where its line crosses itself.
    """
    points, polygon = np.asarray(points, float), np.asarray(polygon, float)
    found = np.zeros(len(points), bool)
    if len(polygon) < 3:
        return found
    near = ((points >= polygon.min(0)) & (points <= polygon.max(0))).all(1)
    x, y = points[near].T
    odd = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    found[near] = odd
    return found


def within(points, low, high) -> np.ndarray:
    """Whether points (n, 2) lie in the box from `low` to `high`, whichever way it was drawn. → (n,) bool."""
    corners = np.sort(np.asarray([low, high], float), axis=0)
    return ((points >= corners[0]) & (points <= corners[1])).all(1)


def in_cell(rows, columns, row: str, column: str) -> np.ndarray:
    """Positions of the samples in one cell of a matrix, whose names are texts. rows, columns: (n,)."""
    named = (np.asarray(rows).astype(str) == str(row)) & (np.asarray(columns).astype(str) == str(column))
    return np.flatnonzero(named)


def search(ids, text: str) -> np.ndarray:
    """Positions of the ids that contain `text`, whatever its case; those equal to it alone where there are any.

    InputError where nothing is looked for or nothing is found.
    """
    wanted = text.strip().casefold()
    if not wanted:
        raise InputError("Write a part of an id to look for.")
    known = [str(identity).casefold() for identity in ids]
    equal = [place for place, identity in enumerate(known) if identity == wanted]
    found = equal or [place for place, identity in enumerate(known) if wanted in identity]
    if not found:
        raise InputError(f"No id contains '{text.strip()[:60]}'.")
    return np.asarray(found)


# Ordering and describing ----------------------------------------------------------------------------------


def centres(points, clusters) -> tuple[np.ndarray, np.ndarray]:
    """The clusters that have members, (k,), and the mean of each one's points, (k, d) float64."""
    found, codes, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    points = np.asarray(points, dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    sums = np.add.reduceat(points[order], np.cumsum(sizes) - sizes, axis=0)
    return found, sums / sizes[:, None]


def centre_distance(points, clusters) -> np.ndarray:
    """The distance of each point (n, d) to the mean of its cluster's points. → (n,) float64."""
    found, means = centres(points, clusters)
    own = means[np.searchsorted(found, np.asarray(clusters))]
    return np.linalg.norm(np.asarray(points, dtype=np.float64) - own, axis=1)


def neighbours(points, sample: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` points nearest to point `sample`, itself left out: positions and distances, nearest first.

    points: (n, d). Equal distances stand in the input's order.
    """
    points = np.asarray(points, dtype=np.float64)
    away = np.linalg.norm(points - points[sample], axis=1)
    away[sample] = np.inf
    count = min(count, len(points) - 1)
    nearest = np.argsort(away, kind="stable")[:count]
    return nearest, away[nearest]


def surprise(fitted, dataset, rows) -> np.ndarray:
    """The reconstruction error ‖x − D(z)‖² of the training samples at `rows` (m,), summed over values. → (m,)."""
    import torch

    rows = np.asarray(rows, dtype=np.int64)
    device = next(fitted.nets.parameters()).device
    parts = [np.zeros(0)]
    with torch.no_grad():
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            latent = torch.from_numpy(np.array(fitted.latent[part], dtype=np.float32)).to(device)
            error = dataset.values(part) - fitted.nets.decoder(latent).cpu().numpy()
            parts.append(np.square(error, dtype=np.float64).reshape(len(part), -1).sum(1))
    return np.concatenate(parts)


def differing_columns(values, chosen) -> tuple[np.ndarray, np.ndarray]:
    """In which columns the rows `chosen` (m,) differ most from all others: columns in order, differences.

    values: (n, F). The difference of the two means over the column's standard deviation over all rows (0 for
    a constant column), with its sign; sorted by size. Empty where nothing or everything is chosen.
    """
    values = np.asarray(values, dtype=np.float64)
    mask = np.zeros(len(values), bool)
    mask[np.asarray(chosen, dtype=np.int64)] = True
    if mask.all() or not mask.any():
        return np.zeros(0, int), np.zeros(0)
    spread = values.std(0)
    apart = values[mask].mean(0) - values[~mask].mean(0)
    # A column that is constant but for rounding has no spread to measure by.
    varies = spread > 1e-9 * np.maximum(np.abs(values).max(0), 1e-30)
    effect = np.divide(apart, spread, out=np.zeros_like(apart), where=varies)
    order = np.argsort(-np.abs(effect), kind="stable")
    return order, effect[order]


def density(points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How densely points (n, 2) lie: x (GRID,), y (GRID,) and z (GRID, GRID), samples a cell, smoothed."""
    from scipy.ndimage import gaussian_filter

    points = np.asarray(points, dtype=np.float64)
    low, high = points.min(0), points.max(0)
    pad = (high - low) * 0.08 + 1e-9  # room for what the smoothing spreads over the edge
    around = np.c_[low - pad, high + pad]
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=GRID, range=around)
    middle = lambda edges: (edges[:-1] + edges[1:]) / 2  # noqa: E731
    return middle(x), middle(y), gaussian_filter(counts, SMOOTH, mode="constant").T

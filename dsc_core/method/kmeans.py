"""k-means with many starts at once, as batched products in float32 on the CPU or a CUDA device.

Each start is seeded by greedy k-means++ (D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding",
2007). All go on for a few steps of Lloyd's algorithm, then only the best of them, in several heats: a start that is
clearly behind hardly ever wins. The starts use a sample of the points; the winner goes on with all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsc_core.errors import InputError

KEPT_VARIANCE = 0.99  # by the axes that replace the columns while clusters are searched
MOST_STEPS = 100  # of Lloyd's algorithm
HEATS = ((3, 0.25), (4, 0.25), (MOST_STEPS, 0.0))  # most steps, and the share of the starts in the next heat
# A start has converged when its centres move by less: squared, as a share of the mean variance.
TOLERANCE = 1e-4
SAME = 1e-5  # relative difference of inertia up to which two starts have found the same
ROWS = 2**17  # points that are centred at once
# Distances in memory at once. On the CPU they stay in the processor's cache; 256 MB on a device.
CPU_BLOCK, DEVICE_BLOCK = 2**18, 2**26


@dataclass(frozen=True)
class Clustering:
    """Clusters of points (n, d). labels: (n,) int64. centres: (K, d). inertia: Σ‖x − its centre‖²."""

    labels: np.ndarray
    centres: np.ndarray
    inertia: float


def k_means(
    points: Tensor, clusters: int, starts: int, seed: int, rows: np.ndarray | None = None, best: int = 1
) -> list[np.ndarray]:
    """Clusters (n,) int64 of points (n, d) float32, n at least `clusters`: the `best` of several seeded starts.

    The best first; fewer where starts end in the same clusters. Clusters are numbered in the order of their first
    points: of starts that find the same, rounding decides which one is the best, and it must not decide the numbers.
    rows: the positions of the points that the starts use, None for all. An empty cluster takes the point farthest from
    its centre, unless every point lies on one.
    """
    sample = points if rows is None else points[torch.from_numpy(rows).to(points.device)]
    found = (converge(points, each) for each in best_starts(sample, clusters, starts, seed, best))
    return [in_order(labels.cpu().numpy()) for labels in found]


def in_order(labels: np.ndarray) -> np.ndarray:
    """The same clusters, (n,), numbered from 0 in the order in which they first appear."""
    used, first, positions = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(len(used), np.int64)
    numbers[np.argsort(first)] = np.arange(len(used))
    return numbers[positions]


def clustering(points: np.ndarray, labels: np.ndarray, clusters: int) -> Clustering:
    """The centres and the inertia of labels (n,) of points (n, d); the centre of an empty cluster is 0."""
    member = np.eye(clusters)[labels]
    centres = (member.T @ points) / np.maximum(member.sum(0), 1)[:, None]
    return Clustering(labels, centres, float(((points - centres[labels]) ** 2).sum()))


def principal(points: Tensor) -> Tensor:
    """Points (n, d) on their axes of largest variance, as few as hold KEPT_VARIANCE of it, centred. → (n, r).

    Distances, and so k-means, hardly change. InputError where points are not finite.
    """
    # In blocks: of a million samples it would take another 480 MB.
    if not all(bool(torch.isfinite(block).all()) for block in points.split(ROWS)):
        raise InputError("Some codes are not finite numbers, so no clusters can be found among them.")
    mean = points.mean(0)
    products = sum(
        (centred.T @ centred).double() for centred in (block - mean for block in points.split(ROWS))
    )
    variances, axes = torch.linalg.eigh(products)
    kept = variances.flip(0).clamp_min(0).cumsum(0)
    count = int((kept < KEPT_VARIANCE * kept[-1]).sum()) + 1
    chosen = axes.flip(1)[:, :count].to(points.dtype)
    found = points.new_empty(len(points), count)
    for block, place in zip(points.split(ROWS), found.split(ROWS), strict=True):
        place.copy_((block - mean) @ chosen)
    return found


def best_starts(points: Tensor, clusters: int, starts: int, seed: int, best: int = 1) -> Tensor:
    """The centres of the best of several starts on points (n, d), found in heats, the best first: (≤ best, K, d).

    Starts that end with the same inertia count once.
    """
    # Drawn on the CPU and all at once: the same for every device and size of block.
    trials = 2 + int(math.log(clusters))
    draws = torch.rand(
        starts, clusters, trials, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(points.device, points.dtype)
    block = CPU_BLOCK if points.device.type == "cpu" else DEVICE_BLOCK
    at_once = max(1, block // (clusters * len(points)))
    transposed = points.T.contiguous()
    centres = torch.cat([seeded(points, transposed, part) for part in draws.split(at_once)])
    inertia = torch.zeros(0)
    for steps, share in HEATS:
        kept = max(best, math.ceil(share * len(centres)))
        heats = [lloyd(points, transposed, part, steps) for part in centres.split(at_once)]
        centres, inertia = (torch.cat(parts) for parts in zip(*heats, strict=True))
        inertia, order = inertia.sort(stable=True)
        inertia, centres = inertia[:kept], centres[order[:kept]]
    apart = inertia.diff() > SAME * inertia[:-1]
    return centres[torch.cat([apart.new_ones(1), apart])][:best]


def seeded(points: Tensor, transposed: Tensor, draws: Tensor) -> Tensor:
    """Starting centres by greedy k-means++ for each row of draws from [0, 1): (s, K, trials) → (s, K, d).

    Each next centre is the best of several points, drawn with probabilities that grow with the squared distance to the
    nearest centre so far. points: (n, d). transposed: the same, (d, n).
    """
    starts, clusters, trials = draws.shape
    squares = points.square().sum(1)
    row = torch.arange(starts, device=points.device)
    chosen = (draws[:, 0, 0] * len(points)).long().clamp_max(len(points) - 1)[:, None]
    closest = _squared_distances(points[chosen[:, 0]], transposed, squares)
    for step in range(1, clusters):
        reached = closest.cumsum(1)
        index = torch.searchsorted(reached, draws[:, step] * reached[:, -1:]).clamp_max(len(points) - 1)
        distance = _squared_distances(points[index.flatten()], transposed, squares)
        distance = torch.minimum(distance.view(starts, trials, -1), closest[:, None])
        best = distance.sum(2).argmin(1)
        closest = distance[row, best]
        chosen = torch.cat([chosen, index[row, best][:, None]], 1)
    return points[chosen]


def _squared_distances(centres: Tensor, transposed: Tensor, squares: Tensor) -> Tensor:
    """‖c − x‖² of centres (m, d) and points, given as (d, n) with their squared norms (n,). → (m, n)."""
    distance = torch.addmm(squares[None], centres, transposed, alpha=-2)
    return distance.add_(centres.square().sum(1, keepdim=True)).clamp_min_(0)


def lloyd(points: Tensor, transposed: Tensor, centres: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Up to `steps` steps of Lloyd's algorithm from several starts, (s, K, d). → their centres, inertia (s,).

    Ends when all have converged. points: (n, d). transposed: the same, (d, n). A point between two equal centres
    belongs to both.
    """
    starts, clusters, dims = centres.shape
    total, limit = points.square().sum(), TOLERANCE * points.var(0, correction=0).mean()
    distance = points.new_empty(starts, clusters, len(points))
    for _ in range(steps):
        flat = centres.view(-1, dims)
        torch.addmm(
            flat.square().sum(1, keepdim=True), flat, transposed, alpha=-2, out=distance.view(-1, len(points))
        )
        # The nearest centre by equality with the least distance: many times faster than by its position.
        member = torch.eq(distance, distance.amin(1, keepdim=True), out=distance)
        count = member.sum(2)
        sums = (member.view(-1, len(points)) @ points).view(centres.shape)
        moved = torch.where(count[:, :, None] > 0, sums / count.clamp_min(1)[:, :, None], centres)
        inertia = total - (sums.square().sum(2) / count.clamp_min(1)).sum(1)
        shift = (moved - centres).square().sum((1, 2))
        centres = moved
        if bool((shift <= limit).all()):
            break
    return centres, inertia


def converge(points: Tensor, centres: Tensor) -> Tensor:
    """Lloyd's algorithm on points (n, d) from centres (K, d) until it has converged. → labels (n,)."""
    return nearest_centre(points, converged_centres(points, centres, MOST_STEPS))


def converged_centres(
    points: Tensor, centres: Tensor, steps: int, check_cancelled: Callable[[], object] = lambda: None
) -> Tensor:
    """The centres (K, d) of points (n, d) after up to `steps` steps of Lloyd's algorithm from others.

    check_cancelled: called before each step; what it raises ends the work.
    """
    limit = TOLERANCE * points.var(0, correction=0).mean()
    for _ in range(steps):
        check_cancelled()
        moved = _means(points, centres)
        shift = (moved - centres).square().sum()
        centres = moved
        if shift <= limit:
            break
    return centres


def _means(points: Tensor, centres: Tensor) -> Tensor:
    """The means of the points (n, d) nearest to each of the centres (K, d); an empty one takes a far point."""
    sums, count = torch.zeros_like(centres), centres.new_zeros(len(centres))
    for block in points.split(_rows(centres)):
        score = _scores(block, centres)
        member = torch.eq(score, score.amin(0), out=score)
        sums += member @ block
        count += member.sum(1)
    moved = torch.where(count[:, None] > 0, sums / count.clamp_min(1)[:, None], centres)
    empty = (count == 0).nonzero().flatten()
    if len(empty):
        own = moved[nearest_centre(points, moved)]
        distance, farthest = (points - own).square().sum(1).topk(min(len(empty), len(points)))
        apart = distance > 0
        moved[empty[: len(farthest)][apart]] = points[farthest[apart]]
    return moved


def nearest_centre(points: Tensor, centres: Tensor) -> Tensor:
    """The position of the centre (K, d) that is nearest to each point (n, d); the first of equally near. → (n,)."""
    return torch.cat([_scores(block, centres).argmin(0) for block in points.split(_rows(centres))])


def _scores(points: Tensor, centres: Tensor) -> Tensor:
    """‖c − x‖² − ‖x‖² of centres (K, d) and points (m, d). → (K, m)."""
    return torch.addmm(centres.square().sum(1, keepdim=True), centres, points.T, alpha=-2)


def _rows(centres: Tensor) -> int:
    """How many points to compare with all centres at once."""
    return max(1, (CPU_BLOCK if centres.device.type == "cpu" else DEVICE_BLOCK) // len(centres))

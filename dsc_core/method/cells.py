"""The nearest neighbours of many points by cells: each point is compared with the points of the cells nearest to it.

The cells are those of k-means on a part of the points, an inverted file (H. Jégou, M. Douze, C. Schmid, "Product
quantization for nearest neighbor search", 2011). A block of points is searched cell by cell, all those that look into a
cell at once: products of matrices, about n^1.5 in all. How many cells each looks into is chosen by how far the true
neighbours of a few points are spread; those that lie further away are found by the ones that are known (`nearer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from dsc_core.method import kmeans
from dsc_core.method.nearer import find_nearer
from dsc_core.method.neighbours import Found, Places, Progress, least_of, minima_of_groups
from dsc_core.method.products import linear
from dsc_core.sampling import sample_rows

PER_ROOT = 2.0  # cells, as a multiple of the square root of the points
SAMPLES_PER_CELL, STEPS = 40, 6  # of the k-means
LARGEST = 2  # times the mean: larger cells are cut, since each is compared with all that look into it
# Points whose true neighbours tell the cells to look into, and the share that lies there; `nearer` finds most others.
TRIED, WANTED = 500, 0.97
GROUPS = 64  # of the points of a cell; the least distance of each is kept
MINIMA = 2**24  # of those in memory at once: 64 MB
CANDIDATES = 2**22  # points whose distances are computed anew, in memory at once: 30 bytes each
ASSIGNED = 2**10  # points that are compared with all centres at once


@dataclass(frozen=True)
class Cells:
    """Points in cells, each row after row. places: the points in that order. order: (n,) their positions before.

    centres: (m, d). bounds: (m + 1,) the row where each cell begins.
    """

    places: Places
    order: Tensor
    centres: Tensor
    bounds: Tensor

    @cached_property
    def ends(self) -> list[int]:
        """`bounds` on the host."""
        return self.bounds.tolist()

    def of(self, rows: Tensor) -> Tensor:
        """The cell of the point at each row. (any shape) → the same."""
        return torch.searchsorted(self.bounds, rows, right=True) - 1

    def near(self, queries: Tensor, count: int) -> Tensor:
        """The cells whose centres are nearest to queries (q, d), in any order. → (q, count)."""
        return torch.cat([least_of(block, count) for block in self._distances(queries)])

    def _distances(self, queries: Tensor) -> Iterator[Tensor]:
        """‖c − a‖² − ‖a‖² from queries a, (q, d), to all centres c, block by block. (q', m) each."""
        squares = self.centres.square().sum(1)
        return (linear(-2 * block, self.centres, squares) for block in queries.split(ASSIGNED))

    def ranks(self, queries: Tensor, cells: Tensor) -> Tensor:
        """The rank of cells (q, k) among those near each query (q, d), from 0. → (q, k)."""
        return torch.cat(list(self._distances(queries))).argsort(1).argsort(1).gather(1, cells)

    def search(self, rows: Tensor, count: int, looked: int) -> tuple[Tensor, Tensor]:
        """The `count` nearest points of those at `rows` (q,) in `looked` cells each. → rows and squares, (q, count)."""
        queries = self.places.sets[0][rows]
        near = self.near(queries, looked)
        low = self._group_minima(queries, near)
        groups = least_of(low, count + 1)
        cells = near.gather(1, groups // GROUPS)
        member = torch.arange(self._members, device=rows.device) * GROUPS
        candidates = (self.bounds[cells] + groups % GROUPS)[:, :, None] + member
        beyond = (candidates >= self.bounds[cells + 1][:, :, None]).flatten(1)
        candidates = candidates.flatten(1)
        beyond |= candidates == rows[:, None]
        candidates.clamp_max_(len(self.places) - 1)
        squares = self.places.squared_distances(queries, candidates).masked_fill_(beyond, torch.inf)
        least, position = squares.topk(count, largest=False)
        return candidates.gather(1, position), least

    def _group_minima(self, queries: Tensor, near: Tensor) -> Tensor:
        """The least of ‖b − a‖² − ‖a‖² from queries a, (q, d), to each group in cells (q, p). → (q, p·GROUPS)."""
        low = queries.new_full((near.numel(), GROUPS), torch.inf)
        doubled, order = -2 * queries, near.flatten().argsort(stable=True)
        looks = near.flatten().bincount(minlength=len(self.centres)).tolist()
        for cell, places in enumerate(order.split(looks)):
            begin, end = self.ends[cell : cell + 2]
            if len(places) and begin < end:
                distance = self.places.shifted(doubled[places // near.shape[1]], slice(begin, end))
                low[places] = minima_of_groups(distance, GROUPS)
        return low.view(len(queries), -1)

    def searched_at_once(self, count: int, looked: int) -> int:
        """Points whose `count` neighbours are searched at once, in `looked` cells each: more would take more memory."""
        return max(1, min(MINIMA // (looked * GROUPS), CANDIDATES // ((count + 1) * self._members)))

    @cached_property
    def _members(self) -> int:
        """Points in the largest group of a cell."""
        return -(-int(self.bounds.diff().max()) // GROUPS)


def nearest_by_cells(
    points: Tensor, count: int, seed: int, progress: Progress | None = None, copies: Sequence[Tensor] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each, nearly all of them the true ones. → indices, distances, both (n, count).

    points: (n, d). progress, copies: as of `neighbours.nearest`. The same on every run with the same seed.
    """
    check: Callable[[], object] = (lambda: progress(0, len(points))) if progress else (lambda: None)
    cells = make_cells([points, *copies], seed, check)
    looked = cells_to_look_into(cells, count, seed, check)
    narrow = narrowest(len(points))
    indices = torch.empty(len(points), count, dtype=narrow, device=points.device)
    squares = points.new_empty(len(points), count)
    block = cells.searched_at_once(count, looked)
    for start in range(0, len(points), block):
        if progress:
            progress(start, len(points))
        rows = torch.arange(start, min(start + block, len(points)), device=points.device)
        near, squares[rows] = cells.search(rows, count, looked)
        indices[rows] = near.to(narrow)
    find_nearer(cells.places, indices, squares, check)
    order = cells.order
    del cells  # its copy of the points is needed no more
    found = Found(len(points), count, narrow)
    for rows in torch.arange(len(points), device=points.device).split(block):
        found.put(order[rows].cpu(), order[indices[rows].long()].to(narrow), squares[rows])
    return found.indices.numpy(), found.distances.numpy()


def narrowest(count: int) -> torch.dtype:
    """The narrower type of integers that holds the positions of `count` points: neighbours of all are many."""
    return torch.int32 if count < 2**31 else torch.int64


def make_cells(sets: list[Tensor], seed: int, check: Callable[[], object]) -> Cells:
    """Points and further positions of them, (n, d) each, in seeded cells. check: called at least once a second."""
    points = sets[0]
    count = max(1, int(PER_ROOT * len(points) ** 0.5))
    rows = sample_rows(len(points), SAMPLES_PER_CELL * count, seed)
    sample = points[torch.from_numpy(rows).to(points.device)]
    centres = sample[:: max(1, len(sample) // count)][:count]
    centres = kmeans.converged_centres(sample, centres, STEPS, check)
    own = torch.cat([_nearest_centre(block, centres, check) for block in points.split(2**16)])
    order = own.argsort(stable=True)
    sizes = own.bincount(minlength=len(centres))
    largest = max(LARGEST * len(points) // len(centres), 1)
    pieces = (sizes + largest - 1) // largest
    centres = centres.repeat_interleave(pieces, 0)
    begins = (sizes.cumsum(0) - sizes).repeat_interleave(pieces)
    first_piece = (pieces.cumsum(0) - pieces).repeat_interleave(pieces)
    begins += largest * (torch.arange(len(begins), device=begins.device) - first_piece)
    bounds = torch.cat([begins, begins.new_tensor([len(points)])])
    return Cells(Places([each[order] for each in sets]), order, centres, bounds)


def _nearest_centre(points: Tensor, centres: Tensor, check: Callable[[], object]) -> Tensor:
    """The position of the centre nearest to each point (n, d). → (n,)."""
    check()
    places = Places([centres])
    return torch.cat([places.closest(block, 1)[0][:, 0] for block in points.split(ASSIGNED)])


def cells_to_look_into(cells: Cells, count: int, seed: int, check: Callable[[], object]) -> int:
    """How many cells hold the share WANTED of the true neighbours of TRIED points."""
    places = cells.places
    rows = torch.from_numpy(sample_rows(len(places), TRIED, seed)).to(cells.order.device)
    check()
    true = cells.of(places.closest_to(rows, count)[0])
    rank = cells.ranks(places.sets[0][rows], true).flatten().sort().values
    return int(rank[int(WANTED * (len(rank) - 1))]) + 1

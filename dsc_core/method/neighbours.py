"""The nearest neighbours of points: exact, one block at a time.

A row of distances is never kept whole: the products of a block of queries with a tile of the points stay in the
processor's cache, only the least of every few distances is kept, and the distances to the members of the groups with
the least ones are computed anew, by differences. The same neighbours, up to ties, in a sixth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dsc_core.method.products import linear

QUERIES = 1024  # compared at once
# Points compared at once, a multiple of the groups: on the CPU in the cache of the processor.
TILE, DEVICE_TILE = 2**10, 2**16
MANY, GROUP, FEW_GROUP = 2**14, 16, 8  # distances of which the least is kept: of many points, and of few
GATHERED = 2**22  # numbers of candidates in memory at once
ORDERED = 2**20  # numbers in rows that are put in order at once
MINIMA = 2**24  # least distances of groups in memory at once, of a few queries among many points: 64 MB

Progress = Callable[[int, int], object]


def nearest(
    points: Tensor,
    count: int,
    queries: Tensor | None = None,
    progress: Progress | None = None,
    copies: Sequence[Tensor] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest points of each query, exact. → indices, distances, both (q, count), the nearest first.

    points: (n, d). queries: (q, d), or None for the points themselves, which then are not their own neighbours
    (duplicates of a point are). progress(done, total): of queries; what it raises ends the search. copies: further
    positions of the points, each (n, d): a point is as near as the nearest of its positions.
    """
    own = queries is None
    asked = points if queries is None else queries
    places = Places([points, *copies])
    found = Found(len(asked), min(count, len(points) - own))
    for start in range(0, len(asked), QUERIES):
        if progress:
            progress(start, len(asked))
        block = asked[start : start + QUERIES]
        rows = torch.arange(start, start + len(block), device=points.device) if own else None
        found.put(slice(start, start + len(block)), *places.closest(block, found.count, rows))
    return found.indices.numpy(), found.distances.numpy()


def least_of(values: Tensor, count: int) -> Tensor:
    """The positions of the `count` least numbers of each row, all where there are fewer, in any order. (q, n) → (q, k).

    On the CPU many of a row are found by NumPy, which takes a third of the time of `topk` there.
    """
    if count >= values.shape[1]:
        return torch.arange(values.shape[1], device=values.device).expand(values.shape)
    if values.device.type == "cpu" and 64 * count > values.shape[1]:
        return _least_by_partition(values, count)
    return values.topk(count, largest=False, sorted=False).indices


def _least_by_partition(values: Tensor, count: int) -> Tensor:
    """`least_of` by NumPy, some rows at a time: it makes the whole order of a row, eight bytes for each number."""
    least = torch.empty(len(values), count, dtype=torch.int64)
    rows = max(1, ORDERED // values.shape[1])
    for room, part in zip(least.split(rows), values.split(rows), strict=True):
        room.copy_(torch.from_numpy(np.argpartition(part.numpy(), count - 1, axis=1)[:, :count]))
    return least


def minima_of_groups(values: Tensor, groups: int) -> Tensor:
    """The least of every `groups`-th number of each row, from each of the first on. (q, n) → (q, groups)."""
    if short := -values.shape[1] % groups:
        values = torch.nn.functional.pad(values, (0, short), value=torch.inf)
    return values.view(len(values), -1, groups).amin(1)


class Found:
    """Neighbours of n queries, in memory that is taken once: many small pieces between large blocks would split it.

    indices: (n, count) int64, or narrower. distances: (n, count) float32.
    """

    def __init__(self, queries: int, count: int, dtype: torch.dtype = torch.int64) -> None:
        self.count = count
        self.indices = torch.empty(queries, count, dtype=dtype)
        self.distances = torch.empty(queries, count)

    def put(self, rows: slice | Tensor, indices: Tensor, squares: Tensor) -> None:
        """Neighbours of some queries, (m, count), and their squared distances."""
        self.indices[rows] = indices.cpu()
        self.distances[rows] = squares.sqrt().cpu()


class Places:
    """Points that are searched. sets: the points, (n, d), and further positions of them, each (n, d)."""

    def __init__(self, sets: Sequence[Tensor], squares: Sequence[Tensor] | None = None) -> None:
        self.sets = sets
        self.squares = squares or [each.square().sum(1) for each in sets]

    def __len__(self) -> int:
        return len(self.sets[0])

    def part(self, rows: Tensor) -> Places:
        """The points at `rows` (m,) alone."""
        return Places([each[rows] for each in self.sets], [each[rows] for each in self.squares])

    def closest(self, queries: Tensor, count: int, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The `count` nearest points of queries (q, d), and their squared distances, ascending. → (q, count) each.

        own: (q,) the position of each query among the points, which is then left out.
        """
        low, first, stride = self._group_minima(queries)
        # One more than are wanted, since the least distance of a group may be that of a query to itself.
        groups = least_of(low, count + (own is not None))
        member = torch.arange(self._group, device=low.device)
        candidates = (first[groups][:, :, None] + stride[groups][:, :, None] * member).flatten(1)
        beyond = candidates >= len(self)  # the last group may be short
        if own is not None:
            beyond |= candidates == own[:, None]
        candidates.clamp_max_(len(self) - 1)
        squares = self.squared_distances(queries, candidates).masked_fill_(beyond, torch.inf)
        least, position = squares.topk(count, largest=False)
        return candidates.gather(1, position), least

    def closest_to(self, rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """`closest` to the points at `rows` (q,) themselves, some at a time: their distances to many take memory."""
        few = max(1, MINIMA * self._group // len(self))
        found = [self.closest(self.sets[0][some], count, some) for some in rows.split(few)]
        return torch.cat([indices for indices, _ in found]), torch.cat([squares for _, squares in found])

    @property
    def _group(self) -> int:
        return GROUP if len(self) > MANY else FEW_GROUP

    def _group_minima(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The least of ‖b − a‖² − ‖a‖² from queries a, (q, d), to each group of points b. → (q, g), (g,), (g,).

        The last two: the first position of each group, and the step from there to the next one. The groups of a tile
        run through all of it: so their minima are those of whole rows, which processors compute fastest.
        """
        tile = TILE if queries.device.type == "cpu" else DEVICE_TILE
        parts = range(0, len(self), tile)
        widths = [-(-min(tile, len(self) - start) // self._group) for start in parts]
        doubled, low = -2 * queries, queries.new_empty(len(queries), sum(widths))
        for start, width, room in zip(parts, widths, low.split(widths, 1), strict=True):
            room.copy_(minima_of_groups(self.shifted(doubled, slice(start, start + tile)), width))
        wide = torch.tensor(widths, device=queries.device)
        begins = torch.tensor(parts, device=queries.device) - (wide.cumsum(0) - wide)
        firsts = torch.arange(low.shape[1], device=queries.device) + begins.repeat_interleave(wide)
        return low, firsts, wide.repeat_interleave(wide)

    def shifted(self, doubled: Tensor, part: slice) -> Tensor:
        """‖b − a‖² − ‖a‖² from −2a, (q, d), to the nearest position of each point b of a part. → (q, m)."""
        # oneDNN prepares itself for each new shape of matrices: it pays where the shape is that of all tiles.
        whole = part.stop - part.start == TILE and len(doubled) == QUERIES
        least: Tensor | None = None
        for each, squares in zip(self.sets, self.squares, strict=True):
            there, square = each[part], squares[part]
            here = linear(doubled, there, square) if whole else torch.addmm(square, doubled, there.T)
            least = here if least is None else torch.minimum(least, here, out=least)
        assert least is not None
        return least

    def squared_distances(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """‖b − a‖² from queries a, (q, d), to candidates b, (q, c) positions. → (q, c)."""
        rows = max(1, GATHERED // (candidates.shape[1] * queries.shape[1]))
        # Memory is taken once: a small piece after each large block would leave gaps, in which the next has no room.
        squares = queries.new_empty(candidates.shape)
        room = queries.new_empty(min(rows, len(queries)) * candidates.shape[1], queries.shape[1])
        parts = zip(squares.split(rows), queries.split(rows), candidates.split(rows), strict=True)
        for least, some, theirs in parts:
            there = room[: theirs.numel()]
            for number, each in enumerate(self.sets):
                torch.index_select(each, 0, theirs.flatten(), out=there)
                here = there.view(*theirs.shape, -1).sub_(some[:, None]).square_().sum(2)
                least.copy_(here if number == 0 else torch.minimum(least, here))
        return squares

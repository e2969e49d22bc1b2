"""Better neighbours from nearly all of them: who is near to a neighbour, and whose neighbour a point is, may be nearer.

Source: W. Dong, M. Charikar, K. Li, "Efficient k-nearest neighbor graph construction for generic similarity measures"
(2011). After a search by cells a few passes do what four times as many cells would.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dsc_core.method.neighbours import Places

ROWS = 2**12  # looked at together; their candidates' distances stay in the processor's cache
PASSES = 1


def find_nearer(places: Places, indices: Tensor, squares: Tensor, check: Callable[[], object]) -> None:
    """Put nearer points in the place of farther ones among neighbours of all points, in place.

    indices, squares: (n, k) positions and squared distances, ascending. check: called at least once a second.
    """
    for _ in range(PASSES):
        for rows in torch.arange(len(places), device=indices.device).split(ROWS):
            check()
            _of_those_near(indices, squares, rows)
        for rows in torch.arange(len(places), device=indices.device).split(ROWS):
            check()
            _neighbours_of_neighbours(places, indices, squares, rows)


def _of_those_near(indices: Tensor, squares: Tensor, rows: Tensor) -> None:
    """The points at `rows` (m,) as neighbours of their neighbours."""
    near, distance = indices[rows].long(), squares[rows]
    row, column = (distance < squares[near, -1]).nonzero(as_tuple=True)
    target, order = near[row, column].sort(stable=True)
    row, column = row[order], column[order]
    new = (indices[target] != rows[row][:, None]).all(1)
    _put(indices, squares, target[new], rows[row[new]], distance[row[new], column[new]])


def _neighbours_of_neighbours(places: Places, indices: Tensor, squares: Tensor, rows: Tensor) -> None:
    """The neighbours of the neighbours of the points at `rows` (m,) as theirs."""
    near = indices[rows].long()
    candidates = indices[near.flatten()].view(len(rows), -1).long()
    distance = places.squared_distances(places.sets[0][rows], candidates)
    row, column = (distance < squares[rows, -1:]).nonzero(as_tuple=True)
    found, distance = candidates[row, column], distance[row, column]
    new = (found != rows[row]) & (near[row] != found[:, None]).all(1)
    row, found, distance = row[new], found[new], distance[new]
    pairs, which = torch.unique(row * len(places) + found, return_inverse=True)
    distance = torch.empty_like(distance[: len(pairs)]).scatter_(0, which, distance)
    _put(indices, squares, rows[pairs // len(places)], pairs % len(places), distance)


def _put(indices: Tensor, squares: Tensor, rows: Tensor, found: Tensor, distance: Tensor) -> None:
    """New neighbours of points at `rows` (m,), ascending, and their squared distances, (m,), among those of before."""
    if not len(rows):
        return
    count = indices.shape[1]
    own, many = torch.unique_consecutive(rows, return_counts=True)
    line = torch.arange(len(own), device=rows.device).repeat_interleave(many)
    place = torch.arange(len(rows), device=rows.device) - (many.cumsum(0) - many)[line]
    width = count + int(many.max())
    both = torch.zeros(len(own), width, dtype=indices.dtype, device=rows.device)
    far = squares.new_full((len(own), width), torch.inf)
    both[:, :count], far[:, :count] = indices[own], squares[own]
    both[line, count + place], far[line, count + place] = found.to(both.dtype), distance
    squares[own], position = far.topk(count, largest=False)
    indices[own] = both.gather(1, position)

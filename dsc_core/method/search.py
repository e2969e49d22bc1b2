"""Which search finds the neighbours of a whole data set: exact, by cells, or by FAISS; and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dsc_core.knobs import Value
from dsc_core.method.cells import nearest_by_cells
from dsc_core.method.faiss_search import nearest_by_faiss
from dsc_core.method.neighbours import Places, Progress, nearest
from dsc_core.method.searches import DEVICE_EXACT, EXACT
from dsc_core.sampling import sample_rows

MEASURED = 1000  # points whose neighbours by exact search tell what share of them was found
FOUND = (
    "The neighbours of {0:,} samples are found by {1}: {2:.1%} of the true ones, measured on {3:,} samples; the "
    "setting search=exact finds all, and takes longer."
)
NAMES = {"cells": "cells", "faiss": "FAISS"}

Say = Callable[[str], object]


def neighbours_of_all(
    points: Tensor,
    count: int,
    search: Value = "exact",
    seed: int = 0,
    progress: Progress | None = None,
    copies: Sequence[Tensor] = (),
    say: Say | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest points of each point, not itself. → indices, distances, both (n, count), the nearest first.

    points: (n, d). search: "exact", "cells", "faiss" or "auto". progress, copies: as of `neighbours.nearest`. say:
    called with a sentence where the search is not exact, for which the share of true neighbours is measured.
    """
    count = min(count, len(points) - 1)
    how = chosen(search, len(points), points.device)
    if how == "exact":
        return nearest(points, count, progress=progress, copies=copies)
    find = nearest_by_faiss if how == "faiss" else nearest_by_cells
    found = find(points, count, seed, progress, copies)
    if say:
        share, tried = recall(points, copies, found[0], seed)
        say(FOUND.format(len(points), NAMES[how], share, tried))
    return found


def chosen(search: Value, count: int, device: torch.device) -> str:
    """The search that a setting asks for, for so many points."""
    if search != "auto":
        return str(search)
    return "exact" if count <= (EXACT if device.type == "cpu" else DEVICE_EXACT) else "cells"


def recall(
    points: Tensor, copies: Sequence[Tensor], found: np.ndarray, seed: int, size: int = MEASURED
) -> tuple[float, int]:
    """The share of the true neighbours among those found, (n, k), for a seeded part of the points, and its size.

    Points at the distance of the last true neighbour are as good as true ones.
    """
    # Another part than the search itself has looked at.
    rows = torch.from_numpy(sample_rows(len(points), size, seed + 1)).to(points.device)
    places = Places([points, *copies])
    ours = torch.from_numpy(found[rows.cpu().numpy()]).to(points.device)
    true, squares = places.closest_to(rows, ours.shape[1])
    equal = places.squared_distances(points[rows], ours) <= squares[:, -1:]
    same = (ours[:, :, None] == true[:, None, :]).any(2)
    return float((equal | same).float().mean()), len(rows)

"""The nearest neighbours of many points by FAISS (IVF-flat), an optional package (requirements-faiss.txt).

Source: M. Douze et al., "The Faiss library" (2024). On a graphics card where the installed package has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsc_core.errors import InputError
from dsc_core.method.cells import PER_ROOT, SAMPLES_PER_CELL, STEPS, TRIED, WANTED
from dsc_core.method.neighbours import Found, Places, Progress
from dsc_core.method.searches import COPIED, MISSING
from dsc_core.sampling import sample_rows

BLOCK = 8192  # queries between two calls of `progress`


def faiss_library() -> Any:
    """The package; InputError where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise InputError(MISSING) from error
    return faiss


def nearest_by_faiss(
    points: Tensor, count: int, seed: int, progress: Progress | None = None, copies: Sequence[Tensor] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each, nearly all of them the true ones. → indices, distances, both (n, count).

    points: (n, d). progress: as of `neighbours.nearest`. InputError without the package, or with copies.
    """
    if copies:
        raise InputError(COPIED)
    codes = np.ascontiguousarray(points.cpu().numpy(), dtype=np.float32)
    index = _trained(codes, seed, points.device)
    _add(index, codes, progress)
    index.nprobe = _lists_to_look_into(index, points, count, seed)
    found = Found(len(codes), count)
    for start in range(0, len(codes), BLOCK):
        if progress:
            progress(start, len(codes))
        block = codes[start : start + BLOCK]
        squares, indices = index.search(block, count + 1)
        indices, squares = _without_self(indices, squares, np.arange(start, start + len(block)))
        rows = slice(start, start + len(block))
        found.put(rows, torch.from_numpy(indices), torch.from_numpy(squares).clamp_min(0))
    return found.indices.numpy(), found.distances.numpy()


def _trained(codes: np.ndarray, seed: int, device: torch.device) -> Any:
    """An empty index whose cells are those of k-means on a seeded part of codes (n, d)."""
    faiss = faiss_library()
    cells = max(1, int(PER_ROOT * len(codes) ** 0.5))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(codes.shape[1]), codes.shape[1], cells)
    index.cp.seed, index.cp.niter = seed % 2**31, STEPS
    if device.type == "cuda" and getattr(faiss, "get_num_gpus", lambda: 0)() > 0:
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), device.index or 0, index)
    index.train(codes[sample_rows(len(codes), SAMPLES_PER_CELL * cells, seed)])
    return index


def _add(index: Any, codes: np.ndarray, progress: Progress | None) -> None:
    """Put codes (n, d) into the index, block by block."""
    for start in range(0, len(codes), 2**16):
        if progress:
            progress(0, len(codes))
        index.add(codes[start : start + 2**16])


def _lists_to_look_into(index: Any, points: Tensor, count: int, seed: int) -> int:
    """How many cells to look into, of 4, 8, 16, …, so that the share WANTED of true neighbours is found."""
    rows = sample_rows(len(points), TRIED, seed)
    own = torch.from_numpy(rows).to(points.device)
    true = Places([points]).closest_to(own, count)[0].cpu().numpy()
    looked = 4
    while looked < index.nlist:
        index.nprobe = looked
        indices = index.search(np.ascontiguousarray(points[own].cpu().numpy()), count + 1)[1]
        if (true[:, :, None] == indices[:, None, :]).any(2).mean() >= WANTED:
            break
        looked *= 2
    return min(looked, index.nlist)


def _without_self(
    indices: np.ndarray, squares: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours (q, k + 1), ascending, without the query itself, which may be missing. → (q, k) each."""
    own = indices == rows[:, None]
    own[~own.any(1), -1] = True  # among many duplicates: the last one goes
    kept = ~own
    shape = len(rows), indices.shape[1] - 1
    return indices[kept].reshape(shape), squares[kept].reshape(shape)

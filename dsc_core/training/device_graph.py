"""The graph of the whole data set on the device: neighbours and affinities of a batch without work of the host."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor


class DeviceGraph:
    """As `batches.Pairs`, for positions on the device; its random numbers are those of torch's generator there.

    All tensors have room for `capacity` edges and keep their addresses when `update` puts in another graph of the
    same samples, so that a recorded step reads the new one.
    """

    def __init__(
        self, affinity: sparse.csr_matrix, targets: np.ndarray | None, capacity: int, device: torch.device
    ) -> None:
        count, self.capacity = affinity.shape[0], max(capacity, affinity.nnz)
        self.count, self.device = count, device

        def room(length: int, dtype: torch.dtype) -> Tensor:
            return torch.empty(length, dtype=dtype, device=device)

        # Of each edge: row·n + column, ascending; its column, its weight, and the sum of all weights up to it.
        self.keys, self.columns = room(self.capacity, torch.int64), room(self.capacity, torch.int64)
        self.weights, self.running = room(self.capacity, torch.float32), room(self.capacity, torch.float64)
        self.starts, self.before = room(count + 1, torch.int64), room(count + 1, torch.float64)
        self.targets = None if targets is None else room(count, torch.int64)
        self.update(affinity, targets)

    def fits(self, affinity: sparse.csr_matrix, targets: np.ndarray | None) -> bool:
        """Whether `update` can take this graph."""
        return (
            affinity.shape[0] == self.count
            and affinity.nnz <= self.capacity
            and (targets is None) == (self.targets is None)
        )

    def update(self, affinity: sparse.csr_matrix, targets: np.ndarray | None) -> None:
        """Put in another graph, sparse (n, n), and other targets, (n,)."""
        affinity = affinity.sorted_indices()
        rows = np.repeat(np.arange(self.count), np.diff(affinity.indptr))
        running = np.cumsum(affinity.data, dtype=np.float64)
        before = np.concatenate([[0.0], running])[affinity.indptr]
        # Beyond the last edge: keys above all others, and a sum that no draw exceeds.
        _fill(self.keys, rows * self.count + affinity.indices, self.count**2)
        _fill(self.columns, affinity.indices, 0)
        _fill(self.weights, affinity.data, 0)
        _fill(self.running, running, running[-1] if len(running) else 0.0)
        _fill(self.starts, affinity.indptr, 0)
        _fill(self.before, before, 0)
        if self.targets is not None and targets is not None:
            _fill(self.targets, targets, -1)

    def neighbours(self, index: Tensor) -> Tensor:
        """A neighbour of each sample, drawn by the edge weights. (m,) → (m,)."""
        low, high = self.before[index], self.before[index + 1]
        draw = torch.rand(len(index), dtype=torch.float64, device=self.device)
        positions = torch.searchsorted(self.running, low + draw * (high - low), right=True)
        first, last = self.starts[index], self.starts[index + 1] - 1
        return self.columns[torch.minimum(torch.maximum(positions, first), last)]

    def among(self, index: Tensor, _device: torch.device) -> Tensor:
        """The affinities within a batch, (m, m): each pair is looked up among the edges."""
        wanted = index[:, None] * self.count + index[None, :]
        places = torch.searchsorted(self.keys, wanted).clamp_max(self.capacity - 1)
        return torch.where(self.keys[places] == wanted, self.weights[places], 0.0)


def _fill(room: Tensor, values: np.ndarray, beyond: float) -> None:
    """Put `values` at the beginning of `room` and `beyond` behind them."""
    room[: len(values)] = torch.as_tensor(np.ascontiguousarray(values)).to(room.dtype)
    room[len(values) :] = beyond

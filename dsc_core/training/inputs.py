"""What a static step reads: the batch in tensors that stay where they are, filled anew before each step."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dsc_core.method.feed import Feed, Index, Source
from dsc_core.training.batches import Pairs
from dsc_core.training.device_graph import DeviceGraph

READ_AHEAD = 3  # batches that are read before they are needed

Place = tuple[int, int, int]  # the seed, the epoch and the step within it


@dataclass
class Slot:
    """The tensors of all batches of one size. index: (m,). source, pairs: as the terms of a batch take them."""

    index: Tensor
    source: Source
    pairs: Any


class Inputs(Protocol):
    """Where the batches of an epoch come from."""

    def begin(self, batches: Sequence[np.ndarray], host: Pairs | None, place: Place) -> None:
        """The batches that come next, in their order. host: draws neighbours where the device cannot.

        place: of the first of them; the draws follow from it, since they run ahead of the steps.
        """

    def slot(self, size: int, graph: DeviceGraph | None) -> Slot:
        """New tensors for batches of `size`."""

    def fill(self, slot: Slot) -> None:
        """Put the next batch into its tensors, without waiting for the device."""


class Resident:
    """Batches of samples that lie on the device: the positions are all that changes."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.next = feed, 0

    def begin(self, batches: Sequence[np.ndarray], _host: Pairs | None, _place: Place) -> None:
        """Copy the order of the epoch to the device."""
        self.order = torch.from_numpy(np.concatenate(batches)).to(self.feed.device)
        self.next = 0

    def slot(self, size: int, graph: DeviceGraph | None) -> Slot:
        """Positions for batches of `size`."""
        return Slot(torch.zeros(size, dtype=torch.int64, device=self.feed.device), self.feed, graph)

    def fill(self, slot: Slot) -> None:
        """The next positions."""
        size = len(slot.index)
        slot.index.copy_(self.order[self.next : self.next + size])
        self.next += size


class Streamed:
    """Batches of samples that stay with the host: a thread reads them ahead and copies them on a stream of its own."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.cuda = feed, feed.device.type == "cuda"
        self.reader = ThreadPoolExecutor(1, "batches")
        self.coming: deque[Future[tuple[Tensor, Tensor, Any]]] = deque()
        self.stream = torch.cuda.Stream() if self.cuda else None

    def begin(self, batches: Sequence[np.ndarray], host: Pairs | None, place: Place) -> None:
        """Start to read the first batches."""
        for future in self.coming:  # of an epoch that was broken off
            future.cancel()
        self.coming.clear()
        self.left, self.host, self.place = deque(batches), host, place
        for _ in range(READ_AHEAD):
            self._read_one_more()

    def _read_one_more(self) -> None:
        """Have the next batch read. Its neighbours are drawn here, in the order of the batches."""
        if self.left:
            index = self.left.popleft()
            rows = index
            if self.host is not None:
                self.host.rng = np.random.default_rng(self.place)
                rows = np.concatenate([index, self.host.neighbours(index)])
            seed, epoch, step = self.place
            self.place = (seed, epoch, step + 1)
            self.coming.append(self.reader.submit(self._read, rows))

    def _read(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Any]:
        """Positions (rows,), samples (rows, …) as stored, and the moment when both are on the device."""
        positions = rows if self.feed.rows is None else self.feed.rows[rows]
        parts = torch.from_numpy(rows), torch.from_numpy(np.ascontiguousarray(self.feed.samples[positions]))
        if not self.cuda:
            return *parts, None
        with torch.cuda.stream(self.stream):
            there = [part.pin_memory().to(self.feed.device, non_blocking=True) for part in parts]
            copied = torch.cuda.Event()
            copied.record()
        return there[0], there[1], copied

    def slot(self, size: int, graph: DeviceGraph | None) -> Slot:
        """Positions and samples for batches of `size`."""
        rows = size if graph is None else 2 * size
        all_rows = torch.zeros(rows, dtype=torch.int64, device=self.feed.device)
        first = torch.from_numpy(np.ascontiguousarray(self.feed.samples[:1]))
        samples = torch.zeros(rows, *first.shape[1:], dtype=first.dtype, device=self.feed.device)
        pairs = None if graph is None else GivenPairs(graph, all_rows[size:])
        return Slot(all_rows[:size], GivenSamples(self.feed, samples, all_rows), pairs)

    def fill(self, slot: Slot) -> None:
        """The next batch, as soon as it is there."""
        positions, samples, copied = self.coming.popleft().result()
        self._read_one_more()
        assert isinstance(slot.source, GivenSamples)
        for room, values in ((slot.source.rows, positions), (slot.source.samples, samples)):
            if copied is not None:
                torch.cuda.current_stream().wait_event(copied)
                values.record_stream(torch.cuda.current_stream())
            room.copy_(values)


@dataclass
class GivenSamples:
    """The samples of the present batch, whichever positions are asked for. rows: (rows,). samples: (rows, …)."""

    feed: Feed
    samples: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.feed)

    def __call__(self, _index: Index) -> Tensor:
        """The samples of the batch, scaled, (rows, …)."""
        return self.feed.scaled(self.samples)


@dataclass
class GivenPairs:
    """A graph on the device, with neighbours (m,) that the host has drawn."""

    graph: DeviceGraph
    drawn: Tensor

    @property
    def targets(self) -> Tensor | None:
        """See `DeviceGraph`."""
        return self.graph.targets

    def neighbours(self, _index: Tensor) -> Tensor:
        """The neighbours of the present batch, (m,)."""
        return self.drawn

    def among(self, index: Tensor, device: torch.device) -> Tensor:
        """The affinities within a batch, (m, m)."""
        return self.graph.among(index, device)

"""Samples by index as tensors, their random copies, and the codes of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.config import Config
from dsc_core.method import graph
from dsc_core.method.augmentation import copy_of, draws, makes_copies
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.sizes import layers

BLOCK = 1000  # samples encoded at once, at most
FEWEST = 16  # and at least
CACHED = 2**22  # bytes: on the CPU, a layer's output of a block stays about in the processor's cache
RESIDENT = 0.4  # of the device's free memory: what the samples may take to lie there
UPLOAD = 2**26  # bytes copied to the device at once

Index = np.ndarray | Tensor  # positions of samples; a tensor lies on the device, and so do the samples then


class Source(Protocol):
    """What gives samples by index: a `Feed` or `Copies` of one."""

    def __len__(self) -> int:
        """The number of samples."""

    def __call__(self, index: Index, /) -> Tensor:
        """The samples at `index` (m,). → (m, …)."""


Encode = Callable[[Networks, Source], Tensor]


@dataclass
class Feed:
    """Samples by index as float32 tensors on the device.

    samples: (n, …) raw, memory-mapped or not. scaling: (offset, factor). rows: (m,) positions of the samples that
    are fed, None for all; an index then counts among these. resident: the samples on the device, raw, None where they
    stay in the memory of the host.
    """

    samples: np.ndarray
    scaling: tuple[float, float]
    device: torch.device
    rows: np.ndarray | None = None
    resident: Tensor | None = None

    def __len__(self) -> int:
        return len(self.samples) if self.rows is None else len(self.rows)

    def __call__(self, index: Index) -> Tensor:
        """The samples at `index` (m,), scaled. → (m, …). A tensor of positions needs `resident` samples."""
        return self.scaled(self.raw(index))

    def raw(self, index: Index) -> Tensor:
        """The samples at `index` (m,), as they are stored. → (m, …), on the device."""
        if self.resident is not None:
            positions = torch.as_tensor(index, device=self.device)
            rows = self.device_rows
            return self.resident[positions if rows is None else rows[positions]]
        index = index if self.rows is None else self.rows[index]
        return torch.from_numpy(np.ascontiguousarray(self.samples[index])).to(self.device)

    def scaled(self, raw: Tensor) -> Tensor:
        """Samples as stored, brought to the values and the layout that the networks take. (m, …) → (m, …)."""
        values = (raw.float() - self.scaling[0]) * self.scaling[1]
        return values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values

    @cached_property
    def device_rows(self) -> Tensor | None:
        """`rows` on the device."""
        return None if self.rows is None else torch.as_tensor(self.rows, device=self.device)

    def part(self, rows: np.ndarray) -> Feed:
        """The feed of the samples at `rows` alone."""
        return replace(self, rows=rows)


def on_device(samples: np.ndarray, device: torch.device) -> Tensor | None:
    """The samples (n, …) on a graphics card with enough free memory, block by block; otherwise None."""
    if device.type != "cuda" or samples.nbytes > RESIDENT * torch.cuda.mem_get_info(device)[0]:
        return None
    return uploaded(samples, device)


def uploaded(samples: np.ndarray, device: torch.device) -> Tensor:
    """A copy of the samples (n, …) on the device, block by block: they may be mapped from the disk."""
    first = torch.from_numpy(np.ascontiguousarray(samples[:1]))
    copied = torch.empty(samples.shape, dtype=first.dtype, device=device)
    rows = max(1, UPLOAD // max(first.nbytes, 1))
    for start in range(0, len(samples), rows):
        block = np.ascontiguousarray(samples[start : start + rows])
        copied[start : start + rows] = torch.from_numpy(block)
    return copied


@dataclass(frozen=True)
class Copies:
    """One random copy of each image of a feed, the same copy every time. number: which of the copies of the seed."""

    feed: Feed
    config: Config
    number: int

    def __len__(self) -> int:
        return len(self.feed)

    def __call__(self, index: Index) -> Tensor:
        """The copies of the images at `index` (m,). → (m, C, H, W)."""
        return copy_of(self.feed(index), self.config, self.draws[index])

    @cached_property
    def draws(self) -> Tensor:
        """How far each copy is moved, (n, `draws`); drawn on the CPU, so that every device makes the same copies."""
        generator = torch.Generator().manual_seed(self.config.seed + 2**31 * (1 + self.number))
        count = draws(self.config, self.feed.samples.shape[1])
        return torch.rand(len(self.feed), count, generator=generator)


def copies_of(feed: Feed, config: Config) -> list[Copies]:
    """The copies of all samples that the graph is built with; none where the settings ask for none."""
    count = config.augmented_graph if makes_copies(config, feed.samples) else 0
    return [Copies(feed, config, number) for number in range(count)]


def graph_rows(count: int, config: Config) -> np.ndarray | None:
    """The positions of the samples that the graph is built on, drawn by the seed, ascending; None for all."""
    if count <= config.graph_samples:
        return None
    return np.sort(np.random.default_rng(config.seed).choice(count, config.graph_samples, replace=False))


def block_size(nets: Networks) -> int:
    """Samples encoded or decoded at once: on the CPU few images, which take two thirds of the time of many."""
    if len(nets.shape) == 1 or nets.centres.is_cuda:
        return BLOCK
    largest = max(layer.width * math.prod(layer.after) for layer in layers(nets.shape, nets.config.stem))
    return min(max(CACHED // (4 * largest), FEWEST), BLOCK)


@torch.no_grad()
def encode(
    nets: Networks,
    feed: Source,
    index: np.ndarray | None = None,
    check_cancelled: Callable[[], None] | None = None,
) -> Tensor:
    """μ of every sample, or of those at `index`, one block at a time. → (n, d) on the networks' device.

    check_cancelled: called before each block; what it raises ends the work.
    """
    was_training = nets.training
    nets.eval()
    count = len(feed) if index is None else len(index)
    latent = torch.empty(0)
    size = block_size(nets)
    for start in range(0, count, size):
        if check_cancelled:
            check_cancelled()
        block = slice(start, min(start + size, count))
        mean = nets.encoder(feed(np.arange(block.start, block.stop) if index is None else index[block])).mean
        if start == 0:  # allocated once: joining blocks later would need twice the memory
            latent = mean.new_empty(count, mean.shape[1])
        latent[block] = mean
    nets.train(was_training)
    return latent


def copy_codes(nets: Networks, feed: Feed, config: Config, encode: Encode = encode) -> list[Tensor]:
    """The codes of each set of copies that the graph is built with, (n, d) each."""
    return [encode(nets, copies) for copies in copies_of(feed, config)]


def build_graph(
    latent: Tensor,
    copies: Sequence[Tensor],
    config: Config,
    progress: Callable[[int, int], Any] | None = None,
    say: Callable[[str], object] | None = None,
) -> sparse.csr_matrix:
    """The neighbour graph of all samples from their codes, (n, d), and those of their copies. Sparse (n, n).

    Training, the labels, and every question about a run use this one builder. progress(done, total) may raise. say:
    called with a sentence where the neighbours are not exact.
    """
    return graph.whole_graph(latent, config.neighbours, progress, copies, config.search, config.seed, say)

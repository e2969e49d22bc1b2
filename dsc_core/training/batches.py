"""The batches of an epoch: their number, size and order, and a neighbour on the graph for each sample."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.config import Config
from dsc_core.device import describe
from dsc_core.training import distributed
from dsc_core.training.epochs import batch_count
from dsc_core.training.trainer import Trainer


def epoch_order(count: int, batch: int, limit: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A random order of the samples in equal batches of about `batch`, at most `limit` of them (0: all)."""
    parts = np.array_split(rng.permutation(count), batch_count(count, batch))
    return parts[:limit] if limit else parts


def epoch_batches(trainer: Trainer, stage: str, count: int) -> list[np.ndarray]:
    """The batches of the epoch that begins, or those left of one that was interrupted; (m,) indices each."""
    config, carry = trainer.config, trainer.carry
    if carry.order is None:
        batch = config.joint_batch if stage == "joint" else config.batch
        carry.order = epoch_order(count, batch, config.batches, trainer.rng)
        trainer.clock.start_epoch(stage, len(carry.order))
    return carry.order[trainer.clock.epoch_step :]


def epochs_left(trainer: Trainer, stage: str) -> range:
    """The epochs of a stage that are not complete, counted from 0 within the stage."""
    config, complete = trainer.config, trainer.clock.epoch - (trainer.carry.order is not None)
    if stage == "joint":
        return range(complete - config.epochs, config.joint_epochs)
    return range(complete, config.epochs)


def check_processes(count: int, config: Config) -> None:
    """InputError where the processes that have joined are too many for `count` samples or for this machine."""
    smallest = min(count // batch_count(count, size) for size in (config.batch, config.joint_batch))
    distributed.check(describe(config.device)[0], smallest)


class Pairs:
    """The graph of the whole data set, from which a neighbour is drawn for each sample of a batch.

    affinity: sparse (n, n). targets: (n,), the clusters for self-training, −1 for a sample without; None: none at all.
    """

    def __init__(
        self, affinity: sparse.csr_matrix, rng: np.random.Generator, targets: np.ndarray | None = None
    ) -> None:
        self.affinity, self.rng, self.targets = affinity, rng, targets
        # The running sum of the weights of each row: one uniform number per row picks a neighbour by its weight.
        self.running = np.cumsum(affinity.data)
        self.before = np.concatenate([[0.0], self.running])[affinity.indptr]

    def neighbours(self, index: np.ndarray) -> np.ndarray:
        """A neighbour of each sample, drawn by the edge weights. (m,) → (m,)."""
        low, high = self.before[index], self.before[index + 1]
        drawn = low + self.rng.random(len(index)) * (high - low)
        positions = np.searchsorted(self.running, drawn, side="right")
        first, last = self.affinity.indptr[index], self.affinity.indptr[index + 1] - 1
        return self.affinity.indices[np.clip(positions, first, last)]

    def among(self, index: np.ndarray, device: torch.device) -> Tensor:
        """The affinities within a batch, (m, m)."""
        return torch.from_numpy(self.affinity[index][:, index].toarray()).float().to(device)

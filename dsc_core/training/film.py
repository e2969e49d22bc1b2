"""Snapshots of the latent space during training, for the film of the latent map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from dsc_core.method.feed import Feed, encode
from dsc_core.method.head import head_labels
from dsc_core.method.networks.networks import Networks
from dsc_core.training import distributed

Snapshot = Callable[[int, np.ndarray, np.ndarray | None], None]


@dataclass
class Film:
    """Hands the codes of a few samples to `snapshot`, every so many epochs. rows: (m,), which samples."""

    nets: Networks
    feed: Feed
    snapshot: Snapshot | None
    every: int
    rows: np.ndarray

    def take(
        self, epoch: int, last: bool, latent: Tensor | None = None, labels: np.ndarray | None = None
    ) -> None:
        """Take a snapshot after `epoch`, if one is due.

        latent: μ of all samples (n, d), labels: their clusters (n,); or of those on the graph, if these are fewer.
        """
        if not (self.snapshot and self.every and distributed.first()) or (epoch % self.every and not last):
            return
        if latent is not None and len(latent) == len(self.feed):
            latent, labels = latent[self.rows], None if labels is None else labels[self.rows]
        else:  # most of the film's samples are not on the graph
            latent = encode(self.nets, self.feed, self.rows)
            labels = None if labels is None else head_labels(self.nets, latent)
        codes = latent.cpu().numpy()
        if np.isfinite(codes).all():  # otherwise the loss has yet to show it, and training steps back
            self.snapshot(epoch, codes, labels)

"""The head: teaching the spectral network the labels of a graph, and the clusters that it assigns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsc_core import threads
from dsc_core.config import Config
from dsc_core.method.cut import Cut
from dsc_core.method.networks.networks import Networks
from dsc_core.method.optimiser import adam
from dsc_core.method.teaching import HEAD_STEPS

HEAD_BATCH = 256
# At the first step; it falls linearly to 0. Labels and coordinates are learned as well as in 300 steps from 1e-3.
LEARNING_RATE = 3e-3
SMOOTHING = 0.05  # of the labels
BLOCK = 8000  # codes assigned at once


@threads.one_thread()  # the products are small: two threads would wait for each other more than they compute
def teach_head(
    nets: Networks, latent: Tensor, cut: Cut, config: Config, steps: int = HEAD_STEPS, even: bool = False
) -> None:
    """Train the spectral network on a cut of the latent codes (n, d), and set the cluster centres and sizes.

    The assignment learns the labels of the cut and the coordinates its first K′ dimensions: they begin near the
    solution of the whole graph, which the spectral loss then refines batch by batch. even: show samples of each
    cluster equally often, however few they are.
    """
    labels = torch.from_numpy(cut.labels).long().to(latent.device)
    coordinates = torch.from_numpy(cut.coordinates).to(latent)
    optimiser = adam(nets.spectral.parameters(), LEARNING_RATE)
    for step, index in enumerate(_batches(labels, steps, even, config.seed)):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
        raw, logits = nets.spectral(latent[index])
        loss = functional.cross_entropy(logits, labels[index], label_smoothing=SMOOTHING)
        if nets.spectral.coordinates is not None:
            shared = min(raw.shape[1], coordinates.shape[1])
            loss = loss + functional.mse_loss(raw[:, :shared], coordinates[index, :shared])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    _set_clusters(nets, latent, labels, config.clusters)


def _batches(labels: Tensor, steps: int, even: bool, seed: int) -> Iterator[Tensor]:
    """Seeded random rows of labels (n,), a batch per step; even: each cluster equally often. (m,) each."""
    generator = torch.Generator().manual_seed(seed)
    batch = min(HEAD_BATCH, len(labels))
    rarity = (1.0 / torch.bincount(labels).float())[labels].cpu()
    for _ in range(steps):
        if even:
            yield torch.multinomial(rarity, batch, replacement=True, generator=generator)
        else:
            yield torch.randint(len(labels), (batch,), generator=generator)


@torch.no_grad()
def _set_clusters(nets: Networks, latent: Tensor, labels: Tensor, clusters: int) -> None:
    """Set the expected cluster sizes and the centres to those of labels (n,) of codes (n, d)."""
    sizes = torch.bincount(labels, minlength=clusters).float() + 1
    nets.shares.copy_(sizes / sizes.sum())
    for cluster in range(clusters):
        if (members := labels == cluster).any():
            nets.centres[cluster] = latent[members].mean(0)


@torch.no_grad()
def assign_softly(nets: Networks, latent: Tensor) -> tuple[Tensor, Tensor]:
    """Ỹ (n, K′) and p(y|z) (n, K) of codes (n, d) by the spectral network, one block at a time."""
    # Allocated once: joining blocks later would need twice the memory.
    first, logits = nets.spectral(latent[:1])
    raw, probabilities = (part.new_empty(len(latent), part.shape[1]) for part in (first, logits))
    for start in range(0, len(latent), BLOCK):
        block = slice(start, start + BLOCK)
        raw[block], logits = nets.spectral(latent[block])
        probabilities[block] = logits.softmax(1)
    return raw, probabilities


def head_labels(nets: Networks, latent: Tensor) -> np.ndarray:
    """The most probable clusters of codes (n, d) by the spectral network alone. → (n,)."""
    return assign_softly(nets, latent)[1].argmax(1).cpu().numpy()

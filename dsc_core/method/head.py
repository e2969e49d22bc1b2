"""The head: the spectral network, taught with the labels of a graph, and the clusters that it assigns."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsc_core.config import Config
from dsc_core.method.cut import Readout
from dsc_core.method.networks.networks import Networks

HEAD_STEPS = 300
HEAD_BATCH = 256
BLOCK = 8000  # codes assigned at once


def teach_head(
    nets: Networks,
    latent: Tensor,
    readout: Readout,
    config: Config,
    steps: int = HEAD_STEPS,
    even: bool = False,
) -> None:
    """Bring the spectral network and the cluster centres to a readout of the same latents, (n, d).

    The assignment learns the readout's labels and the coordinates its first K' dimensions: they begin near
    the solution of the whole graph, which the spectral loss then refines batch by batch. even: show samples of
    each cluster equally often, however few they are.
    """
    labels = torch.from_numpy(readout.labels).long().to(latent.device)
    coordinates = torch.from_numpy(readout.coordinates).to(latent)
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(nets.spectral.parameters(), 1e-3)
    batch = min(HEAD_BATCH, len(latent))
    rarity = (1.0 / torch.bincount(labels).float())[labels].cpu() if even else None
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
        if even:
            index = torch.multinomial(rarity, batch, replacement=True, generator=generator)
        else:
            index = torch.randint(len(latent), (batch,), generator=generator)
        raw, logits = nets.spectral(latent[index])
        loss = functional.cross_entropy(logits, labels[index], label_smoothing=0.05)
        if nets.spectral.coordinates is not None:
            shared = min(raw.shape[1], coordinates.shape[1])
            loss = loss + functional.mse_loss(raw[:, :shared], coordinates[index, :shared])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    sizes = torch.bincount(labels, minlength=config.clusters).float() + 1
    nets.shares.copy_(sizes / sizes.sum())
    with torch.no_grad():
        for cluster in range(config.clusters):
            if (members := labels == cluster).any():
                nets.centres[cluster] = latent[members].mean(0)


@torch.no_grad()
def assign_softly(nets: Networks, latent: Tensor) -> tuple[Tensor, Tensor]:
    """The spectral network over latents, a block at a time → Ỹ (n, K'), p(y|z) (n, K)."""
    raw = probabilities = None
    for start in range(0, len(latent), BLOCK):
        block = slice(start, start + BLOCK)
        some, logits = nets.spectral(latent[block])
        if raw is None:
            raw, probabilities = (part.new_empty(len(latent), part.shape[1]) for part in (some, logits))
        raw[block], probabilities[block] = some, logits.softmax(1)
    return raw, probabilities


def head_labels(nets: Networks, latent: Tensor) -> np.ndarray:
    """The most probable cluster of latents (n, d) by the spectral network alone. → (n,)."""
    return assign_softly(nets, latent)[1].argmax(1).cpu().numpy()

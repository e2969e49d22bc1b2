"""The terms of a batch in each of the two stages, unweighted."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from dsc_core.config import Config
from dsc_core.method import objective
from dsc_core.method.augmentation import makes_copies, random_copy
from dsc_core.method.graph import batch_affinity
from dsc_core.method.networks.autoencoder import transform_noise
from dsc_core.method.networks.networks import Networks, autoencoder_terms
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.method.share import Share


def first_terms(nets: Networks, feed, index: np.ndarray, config: Config, share: Share) -> dict[str, Tensor]:
    """All terms of stage 1 for the samples at `index` (m,), unweighted."""
    samples = feed(share.mine(index))
    if config.augmented_input and makes_copies(config, samples):
        samples = a_copy(samples, config, share)
    code, _, terms = autoencoder_terms(nets, samples, config, share)
    terms["prior"] = objective.gaussian_kl(code.mean, code.log_variance)
    return share.mean(terms)


def a_copy(samples: Tensor, config: Config, share: Share) -> Tensor:
    """A random copy of each image, moved as the settings allow; the rows of `share` of a batch. (m, C, H, W) → same."""
    draw = share.mine(torch.rand(share.count, 4, device=samples.device))
    return random_copy(samples, config.shift, config.rotation, config.scaling, draw)


def joint_terms(nets: Networks, feed, index: np.ndarray, pairs, config: Config, share: Share):
    """All terms of stage 2 for the samples at `index` (m,) and, on a whole-data graph, a neighbour of each.

    → the terms, unweighted, and how the orthonormalisation was done. Terms of weight zero are left out. The
    neighbours are there for the graph's sake: only the samples themselves are decoded, and copied.
    """
    count = len(index)
    rows, own = share.mine(index), len(share.mine(index))
    if pairs:
        near = pairs.neighbours(index)
        rows, index = np.concatenate([rows, share.mine(near)]), np.concatenate([index, near])
    samples = feed(rows)
    code = nets.encoder(samples)
    _, noisy, terms = autoencoder_terms(nets, samples[:own], config, share, code.first(own))
    terms = share.mean(terms)
    # From here on each process computes with the codes of the whole batch.
    mean, log_variance, raw, logits = _whole(share, code.mean, code.log_variance, *nets.spectral(code.mean))
    assignment = logits.softmax(1)
    if config.encoder == "network":
        terms["cluster_prior"] = objective.cluster_conditional_kl(
            mean, log_variance, assignment, nets.centres
        )
    coordinates, _, how = orthonormalise(raw)
    affinity = (
        pairs.among(index, feed.device)
        if pairs
        else batch_affinity(mean, config.neighbours, config.bandwidth)
    )
    terms["spectral"] = objective.spectral_loss(coordinates, affinity)
    if config.agreement and pairs:
        terms["agreement"] = objective.agreement(assignment[:count], assignment[count:])
    if config.self_training and pairs and pairs.targets is not None:
        targets = torch.from_numpy(pairs.targets[index]).to(feed.device)
        terms["self_training"] = objective.self_training(_shaken(nets, mean, config), targets)
    if config.noisy_agreement:
        (shaken,) = share.whole(nets.spectral(noisy)[1])
        terms["noisy_agreement"] = objective.agreement(assignment[:count], shaken.softmax(1))
    if makes_copies(config, samples):
        moved = nets.encoder(a_copy(samples[:own], config, share)).mean
        moved, told = share.whole(moved, nets.spectral(moved)[1])
        terms["augmented_agreement"] = objective.agreement(assignment[:count], told.softmax(1))
        terms["augmented_latent"] = (mean[:count] - moved).square().sum(1).mean()
        if config.augmented_target and "self_training" in terms:
            asked = objective.self_training(_shaken(nets, moved, config), targets[:count])
            terms["self_training"] = torch.lerp(terms["self_training"], asked, config.augmented_target)
    if config.balance:
        terms["balance"] = objective.balance(assignment, nets.shares)
    if config.entropy:
        terms["entropy"] = objective.assignment_kl(assignment)
    return terms, how


def _shaken(nets: Networks, mean: Tensor, config: Config) -> Tensor:
    """The spectral network's logits for noisy codes: no few numbers of a code may decide alone. (m, d) → (m, K)."""
    return nets.spectral(transform_noise(mean, config.noise_level))[1]


def _whole(share: Share, *parts: Tensor) -> list[Tensor]:
    """The rows of all processes, of parts in which those of the samples' neighbours may stand below their own."""
    if share.size == 1:
        return list(parts)
    own = share.rows.stop - share.rows.start
    cut = [part.split(own) for part in parts]
    whole = iter(share.whole(*itertools.chain(*cut)))
    return [torch.cat([next(whole) for _ in pieces]) for pieces in cut]


AUTOENCODER = ("reconstruction", "relative", "global_mi", "local_mi")


def weighted_sum(terms: dict[str, Tensor], config: Config, stage: str) -> Tensor:
    """The objective: every term times the weight of the same name. This line is why a weight may move."""
    share = config.joint_share if stage == "joint" else 1.0
    return sum(
        getattr(config, name) * (share if name in AUTOENCODER else 1.0) * term for name, term in terms.items()
    )

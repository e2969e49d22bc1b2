"""A batch in training: the pieces that the terms of the objective are computed from, each when it is first needed."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.knobs import COPIES, ENCODER, GRAPH, IMAGES, TARGETS
from dsc_core.method.augmentation import copy_of, draws, makes_copies
from dsc_core.method.feed import Index, Source
from dsc_core.method.graph import affinity_of
from dsc_core.method.networks.autoencoder import Code, transform_noise
from dsc_core.method.networks.discriminators import other_codes
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.spectral import orthonormalise, orthonormalise_on_device
from dsc_core.method.share import Share

FEWEST_DECODED = 8  # samples of a batch: batch normalisation and the discriminators need some


class Pairs(Protocol):
    """The graph of the whole data set, which gives each sample of a batch a neighbour; see `training.batches`."""

    targets: Any

    def neighbours(self, index: Any) -> Any:
        """A neighbour of each sample. (m,) → (m,)."""

    def among(self, index: Any, device: torch.device, /) -> Tensor:
        """The affinities within a batch, (m, m)."""


def autoencoder_terms(
    nets: Networks,
    feed: Source,
    index: Index,
    config: Config,
    share: Share,
    noise_level: Tensor | None = None,
) -> dict[str, Tensor]:
    """The terms of stage 1 for the samples at `index` (m,), unweighted. noise_level: (), in place of the setting."""
    samples = feed(share.mine(index))
    if config.augmented_input and makes_copies(config, samples):
        samples = copy_images(samples, config, share)
    batch = Batch(nets, samples, nets.encoder(samples), config, share, noise_level)
    return objective.compute(batch, objective.AUTOENCODER)


def joint_terms(
    nets: Networks,
    feed: Source,
    index: Index,
    pairs: Pairs | None,
    config: Config,
    share: Share,
    noise_level: Tensor | None = None,
) -> tuple[dict[str, Tensor], Any]:
    """The terms of stage 2 for the samples at `index` (m,) and, where there is a graph, a neighbour of each.

    → the terms, unweighted, and how the coordinates were orthonormalised: see `orthonormalise`, "" if they were not.
    With an `index` on the device nothing is asked of the host: the second value is whether no Cholesky factor was
    found, () bool. noise_level: (), in place of the setting.
    """
    batch = JointBatch(nets, feed, index, pairs, config, share, noise_level)
    terms = objective.compute(batch, objective.JOINT)
    return terms, batch.orthonormalised[1] if "spectral" in terms else ""


def copy_images(images: Tensor, config: Config, share: Share) -> Tensor:
    """A random copy of each image, as the settings allow; the rows of `share` of a batch. (m, C, H, W) → same."""
    draw = share.mine(torch.rand(share.count, draws(config, images.shape[1]), device=images.device))
    return copy_of(images, config, draw)


class Batch:
    """The rows of a batch that this process computes, and their codes.

    The noise is drawn at once, in the same order whatever the weights are: a weight of zero changes no random number.
    """

    def __init__(
        self,
        nets: Networks,
        samples: Tensor,
        code: Code,
        config: Config,
        share: Share,
        noise_level: Tensor | None = None,
    ) -> None:
        self.nets, self.samples, self.code, self.config, self.share = nets, samples, code, config, share
        self.decoded_share, self.decoded_rows = share, slice(None)
        self.noise_level = config.noise_level if noise_level is None else noise_level
        self.sampling = config.noise == "sampling"
        self.latent = code.mean if self.sampling or not self.has(ENCODER) else code.sample(self._noise())
        self.noisy = nets.noisy_code(code, self.latent, self.noise_level, self._noise())

    def has(self, need: str) -> bool:
        """Whether the batch has what a term needs."""
        return {
            ENCODER: self.config.encoder == "network",
            IMAGES: self.samples.dim() == 4,
            COPIES: makes_copies(self.config, self.samples),
        }.get(need, False)

    def _noise(self) -> Tensor:
        """ε ~ N(0, I), (rows, d), drawn for the whole batch."""
        mean = self.code.mean
        return self.share.mine(mean.new_empty(self.share.count, mean.shape[1]).normal_())

    def decode_every(self, step: int) -> None:
        """Compute the autoencoder's terms of every `step`-th sample of the batch only, of at least FEWEST_DECODED."""
        step = min(step, max(1, self.share.count // max(FEWEST_DECODED, self.share.size)))
        self.decoded_rows = slice(-self.share.rows.start % step, None, step)
        self.decoded_share = self.share.every(step)

    @property
    def decoded_samples(self) -> Tensor:
        """The samples that are decoded, (decoded rows, …)."""
        return self.samples[self.decoded_rows]

    @cached_property
    def decodings(self) -> tuple[Tensor, Tensor]:
        """D(z) and D(ψ(z)), (decoded rows, …) each."""
        return self.nets.decode(self.latent[self.decoded_rows], self.noisy[self.decoded_rows])

    @cached_property
    def reconstruction(self) -> Tensor:
        """The decoding to compare with the samples, (decoded rows, …): the clean one, in the released code the noisy.

        Where one decoder with batch normalisation serves both, its statistics are those of both, whatever the weights.
        """
        apart = self.nets.noisy_decoder is not None or not self.config.batch_norm
        if self.config.relative or not apart:
            return self.decodings[self.sampling]
        if self.sampling:
            return (self.nets.noisy_decoder or self.nets.decoder)(self.noisy[self.decoded_rows])
        return self.nets.decoder(self.latent[self.decoded_rows])

    @cached_property
    def code_pair(self) -> list[Tensor]:
        """The code of each decoded sample and that of another one, (decoded rows, d) each."""
        latent = self.latent[self.decoded_rows]
        (whole,) = self.decoded_share.whole(latent)
        return [latent, self.decoded_share.mine(other_codes(whole))]

    @property
    def global_scores(self) -> list[Tensor]:
        """The global discriminator's scores of both codes, (decoded rows, 1) each."""
        source = self.code.flat if self.config.mi_input == "image" else self.latent
        return self.nets.global_discriminator(source[self.decoded_rows], self.code_pair)

    @property
    def local_scores(self) -> list[Tensor]:
        """The local discriminator's scores of both codes, (decoded rows, 1, h, w) each."""
        return self.nets.local_discriminator(self.code.features[self.decoded_rows], self.code_pair)


class JointBatch(Batch):
    """A batch of stage 2: `count` samples and, where there is a graph, a neighbour of each below them, m rows in all.

    Only the samples themselves are copied, and every `config.decode_every`-th is decoded. Beyond the codes, each
    process computes with all m rows.
    """

    def __init__(
        self,
        nets: Networks,
        feed: Source,
        index: Index,
        pairs: Pairs | None,
        config: Config,
        share: Share,
        noise_level: Tensor | None = None,
    ) -> None:
        self.pairs, self.count = pairs, len(index)
        rows, own = share.mine(index), len(share.mine(index))
        if pairs is not None:
            neighbours = pairs.neighbours(index)
            rows, index = joined(rows, share.mine(neighbours)), joined(index, neighbours)
        self.index = index
        samples = feed(rows)
        self.all_codes = nets.encoder(samples)
        super().__init__(nets, samples[:own], self.all_codes.first(own), config, share, noise_level)
        self.decode_every(config.decode_every)

    def has(self, need: str) -> bool:
        """Whether the batch has what a term needs."""
        if need == TARGETS:
            return self.pairs is not None and self.pairs.targets is not None
        return self.pairs is not None if need == GRAPH else super().has(need)

    @cached_property
    def _whole(self) -> list[Tensor]:
        """μ, log σ², Ỹ and the logits of all processes, m rows each."""
        code = self.all_codes
        return whole_rows(self.share, code.mean, code.log_variance, *self.nets.spectral(code.mean))

    @property
    def mean(self) -> Tensor:
        """μ, (m, d)."""
        return self._whole[0]

    @property
    def own_mean(self) -> Tensor:
        """μ of the samples themselves, (count, d)."""
        return self.mean[: self.count]

    @property
    def log_variance(self) -> Tensor:
        """The logarithm of σ², (m, d)."""
        return self._whole[1]

    @cached_property
    def assignment(self) -> Tensor:
        """p(y|z), (m, K)."""
        return self._whole[3].softmax(1)

    @property
    def own_assignment(self) -> Tensor:
        """p(y|z) of the samples themselves, (count, K)."""
        return self.assignment[: self.count]

    @property
    def neighbours_assignment(self) -> Tensor:
        """p(y|z) of the samples' neighbours, (count, K)."""
        return self.assignment[self.count :]

    @cached_property
    def orthonormalised(self) -> tuple[Tensor, Any]:
        """The orthonormal coordinates, (m, K′), and how they were found: see `joint_terms`."""
        if isinstance(self.index, Tensor):
            return orthonormalise_on_device(self._whole[2])
        coordinates, _, how = orthonormalise(self._whole[2])
        return coordinates, how

    @property
    def coordinates(self) -> Tensor:
        """Y, (m, K′)."""
        return self.orthonormalised[0]

    @property
    def affinity(self) -> Tensor:
        """W within the batch, (m, m): from the graph, or of the codes themselves."""
        if self.pairs is not None:
            return self.pairs.among(self.index, self.mean.device)
        return affinity_of(self.mean, self.config)

    @property
    def targets(self) -> Tensor:
        """The clusters of confident samples, −1 for the others, (m,)."""
        assert self.pairs is not None
        assert self.pairs.targets is not None
        return torch.as_tensor(self.pairs.targets[self.index], device=self.mean.device)

    @property
    def noisy_logits(self) -> Tensor:
        """The logits of noisy codes, (m, K): no few dimensions of a code may decide alone."""
        return self._perturbed_logits(self.mean)

    @cached_property
    def noisy_assignment(self) -> Tensor:
        """p(y|ψ(z)) of the samples themselves, (count, K)."""
        (logits,) = self.share.whole(self.nets.spectral(self.noisy)[1])
        return logits.softmax(1)

    @cached_property
    def _copies(self) -> list[Tensor]:
        """μ and the logits of a random copy of each image, (count, d) and (count, K)."""
        if self.config.noisy_agreement:
            self.noisy_assignment  # noqa: B018 - first: gradients are summed in the order of the forward passes
        mean = self.nets.encoder(copy_images(self.samples, self.config, self.share)).mean
        return self.share.whole(mean, self.nets.spectral(mean)[1])

    @property
    def copy_mean(self) -> Tensor:
        """μ of the copies, (count, d)."""
        return self._copies[0]

    @property
    def copy_assignment(self) -> Tensor:
        """p(y|z′) of the copies, (count, K)."""
        return self._copies[1].softmax(1)

    @property
    def noisy_copy_logits(self) -> Tensor | None:
        """The logits of noisy codes of the copies, (count, K); None where they take no part in self-training."""
        if not (self.config.augmented_target and self.has(COPIES)):
            return None
        return self._perturbed_logits(self.copy_mean)

    def _perturbed_logits(self, mean: Tensor) -> Tensor:
        """(m, d) → (m, K)."""
        return self.nets.spectral(transform_noise(mean, self.noise_level))[1]


def joined(first: Index, second: Index) -> Index:
    """Two sets of positions, one behind the other. (m,), (k,) → (m + k,)."""
    if isinstance(first, Tensor):
        return torch.cat([first, second])  # type: ignore[list-item]  # both are of one kind
    return np.concatenate([first, second])


def whole_rows(share: Share, *parts: Tensor) -> list[Tensor]:
    """The rows of all processes, of parts in which those of the samples' neighbours may stand below their own."""
    if share.size == 1:
        return list(parts)
    own = share.rows.stop - share.rows.start
    pieces = [part.split(own) for part in parts]
    whole = iter(share.whole(*itertools.chain(*pieces)))
    return [torch.cat([next(whole) for _ in piece]) for piece in pieces]

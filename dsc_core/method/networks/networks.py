"""All networks of one run together, and the terms that stage 1 asks of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsc_core.config import Config
from dsc_core.method import objective
from dsc_core.method.networks.autoencoder import Code, Decoder, Encoder, Vectors, transform_noise
from dsc_core.method.networks.discriminators import (
    GlobalDiscriminator,
    LocalDiscriminator,
    map_size,
    other_codes,
)
from dsc_core.method.networks.sizes import check_encoder, feature_shape
from dsc_core.method.networks.spectral import SpectralNetwork
from dsc_core.method.share import Share


class Networks(nn.Module):
    """Encoder, decoder(s), discriminators, spectral network and cluster centres for samples of one shape.

    Where the config's encoder is "none", the vectors are their own codes: no decoder, no discriminators, and
    latent dimensions as many as the rows have numbers. InputError for images then.
    """

    def __init__(self, shape: tuple[int, ...], config: Config):
        super().__init__()
        check_encoder(shape, config.encoder)
        self.shape, self.config = tuple(shape), config
        dims = config.latent_dims if config.encoder == "network" else shape[0]
        self.noisy_decoder = None
        if config.encoder == "network":
            self._make_autoencoder(dims)
        else:
            self.encoder, self.decoder = Vectors(), nn.Identity()
        softmax = config.orthonormalise == "softmax"
        spectral_dims = config.clusters if softmax else spectral_dimensions(config)
        self.spectral = SpectralNetwork(dims, spectral_dims, config.clusters, config.spectral_width, softmax)
        self.centres = nn.Parameter(torch.zeros(config.clusters, dims))
        # Expected cluster sizes, equal until a readout of the whole graph says otherwise.
        self.register_buffer("shares", torch.full((config.clusters,), 1 / config.clusters))

    def _make_autoencoder(self, dims: int) -> None:
        shape, config = self.shape, self.config
        self.encoder = Encoder(shape, dims, config.batch_norm)
        self.decoder = Decoder(shape, dims, config.batch_norm)
        if config.decoders == "separate":
            self.noisy_decoder = Decoder(shape, dims, config.batch_norm)
        map_shape = feature_shape(shape)
        source = map_size(map_shape) if config.mi_input == "image" else dims
        self.global_discriminator = GlobalDiscriminator(source, dims)
        self.local_discriminator = LocalDiscriminator(map_shape, dims)
        if not config.train_discriminator:
            self.global_discriminator.requires_grad_(False)
            self.local_discriminator.requires_grad_(False)

    def stage_one(self) -> list[nn.Parameter]:
        """The parameters that the dual autoencoder's own stage trains; without an encoder the centres, idle."""
        own = [p for name, p in self.named_parameters() if not name.startswith(("spectral", "centres"))]
        return own or [self.centres]

    def decode(self, clean: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """The two decodings, (m, …) each; a single pass over the stacked codes where the decoder is shared."""
        if self.noisy_decoder is not None:
            return self.decoder(clean), self.noisy_decoder(noisy)
        return self.decoder(torch.cat([clean, noisy])).split(len(clean))

    def noisy_code(self, code: Code, latent: Tensor, level: float, noise: Tensor | None = None) -> Tensor:
        """ẑ: ψ(z), or after the released code the encoder's own sample. (m, d). noise: ε, (m, d), as there."""
        sampling = self.config.noise == "sampling" and self.config.encoder == "network"
        return code.sample(noise) if sampling else transform_noise(latent, level, noise)


def spectral_dimensions(config: Config) -> int:
    """K': as set, or K where k-means on Y gives the labels (paper), else 2·K."""
    return config.spectral_dims or (config.clusters if config.readout == "kmeans" else 2 * config.clusters)


def autoencoder_terms(
    nets: Networks, samples: Tensor, config: Config, share: Share | None = None, code: Code | None = None
) -> tuple[Code, Tensor, dict[str, Tensor]]:
    """The terms of L_AE for a batch, unweighted: reconstruction, relative, global_mi, local_mi. → code, ẑ, terms.

    samples: (m, C, H, W) or (m, F). A mutual information whose weight is zero is not computed; without an encoder
    there is nothing to train here, and no terms. share: of which batch the samples are the rows, if they are not
    the whole; the terms are means over those rows alone. code: what the encoder says of them, where it is known.
    """
    share = share or Share(len(samples))
    code = nets.encoder(samples) if code is None else code

    def noise() -> Tensor:
        return share.mine(code.mean.new_empty(share.count, code.mean.shape[1]).normal_())

    if config.encoder == "none":
        return code, nets.noisy_code(code, code.mean, config.noise_level, noise()), {}
    sampling = config.noise == "sampling"
    latent = code.mean if sampling else code.sample(noise())
    noisy = nets.noisy_code(code, latent, config.noise_level, noise())
    clean_image, noisy_image = nets.decode(latent, noisy)
    terms = {
        # The released code reconstructs from the noisy decoding, the paper from the clean one.
        "reconstruction": objective.reconstruction(samples, noisy_image if sampling else clean_image),
        "relative": objective.relative_reconstruction(clean_image, noisy_image),
    }
    codes = [latent, other_codes(latent, share)]
    if config.global_mi:
        source = code.features.flatten(1) if config.mi_input == "image" else latent
        terms["global_mi"] = objective.mutual_information(*nets.global_discriminator(source, codes))
    if config.local_mi:
        terms["local_mi"] = objective.mutual_information(*nets.local_discriminator(code.features, codes))
    return code, noisy, terms

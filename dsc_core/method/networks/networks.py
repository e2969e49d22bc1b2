"""All networks of one run together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsc_core.config import Config
from dsc_core.method.networks.autoencoder import Code, Decoder, Encoder, Vectors, transform_noise
from dsc_core.method.networks.discriminators import GlobalDiscriminator, LocalDiscriminator, map_size
from dsc_core.method.networks.sizes import check_encoder, feature_shape
from dsc_core.method.networks.spectral import SpectralNetwork


class Networks(nn.Module):
    """Encoder, decoder(s), discriminators, spectral network and cluster centres for samples of one shape.

    With the encoder "none", the vectors are their own codes: there are no decoder and no discriminators, and as many
    latent dimensions as numbers in a row. InputError for images then.
    """

    def __init__(self, shape: tuple[int, ...], config: Config):
        super().__init__()
        check_encoder(shape, config.encoder)
        self.shape, self.config = tuple(shape), config
        dims = config.latent_dims if config.encoder == "network" else shape[0]
        self.noisy_decoder: Decoder | None = None
        self.encoder: Encoder | Vectors
        self.decoder: Decoder | nn.Identity
        self.shares: Tensor
        if config.encoder == "network":
            self._make_autoencoder(dims)
        else:
            self.encoder, self.decoder = Vectors(), nn.Identity()
        softmax = config.orthonormalise == "softmax"
        spectral_dims = config.clusters if softmax else spectral_dimensions(config)
        self.spectral = SpectralNetwork(dims, spectral_dims, config.clusters, config.spectral_width, softmax)
        self.centres = nn.Parameter(torch.zeros(config.clusters, dims))
        # Expected cluster sizes, equal until a cut of the whole graph says otherwise.
        self.register_buffer("shares", torch.full((config.clusters,), 1 / config.clusters))

    def _make_autoencoder(self, dims: int) -> None:
        """Encoder, decoders and discriminators for codes of `dims` dimensions."""
        shape, config = self.shape, self.config
        self.encoder = Encoder(shape, dims, config.batch_norm, config.stem)
        self.decoder = Decoder(shape, dims, config.batch_norm, config.stem)
        if config.decoders == "separate":
            self.noisy_decoder = Decoder(shape, dims, config.batch_norm, config.stem)
        map_shape = feature_shape(shape, config.stem)
        source = map_size(map_shape) if config.mi_input == "image" else dims
        self.global_discriminator = GlobalDiscriminator(source, dims)
        self.local_discriminator = LocalDiscriminator(map_shape, dims)
        if not config.train_discriminator:
            self.global_discriminator.requires_grad_(False)
            self.local_discriminator.requires_grad_(False)

    def decoders(self) -> list[Decoder]:
        """The decoders: none, one for both codes, or one for each."""
        return [each for each in (self.decoder, self.noisy_decoder) if isinstance(each, Decoder)]

    def stage_one(self) -> list[nn.Parameter]:
        """The parameters that stage 1 trains; without an encoder the centres, which it leaves as they are."""
        own = [p for name, p in self.named_parameters() if not name.startswith(("spectral", "centres"))]
        return own or [self.centres]

    def decode(self, clean: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Both decodings, (m, …) each; a shared decoder decodes the stacked codes in one pass."""
        if self.noisy_decoder is not None:
            return self.decoder(clean), self.noisy_decoder(noisy)
        return self.decoder(torch.cat([clean, noisy])).split(len(clean))

    def noisy_code(
        self, code: Code, latent: Tensor, level: float | Tensor, noise: Tensor | None = None
    ) -> Tensor:
        """ψ(z), or in the released code a sample of the encoder's distribution, (m, d). noise: ε, (m, d)."""
        sampling = self.config.noise == "sampling" and self.config.encoder == "network"
        return code.sample(noise) if sampling else transform_noise(latent, level, noise)


def spectral_dimensions(config: Config) -> int:
    """K′: the setting, or where it is 0, K if k-means on Y gives the labels (paper), else 2·K."""
    return config.spectral_dims or (config.clusters if config.readout == "kmeans" else 2 * config.clusters)

"""The dual autoencoder: an encoder with two heads, the noise transformer, and a decoder for both codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsc_core.method.networks.sizes import HIDDEN, feature_shape, layers


@dataclass(frozen=True)
class Code:
    """The encoder's output for a batch. features: C(x), (m, c, h, w). mean, log_variance: (m, d)."""

    features: Tensor
    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor | None = None) -> Tensor:
        """Z = μ + σ⊙ε, (m, d). noise: ε, of z's shape; drawn now if None."""
        noise = torch.randn_like(self.mean) if noise is None else noise
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def first(self, count: int) -> Code:
        """The code of the first `count` samples."""
        return Code(self.features[:count], self.mean[:count], self.log_variance[:count])


def transform_noise(latent: Tensor, level: float | Tensor, noise: Tensor | None = None) -> Tensor:
    """The noise transformer ψ(z) = z ⊙ (1 + s·ε), ε ~ N(0, I). Shapes (m, d) → (m, d).

    level: s, a number or a tensor (). noise: ε, of a shape that broadcasts to z's; drawn now if None.
    """
    return latent * (1 + level * (torch.randn_like(latent) if noise is None else noise))


def _norm(kind: type[nn.Module], width: int, on: bool) -> nn.Module:
    return kind(width) if on else nn.Identity()


class Encoder(nn.Module):
    """x → C(x), μ, log σ²: four or, for large images, more 3×3 convolutions; for tables three dense layers."""

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool):
        super().__init__()
        self.map_shape = feature_shape(shape)
        body: list[nn.Module] = []
        if len(shape) == 1:
            for before, after in ((shape[0], HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN)):
                body += [
                    nn.Linear(before, after),
                    _norm(nn.BatchNorm1d, after, batch_norm),
                    nn.LeakyReLU(0.2),
                ]
        else:
            channels = shape[0]
            for layer in layers(shape):
                body += [
                    nn.Conv2d(channels, layer.width, 3, layer.stride, padding=1),
                    _norm(nn.BatchNorm2d, layer.width, batch_norm),
                    nn.LeakyReLU(0.2),
                ]
                channels = layer.width
        self.body = nn.Sequential(*body)
        self.mean = nn.Linear(math.prod(self.map_shape), latent_dims)
        self.log_variance = nn.Linear(math.prod(self.map_shape), latent_dims)

    def forward(self, samples: Tensor) -> Code:
        """(m, C, H, W) or (m, F) → Code."""
        features = self.body(samples).reshape(samples.shape[0], *self.map_shape)
        flat = features.flatten(1)
        # A bounded log σ² keeps exp() finite whatever the learning rate does.
        return Code(features, self.mean(flat), self.log_variance(flat).clamp(-12, 12))


class Vectors(nn.Module):
    """No encoder, for vectors such as embeddings of a pretrained model: x → μ = x, with σ = 0."""

    def forward(self, samples: Tensor) -> Code:
        """(m, F) → Code; its feature map has no cells and its log σ² is that of no noise at all."""
        return Code(samples[:, :0, None, None], samples, torch.full_like(samples, -torch.inf))


class Decoder(nn.Module):
    """z → x̂ of exactly the samples' shape, the mirror of the encoder. Images end in a sigmoid.

    Images are upsampled by nearest neighbours between convolutions and by a last pixel shuffle, which on a CPU train
    faster than transposed convolutions and leave no checkerboard.
    """

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool):
        super().__init__()
        self.shape = tuple(shape)
        self.map_shape = feature_shape(shape)
        self.first = nn.Sequential(nn.Linear(latent_dims, math.prod(self.map_shape)), nn.ReLU())
        # Of each layer but the last, the size that its output is upsampled to; None where nothing was halved.
        self.sizes: tuple[tuple[int, int] | None, ...] = ()
        self.grow = 1
        widths: tuple[int, ...]
        made: list[nn.Module]
        if len(shape) == 1:
            widths = (HIDDEN, HIDDEN, HIDDEN, shape[0])
            made = [nn.Linear(a, b) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm1d, width, batch_norm) for width in widths[1:-1]]
        else:
            undone = layers(shape)[::-1]
            self.grow = undone[-1].stride[0]
            self.sizes = tuple(layer.before if layer.halves else None for layer in undone[:-1])
            widths = (*(layer.width for layer in undone), shape[0] * self.grow**2)
            made = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm2d, width, batch_norm) for width in widths[1:-1]]
        self.layers, self.norms = nn.ModuleList(made), nn.ModuleList(norms)

    def forward(self, latent: Tensor) -> Tensor:
        """(m, d) → (m, C, H, W) or (m, F)."""
        hidden = self.first(latent)
        if self.sizes:
            hidden = hidden.reshape(-1, *self.map_shape)
        for index, norm in enumerate(self.norms):
            hidden = torch.relu(norm(self.layers[index](hidden)))
            if self.sizes and self.sizes[index]:
                hidden = functional.interpolate(hidden, size=self.sizes[index])
        hidden = self.layers[-1](hidden)
        if not self.sizes:
            return hidden
        # A shuffle returns even sizes only; the crop makes odd ones exact.
        hidden = functional.pixel_shuffle(hidden, self.grow)[:, :, : self.shape[1], : self.shape[2]]
        return torch.sigmoid(hidden)

"""The dual autoencoder: an encoder with two heads, the noise transformer, and a decoder for both codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 32, 64, 64)
HIDDEN = 512  # width of a table's layers
GROUPS = 8  # handful of groups into which a table's last hidden layer is cut, its "feature map"
SMALL = 16  # below this many pixels a side only one layer halves the image, so that a map is left to look at


@dataclass(frozen=True)
class Code:
    """What the encoder says of a batch. features: C(x), (m, c, h, w). mean, log_variance: (m, d)."""

    features: Tensor
    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """z = μ + σ⊙ε, (m, d)."""
        return self.mean + (0.5 * self.log_variance).exp() * torch.randn_like(self.mean)


def transform_noise(latent: Tensor, level: float, noise: Tensor | None = None) -> Tensor:
    """The noise transformer ψ(z) = z ⊙ (1 + s·ε), ε ~ N(0, I). Shapes (m, d) → (m, d).

    noise: ε, of a shape that z's can be spread to; drawn anew if None.
    """
    return latent * (1 + level * (torch.randn_like(latent) if noise is None else noise))


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of the four convolutions for images of shape (C, H, W)."""
    return (1, 1, 2, 1) if min(shape[1:]) < SMALL else (2, 1, 2, 1)


def sizes(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """(H, W) before the first convolution and after each of the four."""
    found = [tuple(shape[1:])]
    for stride in strides(shape):
        height, width = found[-1]
        found.append((math.ceil(height / stride), math.ceil(width / stride)))
    return found


def feature_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(c, h, w) of the feature map C(x) for samples of `shape`: (C, H, W) images or (F,) table rows."""
    if len(shape) == 1:
        return (HIDDEN // GROUPS, GROUPS, 1)
    return (WIDTHS[-1], *sizes(shape)[-1])


def _norm(kind, width: int, on: bool) -> nn.Module:
    return kind(width) if on else nn.Identity()


class Encoder(nn.Module):
    """x → C(x), μ, log σ². Four 3×3 convolutions with LeakyReLU 0.2; for tables three dense layers."""

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool):
        super().__init__()
        self.map_shape = feature_shape(shape)
        layers: list[nn.Module] = []
        if len(shape) == 1:
            for before, after in ((shape[0], HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN)):
                layers += [
                    nn.Linear(before, after),
                    _norm(nn.BatchNorm1d, after, batch_norm),
                    nn.LeakyReLU(0.2),
                ]
        else:
            channels = (shape[0], *WIDTHS)
            for before, after, stride in zip(channels, WIDTHS, strides(shape), strict=False):
                layers += [
                    nn.Conv2d(before, after, 3, stride, padding=1),
                    _norm(nn.BatchNorm2d, after, batch_norm),
                    nn.LeakyReLU(0.2),
                ]
        self.body = nn.Sequential(*layers)
        self.mean = nn.Linear(math.prod(self.map_shape), latent_dims)
        self.log_variance = nn.Linear(math.prod(self.map_shape), latent_dims)

    def forward(self, samples: Tensor) -> Code:
        """(m, C, H, W) or (m, F) → Code."""
        features = self.body(samples).reshape(samples.shape[0], *self.map_shape)
        flat = features.flatten(1)
        # A bounded log σ² keeps exp() finite whatever the learning rate does.
        return Code(features, self.mean(flat), self.log_variance(flat).clamp(-12, 12))


class Decoder(nn.Module):
    """z → x̂ of exactly the samples' shape: the encoder's mirror. Images leave through a sigmoid.

    Images grow by nearest-neighbour copies and a last pixel shuffle between plain convolutions, which on a
    CPU train faster than transposed ones and leave no checkerboard.
    """

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool):
        super().__init__()
        self.shape = tuple(shape)
        self.map_shape = feature_shape(shape)
        self.first = nn.Sequential(nn.Linear(latent_dims, math.prod(self.map_shape)), nn.ReLU())
        if len(shape) == 1:
            widths, self.grow, self.middle = (HIDDEN, HIDDEN, HIDDEN, shape[0]), 1, None
            layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm1d, width, batch_norm) for width in widths[1:-1]]
        else:
            self.grow, self.middle = strides(shape)[0], sizes(shape)[2]
            widths = (WIDTHS[3], WIDTHS[2], WIDTHS[1], WIDTHS[0], shape[0] * self.grow**2)
            layers = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm2d, width, batch_norm) for width in widths[1:-1]]
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)

    def forward(self, latent: Tensor) -> Tensor:
        """(m, d) → (m, C, H, W) or (m, F)."""
        hidden = self.first(latent)
        if self.middle:
            hidden = hidden.reshape(-1, *self.map_shape)
        for index, norm in enumerate(self.norms):
            if self.middle and index == 2:  # the encoder's second halving, undone
                hidden = functional.interpolate(hidden, size=self.middle)
            hidden = torch.relu(norm(self.layers[index](hidden)))
        hidden = self.layers[-1](hidden)
        if not self.middle:
            return hidden
        # A shuffle returns even sizes only; the crop makes odd ones exact.
        hidden = functional.pixel_shuffle(hidden, self.grow)[:, :, : self.shape[1], : self.shape[2]]
        return torch.sigmoid(hidden)

"""The dual autoencoder: an encoder with two heads, the noise transformer, and a decoder for both codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsc_core.method.networks.sizes import HIDDEN, STEMS, feature_shape, layers
from dsc_core.method.products import Linear, linear

DARKEST = 0.01  # the mean value nearest to 0 or 1 that a decoder starts with


@dataclass(frozen=True)
class Code:
    """The encoder's output for a batch. features: C(x), (m, c, h, w); flat: its rows, (m, c·h·w). Others: (m, d)."""

    features: Tensor
    flat: Tensor
    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor | None = None) -> Tensor:
        """Z = μ + σ⊙ε, (m, d). noise: ε, of z's shape; drawn now if None."""
        noise = torch.randn_like(self.mean) if noise is None else noise
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def first(self, count: int) -> Code:
        """The code of the first `count` samples."""
        parts = (self.features, self.flat, self.mean, self.log_variance)
        return Code(*(part[:count] for part in parts))


def transform_noise(latent: Tensor, level: float | Tensor, noise: Tensor | None = None) -> Tensor:
    """The noise transformer ψ(z) = z ⊙ (1 + s·ε), ε ~ N(0, I). Shapes (m, d) → (m, d).

    level: s, a number or a tensor (). noise: ε, of a shape that broadcasts to z's; drawn now if None.
    """
    return latent * (1 + level * (torch.randn_like(latent) if noise is None else noise))


def _norm(kind: type[nn.Module], width: int, on: bool) -> nn.Module:
    return kind(width) if on else nn.Identity()


class Encoder(nn.Module):
    """x → C(x), μ, log σ²: four or, for large images, more convolutions; for tables three dense layers."""

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool, stem: str = STEMS[0]):
        super().__init__()
        self.map_shape = feature_shape(shape, stem)
        body: list[nn.Module] = []
        if len(shape) == 1:
            for before, after in ((shape[0], HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN)):
                body += [
                    Linear(before, after),
                    _norm(nn.BatchNorm1d, after, batch_norm),
                    nn.LeakyReLU(0.2, inplace=True),
                ]
        else:
            channels = shape[0]
            for layer in layers(shape, stem):
                body += [
                    nn.Conv2d(channels, layer.width, layer.kernel, layer.stride, layer.kernel // 2),
                    _norm(nn.BatchNorm2d, layer.width, batch_norm),
                    nn.LeakyReLU(0.2, inplace=True),
                ]
                channels = layer.width
        self.body = nn.Sequential(*body)
        self.mean = nn.Linear(math.prod(self.map_shape), latent_dims)
        self.log_variance = nn.Linear(math.prod(self.map_shape), latent_dims)

    def forward(self, samples: Tensor) -> Code:
        """(m, C, H, W) or (m, F) → Code."""
        features = self.body(samples).reshape(samples.shape[0], *self.map_shape)
        flat = features.flatten(
            1
        )  # once for all who read it: images lie in memory cell by cell, so this copies
        heads = (self.mean, self.log_variance)
        weights, biases = torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads])
        mean, log_variance = linear(flat, weights, biases).chunk(2, 1)
        # A bounded log σ² keeps exp() finite whatever the learning rate does.
        return Code(features, flat, mean, log_variance.clamp(-12, 12))


class Vectors(nn.Module):
    """No encoder, for vectors such as embeddings of a pretrained model: x → μ = x, with σ = 0."""

    def forward(self, samples: Tensor) -> Code:
        """(m, F) → Code; its feature map has no cells and its log σ² is that of no noise at all."""
        nothing = samples[:, :0]
        return Code(nothing[..., None, None], nothing, samples, torch.full_like(samples, -torch.inf))


class Decoder(nn.Module):
    """z → x̂ of exactly the samples' shape, the mirror of the encoder. Images end in a sigmoid.

    Images are upsampled by nearest neighbours between convolutions and by a last pixel shuffle, which on a CPU train
    faster than transposed convolutions and leave no checkerboard.
    """

    def __init__(self, shape: tuple[int, ...], latent_dims: int, batch_norm: bool, stem: str = STEMS[0]):
        super().__init__()
        self.shape = tuple(shape)
        self.map_shape = feature_shape(shape, stem)
        self.first = nn.Sequential(Linear(latent_dims, math.prod(self.map_shape)), nn.ReLU(inplace=True))
        # Of each layer but the last, the size that its output is upsampled to; None where nothing was shrunk.
        self.sizes: tuple[tuple[int, int] | None, ...] = ()
        self.grow = 1
        widths: tuple[int, ...]
        made: list[nn.Module]
        if len(shape) == 1:
            widths = (HIDDEN, HIDDEN, HIDDEN, shape[0])
            made = [Linear(a, b) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm1d, width, batch_norm) for width in widths[1:-1]]
        else:
            undone = layers(shape, stem)[::-1]
            self.grow = undone[-1].stride[0]
            self.sizes = tuple(layer.before if layer.shrinks else None for layer in undone[:-1])
            widths = (*(layer.width for layer in undone), shape[0] * self.grow**2)
            made = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
            norms = [_norm(nn.BatchNorm2d, width, batch_norm) for width in widths[1:-1]]
        self.layers, self.norms = nn.ModuleList(made), nn.ModuleList(norms)

    def forward(self, latent: Tensor) -> Tensor:
        """(m, d) → (m, C, H, W) or (m, F)."""
        if not self.sizes:
            return self._rows(self.first(latent))
        hidden, size = self._first_map(latent), None
        for index, norm in enumerate(self.norms):
            hidden = norm(convolve_upsampled(hidden, size, self.layers[index])).relu_()
            size = self.sizes[index]
        hidden = convolve_upsampled(hidden, size, self.layers[-1])
        # A shuffle returns even sizes only; the crop makes odd ones exact.
        hidden = functional.pixel_shuffle(hidden, self.grow)[:, :, : self.shape[1], : self.shape[2]]
        return torch.sigmoid(hidden)

    @torch.no_grad()
    def start_at(self, means: Tensor) -> None:
        """Set the last biases so that images begin near their mean value: logit of the mean of each channel, (C,).

        At 0 they begin with grey ones. Where most pixels are black, the first large steps then drive the sigmoid into
        saturation, and without batch normalisation it stays there: every decoding is black, whatever the code is.
        Rows of tables, standardised and without a sigmoid, begin at their mean anyway.
        """
        if self.sizes:
            biases = torch.logit(means.clamp(DARKEST, 1 - DARKEST))
            last = self.layers[-1].bias
            assert isinstance(last, Tensor)
            last.copy_(biases.repeat_interleave(self.grow**2))  # the shuffle's order

    def _rows(self, hidden: Tensor) -> Tensor:
        """The layers of a table. (m, HIDDEN) → (m, F)."""
        for layer, norm in zip(self.layers, self.norms, strict=False):
            hidden = norm(layer(hidden)).relu_()
        return self.layers[-1](hidden)

    def _first_map(self, latent: Tensor) -> Tensor:
        """The first layer's output as a feature map whose cells lie together in memory. (m, d) → (m, c, h, w)."""
        channels, height, width = self.map_shape
        layer = self.first[0]
        assert isinstance(layer, nn.Linear)
        weight = layer.weight.view(channels, height * width, -1).transpose(0, 1).flatten(0, 1)
        bias = layer.bias.view(channels, -1).t().flatten()
        cells = linear(latent, weight, bias).relu_()
        return cells.view(-1, height, width, channels).permute(0, 3, 1, 2)


def convolve_upsampled(images: Tensor, size: tuple[int, int] | None, layer: nn.Module) -> Tensor:
    """A 3×3 convolution of images upsampled to `size` by nearest neighbours. (m, c, h, w) → (m, c′, *size).

    Where both sides are doubled, each pixel of the result sees four cells only: a transposed convolution with the 3×3
    kernel summed over the cell that it falls on does the same with 4/9 of the multiplications. size: None leaves the
    images as they are.
    """
    assert isinstance(layer, nn.Conv2d)
    if size is None:
        return layer(images)
    doubled = size == (2 * images.shape[2], 2 * images.shape[3])
    if not doubled or images.device.type != "cpu":
        return layer(functional.interpolate(images, size=size))
    turned = layer.weight.flip(2, 3)
    kernel = functional.avg_pool2d(turned, 2, 1, padding=1, divisor_override=1)  # sums of 2×2: 4×4
    return functional.conv_transpose2d(images, kernel.transpose(0, 1), layer.bias, 2, 1)

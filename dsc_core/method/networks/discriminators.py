"""The two discriminators T whose scores bound the mutual information between image and code."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dsc_core.method.products import Linear, linear


class GlobalDiscriminator(nn.Module):
    """T(x, z): scores the flattened feature map, or in the released code the latent code, with a latent code."""

    def __init__(self, source_size: int, latent_dims: int, hidden: int = 256):
        super().__init__()
        # [a, b]·W is a·W_a + b·W_b, so the costly source half is computed once for both pairs.
        self.from_source = Linear(source_size, hidden)
        self.from_code = Linear(latent_dims, hidden, bias=False)
        self.score = nn.Sequential(
            nn.ReLU(inplace=True), Linear(hidden, hidden), nn.ReLU(inplace=True), Linear(hidden, 1)
        )
        _start_undecided(self.score)

    def forward(self, source: Tensor, codes: list[Tensor]) -> list[Tensor]:
        """(m, source_size) and codes of shape (m, d) each → a score (m, 1) for each code."""
        shared, own = self.from_source(source), self.from_code(torch.cat(codes))
        scores = self.score((shared + own.view(len(codes), *shared.shape)).flatten(0, 1))
        return list(scores.chunk(len(codes)))


class LocalDiscriminator(nn.Module):
    """T of each cell of C(x) with the latent code, by 1×1 convolutions."""

    def __init__(self, map_shape: tuple[int, int, int], latent_dims: int, hidden: int = 64):
        super().__init__()
        self.from_map = nn.Conv2d(map_shape[0], hidden, 1)
        self.from_code = Linear(latent_dims, hidden, bias=False)
        self.score = nn.Sequential(
            nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 1, 1)
        )
        _start_undecided(self.score)

    def forward(self, features: Tensor, codes: list[Tensor]) -> list[Tensor]:
        """(m, c, h, w) and codes of shape (m, d) each → scores (m, 1, h, w) for each code."""
        count, channels, height, width = features.shape
        # A 1×1 convolution is a product of the cells' rows, and as such twice as fast; z is not copied to the cells.
        shared = _by_cells(features.permute(0, 2, 3, 1).reshape(-1, channels), self.from_map)
        own = self.from_code(torch.cat(codes)).view(len(codes), count, 1, -1)
        hidden = (shared.view(count, height * width, -1) + own).relu_().flatten(0, 2)
        hidden = _by_cells(hidden, self.score[1]).relu_()
        return list(_by_cells(hidden, self.score[3]).view(-1, 1, height, width).chunk(len(codes)))


def _by_cells(cells: Tensor, layer: nn.Module) -> Tensor:
    """A 1×1 convolution of cells given as rows. (m, c) → (m, c′)."""
    assert isinstance(layer, nn.Conv2d)
    return linear(cells, layer.weight.flatten(1), layer.bias)


def _start_undecided(score: nn.Sequential) -> None:
    """Scores start at 0, so that the bound starts at exactly 2·ln 2 and any gain is the discriminator's."""
    last = score[-1]
    assert isinstance(last, nn.Linear | nn.Conv2d)
    assert last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)


def other_codes(latent: Tensor) -> Tensor:
    """The code of another sample of the batch, for each sample: never its own. (m, d) → (m, d)."""
    return torch.roll(latent, 1, dims=0)


def map_size(map_shape: tuple[int, int, int]) -> int:
    """Numbers in a feature map of shape (c, h, w)."""
    return math.prod(map_shape)

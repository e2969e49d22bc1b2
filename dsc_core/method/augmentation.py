"""Small random copies of images: shifted, rotated and scaled, each by its own random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsc_core.config import Config
from dsc_core.method.transforms import Transform, further

MOVES = 4  # random numbers of a rotation, a change of size and a shift along both axes


def makes_copies(config: Config, samples: np.ndarray | Tensor) -> bool:
    """Whether training makes random copies: of images, (n, C, H, W), where their agreement has a weight."""
    return bool(config.augmented_agreement) and len(samples.shape) == 4


def draws(config: Config, channels: int) -> int:
    """How many random numbers a copy of an image with so many channels takes."""
    return MOVES + len(further(config, channels))


def copy_of(images: Tensor, config: Config, draw: Tensor) -> Tensor:
    """A random copy of each image, as the settings allow. draw: (m, `draws`) from 0 to 1. (m, C, H, W) → same."""
    moved = random_copy(images, config.shift, config.rotation, config.scaling, draw[:, :MOVES])
    return transformed(moved, further(config, images.shape[1]), draw[:, MOVES:])


def transformed(images: Tensor, transforms: Sequence[Transform], draw: Tensor) -> Tensor:
    """Each transform by its column of draw (m, transforms), one after the other. (m, C, H, W) → same."""
    for column, transform in enumerate(transforms):
        images = transform.apply(images, draw[:, column].to(images))
    return images


def random_copy(
    images: Tensor, shift: float, rotation: float, scaling: float, draw: Tensor | None = None
) -> Tensor:
    """Each image shifted by up to ±shift of its width, rotated by ±rotation degrees, scaled by 1 ± scaling.

    (m, C, H, W) → (m, C, H, W); beyond the border, its pixels are repeated. draw: (m, 4) from 0 to 1, the rotation,
    size and shift along both axes of each image within their bounds; drawn now if None.
    """
    draw = torch.rand(len(images), 4, device=images.device) if draw is None else draw
    draw = draw.to(images) * 2 - 1
    angle = draw[:, 0] * math.radians(rotation)
    size = 1 + draw[:, 1] * scaling
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    move = 2 * shift * draw[:, 2:]  # grid_sample counts from -1 to 1
    theta = torch.stack([torch.stack([cos, -sin, move[:, 0]], 1), torch.stack([sin, cos, move[:, 1]], 1)], 1)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    # Linear interpolation would blur images of few pixels, above all when shifted by half of one.
    return functional.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)

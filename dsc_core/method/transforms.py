"""Further transforms of random copies, which not every data set admits; `admission` measures which it does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsc_core.config import COLOURS, FURTHER, Config

ZOOM = 1.1  # both ways
FACTOR = 0.7  # of brightness and contrast, and its inverse
TURN = 30.0  # degrees of hue, both ways
GREYED = 0.2  # of the copies
LUMA = (0.299, 0.587, 0.114)  # the shares of red, green and blue in brightness


@dataclass(frozen=True)
class Transform:
    """One transform. apply(images, draw): (m, C, H, W), (m,) → (m, C, H, W), by random numbers from 0 to 1.

    extremes: the random numbers that change an image most. passive, active: "mirrored images lie among the data",
    "Random copies are also mirrored".
    """

    name: str
    apply: Callable[[Tensor, Tensor], Tensor]
    extremes: tuple[float, ...]
    passive: str
    active: str
    colour: bool = False


def either_way(limit: float, draw: Tensor) -> Tensor:
    """Factors from 1/limit to limit, as often above 1 as below. (m,) → (m, 1, 1, 1)."""
    return torch.exp(math.log(limit) * (2 * draw - 1)).view(-1, 1, 1, 1)


def mirror(images: Tensor, draw: Tensor) -> Tensor:
    """Every other image mirrored left to right."""
    return torch.where((draw < 0.5).view(-1, 1, 1, 1), images.flip(-1), images)


def zoom(images: Tensor, draw: Tensor) -> Tensor:
    """Enlarged or made smaller by a factor up to ZOOM; beyond the border its pixels are repeated."""
    inverse = 1 / either_way(ZOOM, draw).view(-1, 1, 1)
    theta = inverse * torch.eye(2, 3, device=images.device, dtype=images.dtype)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)


def brightness(images: Tensor, draw: Tensor) -> Tensor:
    """Darker by a factor down to FACTOR, or brighter by its inverse; beyond white there is nothing."""
    return (images * either_way(FACTOR, draw)).clamp(0, 1)


def contrast(images: Tensor, draw: Tensor) -> Tensor:
    """Values nearer to the mean of the image by a factor down to FACTOR, or farther by its inverse."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return (mean + (images - mean) * either_way(FACTOR, draw)).clamp(0, 1)


def hue(images: Tensor, draw: Tensor) -> Tensor:
    """Colours (m, 3, H, W) turned around the grey axis by up to TURN degrees either way."""
    angle = (2 * draw - 1) * math.radians(TURN)
    cos, sin = torch.cos(angle).view(-1, 1, 1, 1), torch.sin(angle).view(-1, 1, 1, 1)
    mean = images.mean(1, keepdim=True)
    across = (images.roll(1, 1) - images.roll(-1, 1)) / math.sqrt(3)  # the axis × the colour (Rodrigues)
    return (mean + (images - mean) * cos + across * sin).clamp(0, 1)


def grey(images: Tensor, draw: Tensor) -> Tensor:
    """A share GREYED of the images (m, 3, H, W) without colour."""
    red, green, blue = (share * images[:, place : place + 1] for place, share in enumerate(LUMA))
    return torch.where((draw < GREYED).view(-1, 1, 1, 1), red + green + blue, images)


TRANSFORMS: dict[str, Transform] = {
    each.name: each
    for each in (
        Transform("mirror", mirror, (0.0,), "mirrored images", "mirrored"),
        Transform("zoom", zoom, (0.0, 1.0), "zoomed images", "zoomed"),
        Transform(
            "brightness", brightness, (0.0, 1.0), "darker and brighter images", "made darker or brighter"
        ),
        Transform("contrast", contrast, (0.0, 1.0), "images of other contrast", "changed in contrast"),
        Transform("hue", hue, (0.0, 1.0), "images of other hue", "changed in hue", colour=True),
        Transform("grey", grey, (0.0,), "images without colour", "made grey", colour=True),
    )
}


def further(config: Config, channels: int) -> tuple[Transform, ...]:
    """The transforms that random copies of images with so many channels get: those that are `on`."""
    return tuple(
        TRANSFORMS[name] for name in FURTHER if getattr(config, name) == "on" and fits(name, channels)
    )


def fits(name: str, channels: int) -> bool:
    """Whether a transform can be made of images with so many channels."""
    return channels == COLOURS or not TRANSFORMS[name].colour


def before_and_after(images: np.ndarray, transform: Transform) -> np.ndarray:
    """Images (m, C, H, W), and below them the same at each extreme of a transform. ((1 + extremes) · m, C, H, W)."""
    before = torch.from_numpy(images)
    after = (transform.apply(before, torch.full((len(before),), extreme)) for extreme in transform.extremes)
    return torch.cat([before, *after]).numpy()

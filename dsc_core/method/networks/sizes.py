"""How the networks follow the samples' shape: which layers halve an image and how wide they are.

Numbers only, without PyTorch, so that a page can tell of a network before there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsc_core.errors import InputError

HIDDEN = 512  # width of a table's layers
GROUPS = 8  # handful of groups into which a table's last hidden layer is cut, its "feature map"
SMALL = 16  # below this many pixels a side only one layer halves the image, so that a map is left to look at
PLAIN = 64  # up to this many pixels a side the four layers of the released code serve
MAP = 8  # above that, sides are halved until the last feature map has at most so many cells a side


@dataclass(frozen=True)
class Layer:
    """One 3×3 convolution: its output channels, its stride, and the (H, W) that goes in and comes out."""

    width: int
    stride: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def halves(self) -> bool:
        """Whether it makes the image smaller."""
        return self.before != self.after


def layers(shape: tuple[int, int, int]) -> tuple[Layer, ...]:
    """The encoder's convolutions for images (C, H, W).

    Up to PLAIN pixels a side: 32, 32, 64, 64 channels, the first and the third with stride 2. Above: the first
    layers all halve, where pixels are many and a layer is dear, and halving goes on until the longer side is
    MAP or less; a side that is there already is kept.
    """
    height, width = shape[1:]
    longer = max(height, width)
    if longer <= PLAIN:
        first = 1 if min(height, width) < SMALL else 2
        plan = [(32, first), (32, 1), (64, 2), (64, 1)]
    else:
        plan = [(32, 2), (32, 2), (64, 2), (64, 1)]
        plan += [(128, 2)] * (math.ceil(math.log2(longer / MAP)) - 3)
    found, size = [], (height, width)
    for channels, stride in plan:
        # The first layer's halving is undone by a pixel shuffle, which knows one factor for both sides.
        both = longer <= PLAIN or not found
        strides = tuple(stride if both or side > MAP else 1 for side in size)
        after = tuple(math.ceil(side / step) for side, step in zip(size, strides, strict=True))
        found.append(Layer(channels, strides, size, after))
        size = after
    return tuple(found)


def feature_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(c, h, w) of the feature map C(x) for samples of `shape`: (C, H, W) images or (F,) table rows."""
    if len(shape) == 1:
        return (HIDDEN // GROUPS, GROUPS, 1)
    last = layers(shape)[-1]
    return (last.width, *last.after)


def check_encoder(shape: tuple[int, ...], encoder: str) -> None:
    """InputError where samples of `shape` cannot do without an encoder. encoder: the knob of that name."""
    if encoder == "none" and len(shape) != 1:
        size = "×".join(map(str, shape))
        raise InputError(
            f"encoder=none is for rows of numbers, such as embeddings, and these are images of {size}: set it to"
            " network."
        )


def in_words(shape: tuple[int, ...], encoder: str = "network") -> str:
    """What network samples of `shape` get, a sentence. encoder: the knob of that name."""
    if encoder == "none" and len(shape) == 1:
        return f"No encoder: the {shape[0]} numbers of a row are its code."
    if len(shape) == 1:
        return f"Encoder: 3 dense layers of {HIDDEN}; the decoder is its mirror."
    found = layers(shape)
    steps = [found[0].before, *(layer.after for layer in found if layer.halves)]
    path = " → ".join(f"{height}×{width}" for height, width in steps)
    return (
        f"Encoder: {len(found)} convolutions, {path}, at the end {found[-1].width} channels;"
        " the decoder is its mirror."
    )

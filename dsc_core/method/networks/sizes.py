"""How the networks follow the samples' shape: which layers shrink an image and how wide they are.

Numbers only, without PyTorch, so that a page can describe a network before it is built.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsc_core.errors import InputError

HIDDEN = 512  # width of a table's layers
GROUPS = 8  # groups into which a table's last hidden layer is divided, as its "feature map"
SMALL = 16  # pixels per side below which only one layer halves the image, so that a feature map remains
PLAIN = 64  # pixels per side up to which the four layers of the released code suffice
NARROW = 32  # pixels of the shorter side below which the first layer of a larger image does not quarter it
QUARTER = 4  # stride of the first layer of larger images
MAP = 8  # cells per side of the last feature map of larger images, at most

STEMS = ("quarter", "halve")  # the setting `stem`, the first one being the default
Shape = tuple[int, ...]  # (C, H, W) of an image, (F,) of a table row


@dataclass(frozen=True)
class Layer:
    """One convolution: its output channels, its stride, and the (H, W) of its input and output."""

    width: int
    stride: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def kernel(self) -> int:
        """The pixels per side that it sees: 3, or 7 where it quarters an image, so that none is passed over."""
        return 7 if self.stride[0] == QUARTER else 3

    @property
    def shrinks(self) -> bool:
        """Whether its output is smaller than its input."""
        return self.before != self.after


def layers(shape: Shape, stem: str = STEMS[0]) -> tuple[Layer, ...]:
    """The encoder's convolutions for images (C, H, W).

    Up to PLAIN pixels per side: 32, 32, 64, 64 channels, the first and the third with stride 2. Above, a layer of many
    pixels is expensive: the first one quarters the image, and halving continues until the longer side is MAP or less;
    a side that has reached it is kept. stem: "halve" is the form of earlier versions, whose first layers all halve;
    narrow images keep it.
    """
    height, width = shape[1:]
    longer = max(height, width)
    if longer <= PLAIN:
        first = 1 if min(height, width) < SMALL else 2
        plan = [(32, first), (32, 1), (64, 2), (64, 1)]
    elif stem == "halve" or min(height, width) < NARROW:
        plan = [(32, 2), (32, 2), (64, 2), (64, 1)]
        plan += [(128, 2)] * (math.ceil(math.log2(longer / MAP)) - 3)
    else:
        plan = [(32, QUARTER), (64, 2), (64, 1)]
        plan += [(128, 2)] * (math.ceil(math.log2(math.ceil(longer / QUARTER) / MAP)) - 1)
    made: list[Layer] = []
    size = height, width
    for channels, stride in plan:
        # The first layer's shrinking is undone by a pixel shuffle, which has one factor for both sides.
        both = longer <= PLAIN or not made
        down, right = (stride if both or side > MAP else 1 for side in size)
        after = math.ceil(size[0] / down), math.ceil(size[1] / right)
        made.append(Layer(channels, (down, right), size, after))
        size = after
    return tuple(made)


def feature_shape(shape: Shape, stem: str = STEMS[0]) -> tuple[int, int, int]:
    """(c, h, w) of the feature map C(x) for samples of `shape`: (C, H, W) images or (F,) table rows."""
    if len(shape) == 1:
        return (HIDDEN // GROUPS, GROUPS, 1)
    last = layers(shape, stem)[-1]
    return (last.width, *last.after)


def check_encoder(shape: Shape, encoder: str) -> None:
    """InputError where samples of `shape` need an encoder. encoder: the setting of that name."""
    if encoder == "none" and len(shape) != 1:
        size = "×".join(map(str, shape))
        raise InputError(
            f"The encoder 'none' is for rows of numbers, such as embeddings, and these are images of {size}: set"
            " encoder to network."
        )


def describe_network(shape: Shape, encoder: str = "network", stem: str = STEMS[0]) -> str:
    """The network for samples of `shape`, in a sentence. encoder, stem: the settings of these names."""
    if encoder == "none" and len(shape) == 1:
        return f"No encoder: the {shape[0]} numbers of a row are its latent code."
    if len(shape) == 1:
        return f"Encoder: 3 dense layers of width {HIDDEN}; the decoder mirrors it."
    convolutions = layers(shape, stem)
    steps = [convolutions[0].before, *(layer.after for layer in convolutions if layer.shrinks)]
    path = " → ".join(f"{height}×{width}" for height, width in steps)
    return (
        f"Encoder: {len(convolutions)} convolutions, {path}, {convolutions[-1].width} channels in the last;"
        " the decoder mirrors it."
    )

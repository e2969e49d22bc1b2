"""Which data have a second view: a graph of the images themselves, joined to that of their codes.

Without PyTorch: pages say before training what will be done.
"""

from __future__ import annotations

from dsc_core.config import KNOBS, Config

SMALLEST = 4  # pixels of a side, that the scattering transform needs
# Images up to which `auto` takes a second view: of more the transform takes longer than all else.
MOST = 100_000
LEFT_OUT = "No second view of {:,} images: it is built unasked for up to {:,} (see the setting {})."


def possible(config: Config, shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape, (C, H, W) or (F,), can have a second view beside a graph of the whole data set."""
    return config.graph == "whole" and len(shape) == 3 and min(shape[1:]) >= SMALLEST


def has_second(config: Config, shape: tuple[int, ...], count: int) -> bool:
    """Whether the graph of `count` samples of this shape has a second view."""
    wanted = config.second_view == "scattering" or (config.second_view == "auto" and count <= MOST)
    return wanted and possible(config, shape)


def left_out(config: Config, shape: tuple[int, ...], count: int) -> str:
    """That there is no second view because of the size of the data, in a sentence; "" otherwise."""
    if config.second_view != "auto" or count <= MOST or not possible(config, shape):
        return ""
    return LEFT_OUT.format(count, MOST, KNOBS["second_view"].title)

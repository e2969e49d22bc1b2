"""One scale for images of several bit depths: bytes, 16 bits and decimals in one data set.

The rule: each depth is divided by its own white, the same for all images of that depth. White is 255 for bytes, the
largest number of the bits in use for 16 bits (4,095 where no image goes beyond 12 bits), and for decimals their common
range, as `scaling.guess_scaling` finds it. Nothing is stretched image by image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsc_core.data.options import Options
from dsc_core.data.scaling import IDENTITY, Scaling, guess_scaling, range_in_words

BYTES = 0.0, 1 / 255
WORDS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "decimals"}


@dataclass(frozen=True)
class Depths:
    """The scales of the depths of one data set, and the type and the scale that all are converted to."""

    scales: dict[str, Scaling]
    dtype: np.dtype
    scaling: Scaling

    def convert(self, image: np.ndarray) -> np.ndarray:
        """An image of any depth as `dtype` on `scaling`."""
        own = self.scales[image.dtype.name]
        if image.dtype == self.dtype and np.allclose(own, self.scaling):
            return image
        values = (image.astype(np.float32) - np.float32(own[0])) * np.float32(own[1] / self.scaling[1])
        values += np.float32(self.scaling[0])
        if self.dtype.kind == "f":
            return values.astype(self.dtype)
        return np.clip(values.round(), 0, np.iinfo(self.dtype).max).astype(self.dtype)


def find_depths(images: Sequence[np.ndarray], options: Options) -> Depths | None:
    """The depths of images (C, H, W); None if there is one, and for a run also none but one in training.

    With `options.like`, a depth of training keeps its scale there, and all become the type of training. With
    `options.value_range`, values of all depths are taken as they stand.
    """
    kinds = {image.dtype.name for image in images}
    if options.value_range is not None:
        return (
            None
            if len(kinds) == 1
            else Depths(dict.fromkeys(kinds, IDENTITY), np.dtype(np.float32), IDENTITY)
        )
    trained = None if options.like is None else _of_training(options.like)
    if len(kinds) == 1 and (trained is None or len(trained.scales) == 1):
        return None
    scales = {
        kind: _own_scale([image for image in images if image.dtype.name == kind]) for kind in sorted(kinds)
    }
    if trained is not None:
        known = {kind: scale for kind, scale in trained.scales.items() if kind in kinds}
        shared = {} if options.scales is None else options.scales  # of the blocks before
        for kind in kinds - set(known):
            known[kind] = shared.setdefault(f"depth {kind}", scales[kind])
        return Depths(known, trained.dtype, trained.scaling)
    if "float32" in kinds:
        return Depths(scales, np.dtype(np.float32), IDENTITY)
    return Depths(scales, np.dtype(np.uint16), scales["uint16"])


def _own_scale(images: Sequence[np.ndarray]) -> Scaling:
    """The scale of images of one depth."""
    if images[0].dtype == np.uint8:
        return BYTES
    ends = [end for image in images for end in (image.min(), image.max())]
    return guess_scaling(np.array(ends, images[0].dtype))


def _of_training(like: dict[str, Any]) -> Depths | None:
    """The depths of the images that a run was trained on; None for one that was not trained on images."""
    if like["kind"] != "image":
        return None
    dtype, (offset, factor) = np.dtype(like.get("dtype", "uint8")), like["scaling"]
    stored = (like.get("preprocessing") or {}).get("depths") or {dtype.name: (offset, factor)}
    return Depths(
        {kind: (float(low), float(by)) for kind, (low, by) in stored.items()}, dtype, (offset, factor)
    )


def scales_in_words(scales: Mapping[str, Scaling]) -> str:
    """ "0 to 255 (8 bits), 0 to 4,095 (16 bits)"."""
    shown = [f"{range_in_words(scale)} ({WORDS.get(depth, depth)})" for depth, scale in scales.items()]
    return ", ".join(shown)

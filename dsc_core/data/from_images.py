"""A Dataset from an array of images: cropped, resized, with the requested channels and scaling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from dsc_core.data.bit_depths import Depths
from dsc_core.data.dataset import Dataset
from dsc_core.data.distribution import compare_images, rescale_images
from dsc_core.data.image_arrays import center_crop, match_channels, resize_images
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.scaling import (
    IDENTITY,
    Scaling,
    guess_scaling,
    range_in_words,
    scaling_like,
    scaling_of_range,
)
from dsc_core.data.text import shape_text
from dsc_core.data.trainable import usual_size
from dsc_core.errors import InputError


def from_images(
    images: np.ndarray,
    labels: np.ndarray | None,
    ids: np.ndarray,
    options: Options,
    notes: Iterable[Note] = (),
    skipped: Iterable[tuple[str, str]] = (),
    scaling: Scaling | None = None,
    depths: Depths | None = None,
) -> Dataset:
    """A Dataset of images (n, C, H, W) as `options` requests. scaling: guessed by default.

    With `options.like`, images get the shape and the scaling of the training data. depths: of images of several bit
    depths.
    """
    notes, like = list(notes), options.like
    if like is not None and like["kind"] != "image":
        raise InputError(
            "The run was trained on a table, but these are images: choose a table with the same columns."
        )
    if images.dtype == np.float16 or images.dtype.itemsize > 4:
        images = images.astype(np.float32)
    images = _sized(images, options, notes)
    if options.image_channels is not None:
        images = _with_channels(images, options, notes)
    if like is not None:
        scaling = _scaling_of_run(images, like, options, notes)
    elif options.value_range is not None:
        scaling = scaling_of_range(options.value_range)
    elif depths is not None:
        scaling = depths.scaling
    elif scaling is None:
        scaling = guess_scaling(images)
        if images.dtype != np.uint8 and scaling != IDENTITY:
            notes.append(Note("values_scaled", about=range_in_words(scaling)))
    offset, factor = scaling
    preprocessing: dict[str, Any] = {"crop": True} if options.image_crop else {}
    if depths is not None and like is None:
        preprocessing["depths"] = {depth: list(scale) for depth, scale in depths.scales.items()}
    return Dataset(
        name=options.name,
        samples=images,
        ids=ids,
        labels=labels,
        kind="image",
        scaling=(float(offset), float(factor)),
        skipped=tuple(skipped),
        notes=tuple(notes),
        preprocessing=preprocessing or None,
    )


def _scaling_of_run(images: np.ndarray, like: dict[str, Any], options: Options, notes: list[Note]) -> Scaling:
    """The scaling of new images for a run trained on `like`, with notes; the same for all blocks of a stream."""
    decided = {} if options.scales is None else options.scales
    kind = images.dtype.name
    if kind in decided:
        return decided[kind]
    if options.value_range is not None:
        decided[kind] = scaling_of_range(options.value_range)
    elif options.rescale:
        decided[kind], note = rescale_images(images, like)
        notes.append(note)
        return decided[kind]
    elif options.rescale is None:
        decided[kind], trained = scaling_like(images, like)
        notes += [] if trained else [Note("own_scaling", about=range_in_words(decided[kind]))]
    else:
        offset, factor = like["scaling"]
        decided[kind] = offset, factor
    notes += compare_images(images, decided[kind], like)
    return decided[kind]


def _sized(images: np.ndarray, options: Options, notes: list[Note]) -> np.ndarray:
    """The images cropped and resized as requested."""
    size, kind = options.image_size, "resized"
    if options.image_crop:
        before, images = images.shape[2:], center_crop(images, size)
        if images.shape[2:] != before:
            about = f"{shape_text(images.shape[2:])} of {shape_text(before)}"
            notes.append(Note("cropped_to", about=about))
    if size is None and len(images):
        size, kind = usual_size(Counter([images.shape[2:]])), "made_smaller"
    if size is not None and images.shape[2:] != size:
        images = resize_images(images, size)
        notes.append(Note(kind, count=len(images), total=len(images), about=shape_text(size)))
    return images


def _with_channels(images: np.ndarray, options: Options, notes: list[Note]) -> np.ndarray:
    """The images in grey or colour, as requested or as in training."""
    converted = match_channels(images, options.image_channels or 1)
    if converted.shape != images.shape:
        kind = "expanded" if converted.shape[1] == 3 else "converted"
        notes.append(Note(kind, about="as requested" if options.like is None else "as in training"))
    return converted

"""From an array of some layout to images (n, C, H, W), and the scaling that brings its values to [0, 1]."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dsc_core.data.dataset import chunks
from dsc_core.errors import InputError

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luma of ITU-R BT.601, as Pillow's "L" has it


def as_images(array: np.ndarray) -> np.ndarray:
    """(n, C, H, W) from (n, H, W), (n, H, W, C) or (n, C, H, W); a view where it can be.

    Alpha is composited on white. InputError for any other layout.
    """
    if array.ndim == 3:
        return array[:, None]
    if array.ndim != 4:
        raise InputError(
            f"An array of shape {_written(array.shape)} is neither images (n, H, W), (n, H, W, C), (n, C, H,"
            " W) nor a"
            " table (n, F): reshape it before saving."
        )
    first, last = array.shape[1], array.shape[3]
    if first in (1, 3) and (last not in (1, 3, 4) or array.shape[2] == last):
        return array
    if last in (1, 3):
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    if last == 4:
        return _on_white(array.transpose(0, 3, 1, 2))
    if first == 4:
        return _on_white(array)
    raise InputError(
        f"An array of shape {_written(array.shape)} has no axis of 1 (grey) or 3 (colour) channels: save the"
        " images as"
        " (n, H, W), (n, H, W, 3) or (n, 3, H, W)."
    )


def _on_white(images: np.ndarray) -> np.ndarray:
    """RGBA (n, 4, H, W) composited on white, in the input's type."""
    top = {"u": np.iinfo(images.dtype).max if images.dtype.kind == "u" else 1}.get(images.dtype.kind, 1)
    if images.dtype.kind not in "uf":
        raise InputError(
            "Images with an alpha channel must be unsigned integers or decimals: convert them to colour."
        )
    colour, alpha = images[:, :3].astype(np.float32), images[:, 3:].astype(np.float32) / top
    flat = colour * alpha + top * (1 - alpha)
    return (flat.round() if images.dtype.kind == "u" else flat).astype(images.dtype)


def pixels_as_images(
    rows: np.ndarray, image_shape: tuple[int, ...], columns_first: bool = False
) -> np.ndarray:
    """(n, F) rows of pixels as (n, C, H, W). image_shape: (H, W), (C, H, W) or (H, W, C), F their product.

    columns_first: the pixels run down the columns, and all of one channel come before the next, as MATLAB's
    `reshape(row, [H W C])` has them.
    """
    shape = tuple(int(side) for side in image_shape)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise InputError(
            "The image shape must be height and width, such as 28x28, or with channels, 3x32x32."
        )
    if int(np.prod(shape)) != rows.shape[1]:
        raise InputError(
            f"Rows of {rows.shape[1]} values are no images of {_written(shape)} = {int(np.prod(shape))}"
            " pixels: give"
            " the image shape whose product is the number of pixel columns."
        )
    if columns_first:
        channels, height, width = _channels_first(shape)
        return rows.reshape(len(rows), channels, width, height).swapaxes(2, 3)
    if len(shape) == 3 and shape[0] in (1, 3):
        return rows.reshape(len(rows), *shape)
    return as_images(rows.reshape(len(rows), *shape))


def _channels_first(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) from (H, W), (C, H, W) or (H, W, C) with one or three channels."""
    if len(shape) == 2:
        return 1, *shape
    if shape[0] in (1, 3):
        return shape
    if shape[2] in (1, 3):
        return shape[2], *shape[:2]
    raise InputError(
        f"{_written(shape)} has no axis of 1 (grey) or 3 (colour) channels: give the image shape as 28x28 or"
        " 3x32x32."
    )


def _written(shape) -> str:
    return "×".join(str(side) for side in shape)


def finite_range(samples: np.ndarray) -> tuple[float, float]:
    """(least, greatest) finite value; (0, 0) if there is none. Reads a few megabytes at a time."""
    low, high = np.inf, -np.inf
    for _, block in chunks(samples):
        if block.dtype.kind == "f":
            block = block[np.isfinite(block)]
        if block.size:
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def guess_scaling(samples: np.ndarray) -> tuple[float, float]:
    """(offset, factor) so that (raw - offset) * factor lies in [0, 1].

    uint8: 1/255, unless no value is above 16 (then the greatest: digits, masks). uint16: by the bits in use,
    12 bits give 1/4095. Decimals already within [0, 1] and bool stay. Other types whose values look like
    bytes (from 0 up to 128..255) are taken for bytes. All else goes by its least and greatest value.
    """
    if samples.dtype == bool:
        return 0.0, 1.0
    low, high = finite_range(samples)
    if samples.dtype == np.uint8:
        return 0.0, 1 / 255 if high > 16 or high == 0 else 1 / high
    if samples.dtype == np.uint16:
        bits = max(8, int(high).bit_length())
        return 0.0, 1 / (2**bits - 1)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and 128 <= high <= 255:
        return 0.0, 1 / 255
    return low, 1 / (high - low) if high > low else 1.0


def scaling_like(samples: np.ndarray, like: dict) -> tuple[tuple[float, float], str | None]:
    """The scaling for new samples of a run trained on `like`, and a note where it is not the trained one.

    The trained scaling holds for the same type, and for values that lie in its range. Values that are plainly
    on another scale (0..1 where training had 0..255, bytes where it had decimals) keep their own, so that the
    network sees what it saw.
    """
    offset, factor = like["scaling"]
    own = guess_scaling(samples)
    if np.allclose(own, (offset, factor)):
        return (offset, factor), None
    low, high = finite_range(samples)
    scaled = (low - offset) * factor, (high - offset) * factor
    same_type = like.get("dtype") == samples.dtype.name
    within = scaled[0] >= -0.01 and scaled[1] <= 1.01
    faint = scaled[1] - scaled[0] < 0.02 and own == (0.0, 1.0)
    if (same_type or within) and not faint:
        return (offset, factor), None
    return (
        own,
        "The values are on another scale than those of the training, so they were scaled by their own.",
    )


def match_channels(
    images: np.ndarray, channels: int, why: str = "as in training"
) -> tuple[np.ndarray, str | None]:
    """`images` (n, C, H, W) with 1 or 3 channels as `channels` says, and a note where that changed them."""
    if images.shape[1] == channels:
        return images, None
    if channels == 3:
        return np.repeat(images, 3, axis=1), f"The grey images were given three equal channels, {why}."
    grey = np.empty((len(images), 1, *images.shape[2:]), images.dtype)
    for start, block in chunks(images):
        luma = np.einsum("nchw,c->nhw", block.astype(np.float32), GREY)[:, None]
        grey[start : start + len(block)] = luma if images.dtype.kind == "f" else luma.round()
    return grey, f"The colour images were made grey, {why}."


def middle(height: int, width: int, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """(height, width) of the largest part of an image with the proportions of `size`; None: of a square."""
    tall, wide = size or (1, 1)
    if height * wide > width * tall:
        return max(1, round(width * tall / wide)), width
    return height, max(1, round(height * wide / tall))


def crop_middle(images: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """The middle of images (…, H, W), see `middle`; a view."""
    height, width = middle(*images.shape[-2:], size)
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """One image (C, H, W) of any real type brought to (height, width), proportions not kept, in its own type.

    Pillow's bilinear filter, which averages over all covered pixels where it makes smaller.
    """
    if image.shape[1:] == tuple(size):
        return image
    if image.dtype == np.uint8:
        planes = [_pillow_resize(Image.fromarray(np.ascontiguousarray(plane)), size) for plane in image]
        return np.stack(planes)
    planes = [
        _pillow_resize(Image.fromarray(np.ascontiguousarray(plane, np.float32)), size) for plane in image
    ]
    resized = np.stack(planes)
    return resized.astype(image.dtype) if image.dtype.kind == "f" else resized.round().astype(image.dtype)


def _pillow_resize(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def resize_all(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """All of `images` (n, C, H, W) brought to (height, width), see `resize_image`."""
    if images.shape[2:] == tuple(size):
        return images
    resized = np.empty((*images.shape[:2], *size), images.dtype)
    for index, image in enumerate(images):
        resized[index] = resize_image(image, size)
    return resized

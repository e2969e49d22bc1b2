"""Arrays of images: bringing any layout to (n, C, H, W), and their channels, crop and size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dsc_core.data.chunks import chunks
from dsc_core.data.text import shape_text
from dsc_core.errors import InputError

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luma of ITU-R BT.601, as in Pillow's "L"


def as_images(array: np.ndarray) -> np.ndarray:
    """(n, C, H, W) from (n, H, W), (n, H, W, C) or (n, C, H, W); a view where possible.

    Alpha is composited on white. InputError for any other layout.
    """
    if array.ndim == 3:
        return array[:, None]
    if array.ndim != 4:
        raise InputError(
            f"Unsupported array of shape {shape_text(array.shape)}: save images as (n, H, W), (n, H, W, C) or"
            " (n, C, H, W), or a table as (n, F)."
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
        f"An array of shape {shape_text(array.shape)} has no axis of 1 (grey) or 3 (colour) channels: save the"
        " images as (n, H, W), (n, H, W, 3) or (n, 3, H, W)."
    )


def _on_white(images: np.ndarray) -> np.ndarray:
    """RGBA images (n, 4, H, W) composited on white, dtype unchanged."""
    if images.dtype.kind not in "uf":
        raise InputError(
            "Images with an alpha channel must be unsigned integers or floats: convert them to colour."
        )
    top = np.iinfo(images.dtype).max if images.dtype.kind == "u" else 1
    colour, alpha = images[:, :3].astype(np.float32), images[:, 3:].astype(np.float32) / top
    flat = colour * alpha + top * (1 - alpha)
    return (flat.round() if images.dtype.kind == "u" else flat).astype(images.dtype)


def pixels_as_images(
    rows: np.ndarray, image_shape: tuple[int, ...], columns_first: bool = False
) -> np.ndarray:
    """(n, F) rows of pixels as (n, C, H, W). image_shape: (H, W), (C, H, W) or (H, W, C), F their product.

    columns_first: pixels run down the columns, one channel after the other, as in MATLAB's `reshape(row, [H W C])`.
    """
    shape = tuple(int(side) for side in image_shape)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise InputError("The image shape must be height and width, such as 28x28, or 3x32x32 with channels.")
    if int(np.prod(shape)) != rows.shape[1]:
        raise InputError(
            f"Rows of {rows.shape[1]} values cannot be images of {shape_text(shape)} = {int(np.prod(shape))}"
            " pixels: choose an image shape with as many pixels as there are columns."
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
        return 1, shape[0], shape[1]
    if shape[0] in (1, 3):
        return shape[0], shape[1], shape[2]
    if shape[2] in (1, 3):
        return shape[2], shape[0], shape[1]
    raise InputError(
        f"The image shape {shape_text(shape)} has no axis of 1 (grey) or 3 (colour) channels: write 28x28 or"
        " 3x32x32."
    )


def match_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Images (n, 1 or 3, H, W) with `channels` channels: grey repeated three times, colour turned into luma."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=1)
    grey = np.empty((len(images), 1, *images.shape[2:]), images.dtype)
    for start, block in chunks(images):
        luma = np.einsum("nchw,c->nhw", block.astype(np.float32), GREY)[:, None]
        grey[start : start + len(block)] = luma if images.dtype.kind == "f" else luma.round()
    return grey


def crop_size(height: int, width: int, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """(height, width) of the largest part of an image with the proportions of `size`, square without `size`."""
    tall, wide = size or (1, 1)
    if height * wide > width * tall:
        return max(1, round(width * tall / wide)), width
    return height, max(1, round(height * wide / tall))


def center_crop(images: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """The center of images (…, H, W), see `crop_size`; a view."""
    height, width = crop_size(images.shape[-2], images.shape[-1], size)
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """One image (C, H, W) of any real dtype, stretched to (height, width), dtype unchanged.

    Uses Pillow's bilinear filter, which averages over all covered pixels when it shrinks.
    """
    if image.shape[1:] == tuple(size):
        return image
    dtype = np.uint8 if image.dtype == np.uint8 else np.float32
    planes = [Image.fromarray(np.ascontiguousarray(plane, dtype)) for plane in image]
    height, width = size
    resized = np.stack(
        [np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes]
    )
    return (resized if image.dtype.kind == "f" else resized.round()).astype(image.dtype)


def resize_images(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """All of `images` (n, C, H, W) resized to (height, width), see `resize_image`."""
    if images.shape[2:] == tuple(size):
        return images
    resized = np.empty((*images.shape[:2], *size), images.dtype)
    for index, image in enumerate(images):
        resized[index] = resize_image(image, size)
    return resized

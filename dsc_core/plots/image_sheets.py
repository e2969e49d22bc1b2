"""Several images as one: sheets of tiles."""

from __future__ import annotations

import numpy as np


def image_sheet(
    images: np.ndarray, columns: int, *, tile: int = 56, gap: int = 4, band: str | None = None
) -> np.ndarray:
    """`images` (n, C, H, W) in [0, 1] as one sheet of tiles, (h, w, 4) uint8 RGBA; the gaps are transparent.

    tile: pixels of the longer side. Small images are enlarged by whole pixels, so that an 8 x 8 digit stays sharp; of
    large ones every second, third, ... pixel is taken. band: a colour for a bar at the left edge.
    """
    images = np.clip(np.nan_to_num(np.asarray(images, np.float32)), 0, 1)
    count, channels, height, width = images.shape
    scale = max(tile // max(height, width), 1)
    skip = max(-(-max(height, width) // (2 * tile)), 1)
    images = images[:, :, ::skip, ::skip].repeat(scale, 2).repeat(scale, 3)
    height, width = images.shape[2:]
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        pixels = image.transpose(1, 2, 0) if channels == 3 else image[0][..., None].repeat(3, 2)
        sheet[top : top + height, left : left + width, :3] = np.round(pixels * 255)
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet if band is None else np.concatenate([_bar(len(sheet), gap, band), sheet], axis=1)


def _bar(height: int, gap: int, shade: str) -> np.ndarray:
    bar = np.zeros((height, 3 * gap, 4), np.uint8)
    bar[:, : 2 * gap] = [*bytes.fromhex(shade[1:]), 255]
    return bar

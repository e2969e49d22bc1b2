"""The scaling that brings the values of images to [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsc_core.data.chunks import chunks

Scaling = tuple[float, float]  # (offset, factor): the scaled value is (raw - offset) * factor
IDENTITY = 0.0, 1.0


def finite_range(samples: np.ndarray) -> tuple[float, float]:
    """(minimum, maximum) of the finite values, (0, 0) if there are none. Reads a few megabytes at a time."""
    low, high = np.inf, -np.inf
    for _, block in chunks(samples):
        if block.dtype.kind == "f":
            block = block[np.isfinite(block)]
        if block.size:
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def guess_scaling(samples: np.ndarray) -> Scaling:
    """(offset, factor) so that (raw - offset) * factor lies in [0, 1].

    uint8: 1/255, or 1 / maximum if no value is above 16 (digits, masks). uint16: by the number of bits in use, 12 bits
    give 1/4095. bool and floats within [0, 1] stay as they are. Other types whose values look like bytes (from 0 up to
    128..255) are scaled as bytes, everything else by its minimum and maximum.
    """
    if samples.dtype == bool:
        return IDENTITY
    low, high = finite_range(samples)
    if samples.dtype == np.uint8:
        return 0.0, 1 / 255 if high > 16 or high == 0 else 1 / high
    if samples.dtype == np.uint16:
        bits = max(8, int(high).bit_length())
        return 0.0, 1 / (2**bits - 1)
    if low >= 0 and high <= 1:
        return IDENTITY
    if low >= 0 and 128 <= high <= 255:
        return 0.0, 1 / 255
    return low, 1 / (high - low) if high > low else 1.0


def scaling_of_range(ends: tuple[float, float]) -> Scaling:
    """The scaling that makes the first value 0 and the second 1."""
    low, high = ends
    return low, 1 / (high - low)


def range_in_words(scaling: Scaling) -> str:
    """The values that become 0 and 1: "0 to 4,095"."""
    offset, factor = scaling
    return f"{number(offset)} to {number(offset + 1 / factor)}"


def number(value: float) -> str:
    """A value for people: "65,535", "0.001726"."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def scaling_like(samples: np.ndarray, like: dict[str, Any]) -> tuple[Scaling, bool]:
    """The scaling for new samples of a run trained on `like`, and whether it is that of the training data.

    The trained scaling is used for samples of the same type, and for values within its range. Values that are clearly
    on another scale (0..1 where training had 0..255, bytes where it had floats) get their own scaling, so that the
    network sees the range that it was trained on. Dim images of the same type are never stretched to full brightness:
    whether they fit is for `distribution.compare_images` to say.
    """
    offset, factor = like["scaling"]
    own, trained = guess_scaling(samples), (float(offset), float(factor))
    if np.allclose(own, trained):
        return trained, True
    low, high = finite_range(samples)
    scaled_low, scaled_high = (low - offset) * factor, (high - offset) * factor
    same_type = like.get("dtype") == samples.dtype.name
    if same_type and samples.dtype.kind == "f" and _is_usual(own) and _is_usual(trained):
        return own, False  # decimals of 0 to 1 and of 0 to 255
    in_range = scaled_low >= -0.01 and scaled_high <= 1.01
    too_dark = not same_type and scaled_high - scaled_low < 0.02 and _is_usual(own)
    if (same_type or in_range) and not too_dark:
        return trained, True
    return own, False


def _is_usual(scaling: Scaling) -> bool:
    """Whether a scale is one of the two that decimals usually have: 0 to 1 and 0 to 255."""
    return any(np.allclose(scaling, usual) for usual in (IDENTITY, (0.0, 1 / 255)))

"""Single image files, decoded with Pillow, and which files of a folder or archive are images."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dsc_core.data.formats import IMAGE_SUFFIXES
from dsc_core.data.limits import MEBI, Limits, setting
from dsc_core.errors import InputError

PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".7z", ".rar", ".zst", ".jar")
BROKEN = "The file is damaged, or is not the image that its name says."
NO_FOLDER = "(no folder)"
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap height and width
DEEP_MAX = 65535  # the largest 16-bit value


class NothingReadable(InputError):
    """None of the images can be read."""


class Unreadable(Exception):
    """One image cannot be read; the message is the reason, a sentence."""


@dataclass(frozen=True)
class ImageFile:
    """An image in a folder or archive: its path inside, and a function for its bytes, which may raise Unreadable."""

    path: str
    read: Callable[[], bytes]

    @property
    def folder(self) -> str:
        """The name of the folder that contains it."""
        parts = self.path.split("/")
        return parts[-2] if len(parts) > 1 else NO_FOLDER


def natural_key(path: str) -> list[list[tuple]]:
    """Sorts "img2" before "img10", folder by folder, ignoring case."""
    return [[_piece_key(piece) for piece in re.split(r"([0-9]+)", part)] for part in path.split("/")]


def _piece_key(piece: str) -> tuple:
    """Digits by their value (by their length first, since int() refuses very long ones), anything else as text."""
    if re.fullmatch(r"[0-9]+", piece):
        digits = piece.lstrip("0")
        return 1, len(digits), digits, piece
    return 0, 0, piece.lower(), piece


def is_hidden(path: str) -> bool:
    """Whether an operating system made the file or folder for itself: .DS_Store, __MACOSX or Thumbs.db."""
    parts = path.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() in (
        "thumbs.db",
        "desktop.ini",
    )


def why_not_image(path: str) -> str | None:
    """Why a file is not an image, by its suffix, a sentence; None for an image."""
    suffix = "." + path.lower().rpartition(".")[2]
    if suffix in IMAGE_SUFFIXES:
        return None
    if suffix in ARCHIVES:
        return "The file is an archive, and archives inside the data are not opened."
    return "The file name does not end like that of an image (PNG, JPEG, BMP, GIF, TIFF or WebP)."


def max_bytes(limits: Limits) -> int:
    """The largest image file that is read: the most pixels, uncompressed, four bytes each."""
    return limits.megapixels * 4_000_000 + MEBI


def too_large(limits: Limits) -> Unreadable:
    """The reason for skipping an image with too many pixels or bytes."""
    return Unreadable(f"The image exceeds the {limits.describe('megapixels')} ({setting('megapixels')}).")


def image_size(data: bytes, limits: Limits) -> tuple[int, int]:
    """(height, width) from an image's header, after its EXIF rotation; Unreadable if there is none."""
    with _open(data, limits) as image:
        width, height = image.size
        # for a TIFF, Pillow gives the size after the rotation
        turned = image.format != "TIFF" and _orientation(image) in TURNED
        return (width, height) if turned else (height, width)


def decode_image(data: bytes, limits: Limits) -> np.ndarray:
    """An image as (C, H, W), C 1 (grey) or 3 (colour): uint8, or uint16 from 16 bits or floats.

    Rotated as EXIF says, alpha composited on white, the first frame of several. The number of pixels is checked before
    any is decoded. Unreadable, with a sentence, whatever is wrong with it.
    """
    try:
        with _open(data, limits) as image:
            image.load()
            upright = image if _orientation(image) == 1 else ImageOps.exif_transpose(image)
            return _as_array(upright)
    except Unreadable:
        raise
    except Exception as error:  # Pillow's plugins raise anything on hostile bytes, SyntaxError too
        raise Unreadable(BROKEN) from error


def _open(data: bytes, limits: Limits) -> Image.Image:
    """The image, not decoded yet, its number of pixels within the limit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused below
            image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        raise too_large(limits) from error
    except Exception as error:  # see decode_image
        raise Unreadable(BROKEN) from error
    width, height = image.size
    if width * height > limits.megapixels * 1_000_000:
        raise too_large(limits)
    if width * height == 0:
        raise Unreadable("The image has no pixels.")
    return image


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the image unreadable
        return 1


def _as_array(image: Image.Image) -> np.ndarray:
    """(C, H, W) of a decoded image in any of Pillow's modes."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _as_deep(np.asarray(image))[None]
    if mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))[None]
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        grey = mode in ("LA", "La", "L", "1")
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    else:
        grey = False
        image = image.convert("RGB")
    colours = np.asarray(image).transpose(2, 0, 1)
    if grey or (mode in ("P", "PA") and (colours == colours[:1]).all()):  # a palette may hold greys only
        colours = colours[:1]
    return np.ascontiguousarray(colours)


def _as_deep(values: np.ndarray) -> np.ndarray:
    """16-bit, 32-bit and float pixels as uint16: whole numbers unchanged, 0..1 and 0..255 stretched."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise Unreadable("The image has values that are not finite.")
        top = values.max(initial=0)
        values = np.round(values * (DEEP_MAX if top <= 1 else 257 if top <= 255 else 1))
    if values.min(initial=0) < 0 or values.max(initial=0) > DEEP_MAX:
        raise Unreadable(f"The image has values outside 0 to {DEEP_MAX}.")
    return values.astype(np.uint16)

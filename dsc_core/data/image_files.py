"""Which files of a folder or archive are images, their order, and why others are not read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dsc_core.data.formats import IMAGE_SUFFIXES
from dsc_core.data.limits import MEBI, Limits, setting
from dsc_core.errors import InputError

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".7z", ".rar", ".zst", ".jar")
BROKEN = "The file is damaged, or is not the image that its name says."


class NothingReadable(InputError):
    """None of the images can be read."""


class Unreadable(Exception):
    """One image cannot be read; the message is the reason, a sentence."""


@dataclass(frozen=True)
class ImageFile:
    """An image in a folder or archive: its path inside, and a function for its bytes, which may raise Unreadable."""

    path: str
    read: Callable[[], bytes]


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
    """Whether a file or folder is hidden, or was made by an operating system: .DS_Store, __MACOSX or Thumbs.db."""
    parts = path.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() in (
        "thumbs.db",
        "desktop.ini",
    )


NO_IMAGE_NAME = (
    "The file name does not end like that of an image (PNG, JPEG, BMP, GIF, TIFF, WebP, PGM or PPM)."
)


def why_hidden(path: str) -> str | None:
    """Why a hidden file is left out, a sentence; None for one that no person made, which nobody would miss."""
    parts = path.split("/")
    if "__MACOSX" in parts or parts[-1].startswith("._") or why_not_image(path) is not None:
        return None
    return "The file, or a folder that contains it, is hidden."


def why_not_image(path: str) -> str | None:
    """Why a file is not an image, by its suffix, a sentence; None for an image."""
    suffix = "." + path.lower().rpartition(".")[2]
    if suffix in IMAGE_SUFFIXES:
        return None
    if suffix in ARCHIVES:
        return "The file is an archive, and archives inside the data are not opened."
    return NO_IMAGE_NAME


def max_bytes(limits: Limits) -> int:
    """The largest image file that is read: the most pixels, uncompressed, four bytes each."""
    return limits.megapixels * 4_000_000 + MEBI


def too_large(limits: Limits) -> Unreadable:
    """The reason for skipping an image with too many pixels or bytes."""
    return Unreadable(f"The image exceeds the {limits.describe('megapixels')} ({setting('megapixels')}).")

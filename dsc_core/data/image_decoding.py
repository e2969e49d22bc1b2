"""Single image files, decoded with Pillow: their pixels as they stand in the file, page by page."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dsc_core.data.image_files import BROKEN, Unreadable, too_large
from dsc_core.data.limits import Limits

PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
WITH_PAGES = ("TIFF", "GIF", "WEBP", "PNG")  # further pictures of a phone's JPEG are a preview or a depth map
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap height and width
BITS_PER_VALUE = 258  # TIFF's tag
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
RARE_TIFF = (
    "The TIFF is damaged, or of a rare kind such as 64-bit values or more than four channels: save it as PNG, or as"
    " TIFF with 8, 16 or 32 bits per value."
)
WITH_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")
OTHER_COLOURS = ("CMYK", "LAB", "HSV", "YCbCr")


@dataclass(frozen=True)
class Page:
    """One picture of an image file.

    image: (C, H, W), C 1 (grey) or 3 (colour), uint8, uint16 or float32, values as in the file. changes: the kinds of
    the notes on what was done to it. further: pages of the file that are not read.
    """

    image: np.ndarray
    changes: tuple[str, ...] = ()
    further: int = 0


def decode_page(data: bytes, limits: Limits) -> Page:
    """The first page of an image file.

    Turned as EXIF says, alpha composited on white. The number of pixels is checked before any is decoded. Unreadable,
    with a sentence, whatever is wrong with it.
    """
    with _Refusing(), _open(data, limits) as image:
        page = _page(image, data)
        return Page(page.image, page.changes, count_pages(image) - 1)


def decode_pages(data: bytes, limits: Limits) -> Iterator[Page | Unreadable]:
    """Every page of an image file, as `decode_page`; a page that is damaged gives the reason, and is the last."""
    with _Refusing(), _open(data, limits) as image:
        yield _page(image, data)
        number = 0
        while image.format in WITH_PAGES:
            number += 1
            try:
                image.seek(number)
            except EOFError:
                return
            except Exception:  # see `_Refusing`
                yield Unreadable("The page is damaged, so the pages from here on are left out.")
                return
            try:
                _check_size(image, limits)
                page = _page(image, data)
            except Unreadable as reason:
                yield reason
                return
            except Exception:  # see `_Refusing`
                yield Unreadable("The page is damaged, so the pages from here on are left out.")
                return
            yield page


def count_pages(image: Image.Image) -> int:
    """How many pages or frames an open image file has, by its own account; 1 if it cannot tell."""
    if image.format not in WITH_PAGES:
        return 1
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # a damaged page further on does not make the first unreadable
        return 1


def image_size(data: bytes, limits: Limits) -> tuple[int, int]:
    """(height, width) from an image's header, after its EXIF rotation; Unreadable if there is none."""
    return look_at_header(data, limits)[0]


def look_at_header(data: bytes, limits: Limits) -> tuple[tuple[int, int], int]:
    """(height, width) as `image_size`, and the number of pages; no pixel is decoded."""
    with _Refusing(), _open(data, limits) as image:
        width, height = image.size
        # for a TIFF, Pillow gives the size after the rotation
        turned = image.format != "TIFF" and _orientation(image) in TURNED
        return ((width, height) if turned else (height, width)), count_pages(image)


class _Refusing:
    """Turns every error into Unreadable: Pillow's plug-ins raise anything on hostile bytes, SyntaxError too."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, Unreadable):
            raise Unreadable(BROKEN) from error


def _open(data: bytes, limits: Limits) -> Image.Image:
    """The image, not decoded yet, its number of pixels within the limit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused below
            image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        raise too_large(limits) from error
    except Exception as error:  # see `_Refusing`
        raise Unreadable(RARE_TIFF if data[:4] in TIFF_STARTS else BROKEN) from error
    _check_size(image, limits)
    return image


def _check_size(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.megapixels * 1_000_000:
        raise too_large(limits)
    if width * height == 0:
        raise Unreadable("The image has no pixels.")


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not make the image unreadable
        return 1


def _page(image: Image.Image, data: bytes) -> Page:
    """The page at which `image` stands, decoded."""
    orientation = _orientation(
        image
    )  # of a TIFF, Pillow turns the pixels while it loads them, and forgets the tag
    changes = ["halved_depth"] if _has_deep_colours(image, data) else []
    image.load()
    if {orientation, _orientation(image)} & set(range(2, 9)):
        changes.append("turned")
    form = image.format
    upright = image if _orientation(image) == 1 else ImageOps.exif_transpose(image)
    if upright.mode in OTHER_COLOURS:
        changes.append("other_colours")
    if (upright.mode in WITH_ALPHA or "transparency" in upright.info) and _is_transparent(upright):
        changes.append("transparent")
    return Page(_as_array(upright, form), tuple(changes))


def _has_deep_colours(image: Image.Image, data: bytes) -> bool:
    """Whether several channels have more than 8 bits, of which Pillow keeps the upper 8."""
    if image.mode.startswith("I") or image.mode == "F":
        return False
    if image.format == "PNG":
        return data[24:25] == b"\x10"
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(BITS_PER_VALUE, (8,))
        return max(bits if isinstance(bits, tuple) else (bits,)) > 8
    return False


def _is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is not opaque."""
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest < 255  # type: ignore[operator]


def _as_array(image: Image.Image, form: str | None) -> np.ndarray:
    """(C, H, W) of a decoded image in any of Pillow's modes. form: Pillow's name of the file's format."""
    mode = image.mode
    if mode == "F" or mode.startswith("I"):
        return _as_deep(np.asarray(image), form)[None]
    if mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))[None]
    if mode in WITH_ALPHA or "transparency" in image.info:
        grey = mode in ("LA", "La", "L", "1")
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    else:
        grey = False
        image = image.convert("RGB")
    colours = np.asarray(image).transpose(2, 0, 1)
    # a palette may hold greys only; Pillow gives the later frames of a GIF as colours
    if grey or ((mode in ("P", "PA") or form == "GIF") and (colours == colours[:1]).all()):
        colours = colours[:1]
    return np.ascontiguousarray(colours)


def _as_deep(values: np.ndarray, form: str | None) -> np.ndarray:
    """16-bit pixels (H, W) as uint16, those of 32 bits and decimals as float32, as they stand in the file."""
    if values.dtype.itemsize == 2 or form in ("PNG", "PPM"):  # which hold no more than 16 bits
        return values.astype(np.uint16)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Unreadable("The image has values that are not finite.")
    return values.astype(np.float32)

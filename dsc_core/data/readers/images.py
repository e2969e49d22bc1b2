"""Single image files through Pillow, and the collecting of many into one array."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dsc_core.data.dataset import Dataset, MixedSizes, NeedsResize, fitting_size, resize_advice
from dsc_core.data.layout import crop_middle, middle, resize_image
from dsc_core.data.limits import MEBI, Limits, setting
from dsc_core.data.options import Options, clean
from dsc_core.data.readers.arrays import from_images
from dsc_core.errors import InputError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".7z", ".rar", ".zst", ".jar")
BROKEN = "The file is broken, or is not the image that its name says."
NO_FOLDER = "(no folder)"
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap height and width


class NothingReadable(InputError):
    """Not one image among the members can be read."""


class Unreadable(Exception):
    """One image cannot be read; the message is the reason, a sentence. The others still can."""


@dataclass(frozen=True)
class Member:
    """An image file in a folder or archive: its path inside, and how to get its bytes (or Unreadable)."""

    path: str
    read: Callable[[], bytes]

    @property
    def folder(self) -> str:
        """The name of the folder that holds it."""
        parts = self.path.split("/")
        return parts[-2] if len(parts) > 1 else NO_FOLDER


def natural_key(path: str) -> list:
    """Sorts "img2" before "img10", folder by folder, capitals beside small letters."""
    return [[_piece_key(piece) for piece in re.split(r"([0-9]+)", part)] for part in path.split("/")]


def _piece_key(piece: str) -> tuple:
    """A run of digits by its value (by its length first, since int() refuses very long ones), else as text."""
    if re.fullmatch(r"[0-9]+", piece):
        digits = piece.lstrip("0")
        return 1, len(digits), digits, piece
    return 0, 0, piece.lower(), piece


def is_hidden(path: str) -> bool:
    """Whether a file is one that systems leave behind, as .DS_Store, __MACOSX or Thumbs.db are."""
    parts = path.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() in (
        "thumbs.db",
        "desktop.ini",
    )


def unwanted(path: str) -> str | None:
    """Why a file is not even tried, a sentence; None for an image by its name."""
    suffix = "." + path.lower().rpartition(".")[2]
    if suffix in SUFFIXES:
        return None
    if suffix in ARCHIVES:
        return "The file is an archive inside the data, and these are never opened."
    return "The file is not an image (PNG, JPEG, BMP, GIF, TIFF or WebP) by its name."


def most_bytes(limits: Limits) -> int:
    """The largest image file that is read: the most pixels, uncompressed, at four bytes each."""
    return limits.megapixels * 4_000_000 + MEBI


def too_large(limits: Limits) -> Unreadable:
    """The reason for an image of more pixels or bytes than are allowed."""
    return Unreadable(
        f"The image has more than {limits.megapixels} million pixels, the limit that {setting('megapixels')}"
        " sets."
    )


def image_size(data: bytes, limits: Limits) -> tuple[int, int]:
    """(height, width) from an image's header, after its EXIF rotation; Unreadable where there is none."""
    with _opened(data, limits) as image:
        width, height = image.size
        # of a TIFF, Pillow tells the size after the turn
        turned = image.format != "TIFF" and _orientation(image) in TURNED
        return (width, height) if turned else (height, width)


def decode_image(data: bytes, limits: Limits) -> np.ndarray:
    """An image file as (C, H, W), C 1 (grey) or 3 (colour): uint8, or uint16 from 16 bits or decimals.

    Turned by its EXIF orientation, alpha composited on white, the first frame of several. The number of
    pixels is checked before any is decoded. Unreadable, with a sentence, for whatever is wrong with it.
    """
    try:
        with _opened(data, limits) as image:
            image.load()
            if _orientation(image) != 1:
                image = ImageOps.exif_transpose(image)
            return _as_array(image)
    except Unreadable:
        raise
    except Exception as error:  # Pillow's plugins raise anything on hostile bytes, SyntaxError too
        raise Unreadable(BROKEN) from error


def _opened(data: bytes, limits: Limits) -> Image.Image:
    """The image, not decoded yet, its number of pixels within the limit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused below
            image = Image.open(io.BytesIO(data), formats=FORMATS)
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
    except Exception:  # a damaged EXIF block does not make the picture unreadable
        return 1


def _as_array(image: Image.Image) -> np.ndarray:
    """(C, H, W) of a decoded image of any of Pillow's modes."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _deep(np.asarray(image))[None]
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


def _deep(values: np.ndarray) -> np.ndarray:
    """16-bit, 32-bit and decimal pixels as uint16: whole numbers as they are, 0..1 and 0..255 stretched."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise Unreadable("The image holds values that are not finite.")
        top = values.max(initial=0)
        values = np.round(values * (65535 if top <= 1 else 257 if top <= 255 else 1))
    if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise Unreadable("The image holds values outside 0 to 65535.")
    return values.astype(np.uint16)


def spread(members: list, most: int | None) -> list:
    """About `most` of the members, evenly drawn, twice as many since some may be broken; all of them for None."""
    return members if most is None else members[:: max(1, len(members) // (2 * most))]


def collect(
    members: Iterable[Member], total: int | None, skipped: list[tuple[str, str]], options: Options, name: str
) -> Dataset:
    """One Dataset of images from `members`, in the natural order of their paths: img2.png before img10.png.

    total: the number of members for the progress; None where the caller tells of it. skipped: (id, reason), to
    which it adds. A member is read before the next one is asked for, so that they may come out of a stream.
    Without a size to bring images to, all must agree: MixedSizes proposes one. Grey and colour together become
    colour, 8 and 16 bits together 16. Files that cannot be read are listed in `Dataset.skipped`.
    """
    images, kept, sizes, held = [], [], Counter(), 0
    for done, member in enumerate(members):
        if options.most is not None and done >= 4 * options.most:
            break
        if total is not None and options.progress is not None:
            options.progress(done, total)
        try:
            data = member.read()
            if len(sizes) > 1 and options.image_size is None:  # refused already: only the sizes matter now
                size = image_size(data, options.limits)
                sizes[middle(*size) if options.image_crop else size] += 1
                continue
            image = decode_image(data, options.limits)
            if options.image_crop:
                image = crop_middle(image, options.image_size)
        except Unreadable as reason:
            skipped.append((clean(member.path), str(reason)))
            continue
        sizes[image.shape[1:]] += 1
        if options.image_size is not None:
            image = resize_image(image, options.image_size)
        elif len(sizes) > 1:
            images.clear()
            continue
        images.append(image)
        kept.append(member)
        held += image.nbytes
        if len(images) == options.most:
            break
        if held > options.limits.memory_mb * MEBI:
            raise _too_much(image.shape[1:], options, name)
    if options.image_size is None and len(sizes) > 1:
        raise _mixed(sizes, name)
    if not images:
        raise _nothing(skipped, name)
    notes = _resize_note(sizes, options.image_size)
    if options.image_crop:
        notes.insert(0, "Of each image the middle was taken, as large as the proportions allow.")
    return _assembled(images, kept, skipped, options, notes)


def _resize_note(sizes: Counter, size: tuple[int, int] | None) -> list[str]:
    """The sentence on how many images were brought to `size`; none where none was."""
    changed = sizes.total() - sizes[size] if size is not None else 0
    return [f"Images resized to {size[0]}×{size[1]}: {changed:,} of {sizes.total():,}."] if changed else []


def _assembled(
    images: list[np.ndarray], kept: list[Member], skipped: list, options: Options, notes: list[str]
) -> Dataset:
    """The collected images, all of one size, as a Dataset in their paths' order; empties `images` on the way."""
    order = sorted(range(len(kept)), key=lambda place: natural_key(kept[place].path))
    images[:], kept = [images[place] for place in order], [kept[place] for place in order]
    colours = {len(image) for image in images}
    deep = any(image.dtype == np.uint16 for image in images)
    if len(colours) > 1 and options.image_channels is None:
        notes.append("Grey and colour images came together, so all were taken as colour.")
    samples = np.empty(
        (len(images), max(colours), *images[0].shape[1:]), dtype=np.uint16 if deep else np.uint8
    )
    for index, image in enumerate(images):
        # 257 = 65535 / 255 brings bytes onto the scale of 16 bits; one channel is spread over three
        samples[index] = image.astype(np.uint16) * 257 if deep and image.dtype == np.uint8 else image
        images[index] = None
    labels = _folder_labels(kept, notes) if options.labels_from_folders else None
    if skipped:
        notes.append(f"Files that were left out: {len(skipped):,}; each is listed with its reason.")
    ids = np.array([clean(member.path) for member in kept], dtype=str)
    return from_images(samples, labels, ids, options, notes, skipped)


def _folder_labels(kept: list[Member], notes: list[str]) -> np.ndarray | None:
    """The folder of each image as its label; None, with a note, where there is only one."""
    folders = [clean(member.folder) for member in kept]
    if len(set(folders)) < 2:
        notes.append("All images lie in one folder, so the folders give no labels.")
        return None
    return np.array(folders, dtype=str)


def _mixed(sizes: Counter, name: str) -> MixedSizes:
    """The refusal of images of several sizes, with the size that most have, or the median, at most 64."""
    common, count = sizes.most_common(1)[0]
    if 2 * count < sizes.total():
        every = np.array(list(sizes.elements()))
        common = tuple(int(side) for side in np.median(every, axis=0))
    proposed = fitting_size(*common)
    shown = ", ".join(f"{height}×{width}" for (height, width), _ in sizes.most_common(3))
    more = f" and {len(sizes) - 3} others" if len(sizes) > 3 else ""
    return MixedSizes(
        f"The images in {name} differ in size ({shown}{more}): {resize_advice(proposed)}.",
        proposed,
        dict(sizes.most_common()),
    )


def _too_much(size: tuple[int, int], options: Options, name: str) -> InputError:
    """The refusal of more pixels than the memory takes; a smaller size mends it, unless it is small already."""
    proposed = fitting_size(*size)
    if options.image_size is not None or proposed == size:
        return options.limits.refuse(name, "memory_mb")
    return NeedsResize(
        f"The images in {name}, {size[0]}×{size[1]} each, take more than {options.limits.memory_mb:,} MB:"
        f" {resize_advice(proposed)}.",
        proposed,
    )


def _nothing(skipped: list, name: str) -> NothingReadable:
    found = ""
    if skipped:
        first, reason = skipped[0]
        found = f" ({len(skipped):,} files were left out, the first, {first[:80]!r}: {reason.rstrip('.')})"
    return NothingReadable(
        f"{name} holds no image that can be read{found}: put PNG, JPEG or other images in."
    )

"""The options of `open_dataset`, as every reader receives them, and their checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dsc_core.data.limits import Limits
from dsc_core.errors import InputError

CHANNELS = {"grey": 1, "colour": 3}
PAGES = ("first", "all")  # of an image file with several
MAX_LEVEL = 20  # folders up
MAX_SIZE = 4096  # pixels, the longest side that images can be resized to
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How data are read: the options of `open_dataset`.

    Parameters
    ----------
    name : str, optional
        The name of the data set, by default that of the file.
    size, crop : (height, width), optional; bool, default=False
        Resize images to `size`; by default only those of more than 96 pixels, to 96 on the longer side, with a note.
        With `crop`, keep the center with the proportions of `size` (square without) first.
    channels : {"grey", "colour"}, optional
        Convert images; by default they keep their channels.
    labels_from_folders : bool, default=False
        Use the folder of an image as its label.
    folder_level : int, optional
        Which folder: 1 is the one that contains the image, 2 the one around it; by default the nearest that tells
        classes apart.
    pages : {"first", "all"}, default="first"
        Of image files with several pages or frames: the first, or each as a sample "file.tif#1", "file.tif#2", …
    value_range : (float, float), optional
        The values of black and white of images; by default found from type and values, the same for all images.
    label_column, id_column : str, optional
        Columns of a table, or keys of an .npz, HDF5 or .mat file; "" means none. By default those that names and
        values show to be labels and ids, as `guess_columns` finds them; each guess is said in a note.
    exclude : sequence of str, optional
        Columns of a table that are left out. Columns that only number the rows, and others that look like labels, are
        left out by themselves, with a note, unless "" is among these names.
    header : bool, optional
        Whether the first line of a CSV file names the columns; by default guessed from the types of its cells.
    samples_key : str, optional
        Key of the samples; by default guessed from names and sizes.
    samples_last : bool, optional
        Whether the last axis of an array counts the samples, or the first; by default guessed.
    image_shape : tuple of int, optional
        Read the columns of a table as pixels of images: (H, W), (C, H, W) or (H, W, C).
    columns_first : bool, optional
        Such pixels run down the columns of the image; by default only if MATLAB wrote the file.
    like : dict, optional
        `Dataset.describe()` of the data that a run was trained on, to use its shape, scaling and preprocessing.
    rescale : bool, optional
        With `like`: bring the values of images to the range of the training data (True), or read them on its scale
        (False). By default only data that are clearly on another scale are rescaled; both is said in a note.
    most : int, optional
        Read only about this many images of a folder or archive, for a preview.
    progress : callable, optional
        Called as progress(done, total), in files or bytes; an error that it raises cancels reading.
    limits : Limits
        What is refused.
    scales : dict, optional
        {dtype: (offset, factor)} of images for a run, decided once and shared by all blocks of a stream.
    """

    name: str
    labels_from_folders: bool = False
    folder_level: int | None = None
    pages: str = "first"
    value_range: tuple[float, float] | None = None
    rescale: bool | None = None
    size: tuple[int, int] | None = None
    crop: bool = False
    channels: str | None = None
    label_column: str | None = None
    id_column: str | None = None
    exclude: tuple[str, ...] = ()
    header: bool | None = None
    samples_key: str | None = None
    samples_last: bool | None = None
    columns_first: bool | None = None
    image_shape: tuple[int, ...] | None = None
    like: dict[str, Any] | None = None
    most: int | None = None
    progress: Progress | None = None
    limits: Limits = field(default_factory=Limits.read)
    scales: dict[str, tuple[float, float]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", check_size(self.size))
        names = (self.exclude,) if isinstance(self.exclude, str) else tuple(self.exclude or ())
        object.__setattr__(self, "exclude", names)
        if self.channels is not None and self.channels not in CHANNELS:
            allowed = " or ".join(CHANNELS)
            raise InputError(f"Unknown channels {str(self.channels)[:40]!r}: choose {allowed}.")
        if self.pages not in PAGES:
            raise InputError(f"Unknown pages {str(self.pages)[:40]!r}: choose {' or '.join(PAGES)}.")
        if self.folder_level is not None and not 1 <= int(self.folder_level) <= MAX_LEVEL:
            raise InputError(f"The folder level must be 1 (the folder of the image) to {MAX_LEVEL}.")
        object.__setattr__(self, "value_range", check_range(self.value_range))

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) to resize images to: that of the training data, else `size`."""
        if self.like is not None and self.like["kind"] == "image":
            _, height, width = self.like["shape"]
            return height, width
        return self.size

    @property
    def image_crop(self) -> bool:
        """Whether images are cropped to their center: as the training data were, else `crop`."""
        if self.like is not None and self.like["kind"] == "image":
            return bool((self.like.get("preprocessing") or {}).get("crop"))
        return self.crop

    @property
    def image_channels(self) -> int | None:
        """1 or 3 channels to convert images to: those of the training data, else `channels`; None keeps theirs."""
        if self.like is not None and self.like["kind"] == "image":
            return self.like["shape"][0]
        return CHANNELS[self.channels] if self.channels else None


def check_size(size: Iterable[int] | None) -> tuple[int, int] | None:
    """`size` as (height, width), 1 to MAX_SIZE pixels each, or an InputError."""
    if size is None:
        return None
    sides = tuple(int(side) for side in size)
    if len(sides) != 2 or not all(1 <= side <= MAX_SIZE for side in sides):
        raise InputError(f"The size must be a height and a width of 1 to {MAX_SIZE} pixels, such as 28x28.")
    return sides[0], sides[1]


def check_range(values: Iterable[float] | None) -> tuple[float, float] | None:
    """`values` as (black, white), finite and different, or an InputError."""
    if values is None:
        return None
    ends = tuple(float(value) for value in values)
    if len(ends) != 2 or not math.isfinite(ends[1] - ends[0]) or ends[0] >= ends[1]:
        raise InputError("The value range must be two numbers, the smaller one first, such as 0:4095.")
    return ends[0], ends[1]


def parse_range(text: str) -> tuple[float, float]:
    """(0.0, 4095.0) from "0:4095"; InputError for anything else."""
    try:
        ends = check_range(float(end) for end in text.split(":"))
    except ValueError:
        ends = check_range(())
    assert ends is not None  # since a range was given
    return ends


def parse_size(text: str) -> tuple[int, ...]:
    """(28, 28) from "28x28", (3, 32, 32) from "3x32x32": a size or an image shape."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) not in (2, 3) or not all(part.strip().isdecimal() and len(part) < 6 for part in parts):
        raise InputError(
            f"Invalid size {text[:40]!r}: write height x width, such as 28x28, or 3x32x32 with channels."
        )
    return tuple(int(part) for part in parts)

"""What the caller of `open_dataset` asks for, as every reader gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dsc_core.data.limits import Limits
from dsc_core.errors import InputError

CHANNELS = {"grey": 1, "colour": 3}
PACKED = (".gz", ".bz2", ".xz")  # how a TAR may be compressed
SUFFIXES = (
    *PACKED,
    ".zip",
    ".tar",
    ".tgz",
    ".tbz2",
    ".tbz",
    ".txz",
    ".npz",
    ".npy",
    ".csv",
    ".tsv",
    ".parquet",
    ".idx",
    ".h5",
    ".hdf5",
    ".mat",
)


@dataclass(frozen=True)
class Options:
    """The arguments of `open_dataset`, see there. `name`: what the data set is to be called."""

    name: str
    labels_from_folders: bool = False
    size: tuple[int, int] | None = None
    crop: bool = False
    channels: str | None = None
    label_column: str | None = None
    id_column: str | None = None
    samples_key: str | None = None
    columns_first: bool | None = None
    image_shape: tuple[int, ...] | None = None
    like: dict | None = None
    most: int | None = None
    limits: Limits = field(default_factory=Limits.read)
    progress: Callable[[int, int], None] | None = None

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) to bring images to: that of the data the run was trained on, else `size`."""
        if self.like is not None and self.like["kind"] == "image":
            return tuple(self.like["shape"][1:])
        return self.size

    @property
    def image_crop(self) -> bool:
        """Whether images are cut to their middle: as those of the run's data were, else `crop`."""
        if self.like is not None and self.like["kind"] == "image":
            return bool((self.like.get("preprocessing") or {}).get("crop"))
        return self.crop

    @property
    def image_channels(self) -> int | None:
        """1 or 3 channels to bring images to: those of the run's data, else `channels`; None leaves them."""
        if self.like is not None and self.like["kind"] == "image":
            return self.like["shape"][0]
        return CHANNELS[self.channels] if self.channels else None


def checked_channels(channels: str | None) -> str | None:
    """`channels` as one of CHANNELS or None, or an InputError."""
    if channels is not None and channels not in CHANNELS:
        raise InputError(f"channels takes {' or '.join(CHANNELS)}, not {str(channels)[:40]!r}.")
    return channels


def checked_size(size, what: str = "size") -> tuple[int, int] | None:
    """`size` as (height, width) within 1..4096, or an InputError."""
    if size is None:
        return None
    size = tuple(int(side) for side in size)
    if len(size) != 2 or not all(1 <= side <= 4096 for side in size):
        raise InputError(f"The {what} must be a height and a width of 1 to 4096 pixels, such as 28x28.")
    return size


def parse_size(text: str) -> tuple[int, ...]:
    """(28, 28) from "28x28", (3, 32, 32) from "3x32x32": what --size and --image-shape take."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) not in (2, 3) or not all(part.strip().isdecimal() and len(part) < 6 for part in parts):
        raise InputError(
            f"{text[:40]!r} is no size: write height x width, such as 28x28, or 3x32x32 with channels."
        )
    return tuple(int(part) for part in parts)


def clean(text: str) -> str:
    """`text` without what UTF-8 cannot store (file names of other encodings), otherwise as it stands."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "�")


def suffix_of(path: Path) -> str:
    """What a file's name says of its format, in small letters: ".zip", and ".tar.gz" for both of its parts."""
    parts = [part.lower() for part in path.suffixes[-2:]]
    return (
        "".join(parts)
        if len(parts) == 2 and parts[0] == ".tar" and parts[1] in PACKED
        else path.suffix.lower()
    )


def dataset_name(path: Path) -> str:
    """The name a data set takes from its file: "digits" for digits.zip and for digits.idx.gz."""
    name = path.name
    for suffix in SUFFIXES:
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return clean(name) or "data"


def row_ids(n: int, first: int = 0) -> np.ndarray:
    """The row numbers as ids: "0", "1", ..., or counted from `first`."""
    return np.arange(first, first + n).astype(f"<U{len(str(max(first + n - 1, 0)))}")

"""ZIP archives of images, read in memory: nothing is written to disk under a name that an archive gives."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options, clean
from dsc_core.data.readers.images import (
    BROKEN,
    Member,
    Unreadable,
    collect,
    is_hidden,
    most_bytes,
    spread,
    too_large,
    unwanted,
)
from dsc_core.errors import InputError

BLOCK = 1 << 16
RATIO_FROM = 64 * MEBI  # below this much, even a bomb does no harm, and tiny images may pack very well


class Budget:
    """Counts what comes out of an archive while it comes out, since what its directory says may be a lie."""

    def __init__(self, name: str, packed: int, limits: Limits):
        self.name, self.packed, self.limits, self.taken = name, packed, limits, 0

    def take(self, count: int) -> None:
        """Add `count` unpacked bytes, or raise an InputError."""
        self.taken += count
        if self.taken > self.limits.unpacked_mb * MEBI:
            raise self.limits.refuse(self.name, "unpacked_mb")
        if self.taken > RATIO_FROM and self.taken > self.limits.ratio * self.packed:
            raise self.limits.refuse(self.name, "ratio")


def read_zip(path: Path, options: Options) -> Dataset:
    """The images of a ZIP archive, in the natural order of their paths: img2.png before img10.png.

    Ids are the paths inside the archive. Hidden files are passed over; whatever else is no image, is broken,
    is a link, an archive or points outside is left out and listed. InputError for a file that is no ZIP
    archive, has nothing readable, or goes beyond a limit.
    """
    skipped: list[tuple[str, str]] = []
    with zip_members(path, options, skipped) as members:
        members = spread(members, options.most)
        return collect(members, len(members), skipped, options, path.name)


@contextmanager
def zip_members(path: Path, options: Options, skipped: list[tuple[str, str]]):
    """The image files of an open ZIP archive, to be read while the block lasts; what is none goes to `skipped`."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise InputError(
            f"{path.name} is not a ZIP archive, or is cut short: pack the images again."
        ) from error
    with archive:
        if len(archive.infolist()) > options.limits.members:
            raise options.limits.refuse(path.name, "members")
        budget = Budget(path.name, path.stat().st_size, options.limits)
        yield list(_members(archive, skipped, budget))


def _members(archive: zipfile.ZipFile, skipped: list, budget: Budget) -> Iterator[Member]:
    for info in archive.infolist():
        name = inner_path(info.filename)
        if not name or name.endswith("/"):  # a folder; ZipInfo.is_dir() stumbles over a member without a name
            continue
        if wanted(name, stat.S_ISLNK(info.external_attr >> 16), skipped):
            yield Member(name, partial(_unpack, archive, info, budget))


def inner_path(name: str) -> str:
    """The path of a member with forward slashes, as Windows' programs do not always write it."""
    return name.replace("\\", "/").removeprefix("./")


def wanted(name: str, is_link: bool, skipped: list[tuple[str, str]]) -> bool:
    """Whether a member of an archive is to be read; where not, it is added to `skipped` unless it is hidden."""
    if leaves_folder(name):
        reason = "The name points outside the archive."
    elif is_hidden(name):
        return False
    elif is_link:
        reason = "The file is a link, and links are not followed."
    else:
        reason = unwanted(name)
    if reason:
        skipped.append((clean(name), reason))
    return not reason


def leaves_folder(name: str) -> bool:
    """Whether a path with forward slashes is absolute (also as Windows has it) or climbs with '..'."""
    return name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    """The bytes of one member, counted as they come; Unreadable where it is broken or too large."""
    if info.flag_bits & 1:
        raise Unreadable("The file is protected by a password.")
    try:
        with archive.open(info) as member:
            return read_member(member, budget.limits, budget.take)
    except (InputError, Unreadable):
        raise
    except Exception as error:  # zipfile, zlib, bz2 and lzma each have their own errors for broken members
        raise Unreadable(BROKEN) from error


def read_member(member, limits: Limits, count: Callable[[int], None] = lambda _: None) -> bytes:
    """All bytes of an open file, each block told to `count`; Unreadable where they are too many."""
    data, most = bytearray(), most_bytes(limits)
    while block := member.read(BLOCK):
        count(len(block))
        data += block
        if len(data) > most:
            raise too_large(limits)
    return bytes(data)

"""ZIP archives of images, read in memory: nothing is written to disk under a name from an archive."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.image_collection import collect_images, preview_subset
from dsc_core.data.image_files import BROKEN, ImageFile, Unreadable
from dsc_core.data.options import Options
from dsc_core.data.unpacking import Budget, inner_path, is_wanted, read_member
from dsc_core.errors import InputError

HEADER = 30  # bytes before a member, at least


def read_zip(path: Path, options: Options) -> Dataset:
    """The images of a ZIP archive, in the natural order of their paths.

    Ids are the paths inside the archive. Hidden files are ignored; files that are damaged, links, archives, outside the
    archive or not images are skipped and listed. InputError for a file that is not a ZIP archive, contains nothing
    readable, or exceeds a limit.
    """
    skipped: list[tuple[str, str]] = []
    with open_files(path, options, skipped) as files:
        files = preview_subset(files, options.most)
        return collect_images(files, len(files), skipped, options, path.name)


@contextmanager
def open_files(path: Path, options: Options, skipped: list[tuple[str, str]]) -> Iterator[list[ImageFile]]:
    """The image files of a ZIP archive, to be read within the `with` block; others are added to `skipped`."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise InputError(
            f"{path.name} is not a ZIP archive, or is truncated: pack the images again."
        ) from error
    with archive:
        if len(archive.infolist()) > options.limits.members:
            raise options.limits.error(path.name, "members")
        _check_overlaps(archive, path.name)
        budget = Budget(path.name, path.stat().st_size, options.limits)
        yield list(_files(archive, skipped, budget))


def _check_overlaps(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an archive whose members share bytes: a few of them could be unpacked without end."""
    spans = sorted((info.header_offset, info.compress_size) for info in archive.infolist())
    for (start, size), (following, _) in pairwise(spans):
        if following < start + HEADER + size:
            raise InputError(
                f"{name} has files that overlap, as no program packs them: pack the images again."
            )


def _files(archive: zipfile.ZipFile, skipped: list[tuple[str, str]], budget: Budget) -> Iterator[ImageFile]:
    for info in archive.infolist():
        name = inner_path(info.filename)
        if not name or name.endswith("/"):  # a folder; ZipInfo.is_dir() fails for a member without a name
            continue
        if is_wanted(name, stat.S_ISLNK(info.external_attr >> 16), skipped):
            yield ImageFile(name, partial(_unpack, archive, info, budget))


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    """The bytes of one member, counted as they come; Unreadable if it is damaged or too large."""
    budget.check_work()
    if info.flag_bits & 1:
        raise Unreadable("The file is protected by a password.")
    try:
        with archive.open(info) as member:
            return read_member(member, budget.limits, budget.take)
    except (InputError, Unreadable):
        raise
    except Exception as error:  # zipfile, zlib, bz2 and lzma each have their own errors for damaged members
        raise Unreadable(BROKEN) from error

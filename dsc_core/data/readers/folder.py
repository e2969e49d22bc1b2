"""A folder of images on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.image_collection import collect_images, preview_subset
from dsc_core.data.image_files import (
    ImageFile,
    Unreadable,
    is_hidden,
    max_bytes,
    too_large,
    why_hidden,
    why_not_image,
)
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.data.text import clean


def read_folder(path: Path, options: Options) -> Dataset:
    """The images in a folder and its subfolders, in the natural order of their paths.

    Ids are the paths below the folder, with forward slashes. Links to folders are not followed, links to files only if
    they stay inside; both are listed, and so are folders that cannot be opened. InputError if nothing is readable or
    there are too many files or folders.
    """
    skipped: list[tuple[str, str]] = []
    with open_files(path, options, skipped) as files:
        files = preview_subset(files, options.most)
        return collect_images(files, len(files), skipped, options, clean(path.resolve().name) or "the folder")


@contextmanager
def open_files(path: Path, options: Options, skipped: list[tuple[str, str]]) -> Iterator[list[ImageFile]]:
    """The image files in a folder and its subfolders; others are added to `skipped`."""
    yield list(_files(path, skipped, options.limits))


def _files(root: Path, skipped: list[tuple[str, str]], limits: Limits) -> Iterator[ImageFile]:
    real_root, count = root.resolve(), 0

    def unreadable(error: OSError) -> None:
        """A folder that cannot be listed."""
        inside = Path(error.filename or root).relative_to(root).as_posix()
        reason = error.strerror or "the system refuses it"
        skipped.append((clean(inside), f"The folder cannot be opened: {reason}."))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        count += len(names) + len(folders)
        if count > limits.members:
            raise limits.error("The folder", "members")
        inside = Path(folder).relative_to(root).as_posix()
        prefix = "" if inside == "." else inside + "/"
        for name in folders:
            if reason := _why_not_folder(Path(folder, name)):
                skipped.append((clean(prefix + name), reason))
        folders[:] = [name for name in folders if not is_hidden(name)]
        for name in names:
            yield from _file(Path(folder, name), prefix + name, real_root, skipped, limits)


def _why_not_folder(path: Path) -> str | None:
    """Why a folder is not opened, a sentence; None for others, and for hidden ones in which nobody keeps images."""
    if path.is_symlink():
        return "The folder is a link, and links to folders are not followed."
    if not is_hidden(path.name) or path.name == "__MACOSX":
        return None
    try:
        with os.scandir(path) as entries:
            holds_images = any(why_not_image(entry.name) is None for entry in entries)
    except OSError:
        return None
    return "The folder is hidden." if holds_images else None


def _file(
    path: Path, inside: str, real_root: Path, skipped: list[tuple[str, str]], limits: Limits
) -> Iterator[ImageFile]:
    """The file if it is an image to be read; if not, it is added to `skipped`."""
    if is_hidden(inside):
        reason = why_hidden(inside)
        if reason is None:
            return
    else:
        reason = _why_not(path, inside, real_root)
    if reason:
        skipped.append((clean(inside), reason))
    else:
        yield ImageFile(inside, partial(_read, path, limits))


def _why_not(path: Path, inside: str, real_root: Path) -> str | None:
    """Why a file is not read, a sentence; None for an image."""
    if not path.resolve().is_relative_to(real_root):
        return "The file is a link that points outside the folder."
    if not path.is_file():  # reading a pipe would wait forever
        return "The file is not a regular file."
    return why_not_image(inside)


def _read(path: Path, limits: Limits) -> bytes:
    try:
        if path.stat().st_size > max_bytes(limits):
            raise too_large(limits)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        raise Unreadable(f"The file cannot be opened: {reason}.") from error

"""A folder of images on the disk of the machine that runs the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options, clean
from dsc_core.data.readers.images import (
    Member,
    Unreadable,
    collect,
    is_hidden,
    most_bytes,
    spread,
    too_large,
    unwanted,
)


def read_folder(path: Path, options: Options) -> Dataset:
    """The images in a folder and its folders, in the natural order of their paths: img2.png before img10.png.

    Ids are the paths below the folder, with forward slashes. Links to folders are not followed, and links to
    files only where they stay inside. InputError where there is nothing readable or there are too many files.
    """
    skipped: list[tuple[str, str]] = []
    members = spread(folder_members(path, options, skipped), options.most)
    return collect(members, len(members), skipped, options, clean(path.resolve().name) or "the folder")


def folder_members(path: Path, options: Options, skipped: list[tuple[str, str]]) -> list[Member]:
    """The image files in a folder and its folders; what is none goes to `skipped`."""
    return list(_members(path, skipped, options.limits))


def _members(root: Path, skipped: list, limits: Limits) -> Iterator[Member]:
    real, count = root.resolve(), 0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_hidden(name)]
        for name in files:
            path = Path(folder, name)
            inside = path.relative_to(root).as_posix()
            if is_hidden(inside):
                continue
            count += 1
            if count > limits.members:
                raise limits.refuse("The folder", "members")
            if not path.resolve().is_relative_to(real):
                skipped.append((clean(inside), "The file is a link that leads out of the folder."))
            elif not path.is_file():  # a pipe would be waited for
                skipped.append((clean(inside), "The file is not a regular file."))
            elif reason := unwanted(inside):
                skipped.append((clean(inside), reason))
            else:
                yield Member(inside, partial(_read, path, limits))


def _read(path: Path, limits: Limits) -> bytes:
    try:
        if path.stat().st_size > most_bytes(limits):
            raise too_large(limits)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        raise Unreadable(f"The file cannot be opened: {reason}.") from error

"""What is unpacked from archives, within limits: members' names and bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO

from dsc_core.data.image_files import is_hidden, max_bytes, too_large, why_hidden, why_not_image
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.text import clean

BLOCK = 1 << 16
RATIO_FROM = 64 * MEBI  # below this size even a bomb is harmless, and tiny images may compress very well


WORK_PER_MB = 10  # seconds; real images take less than one


class Budget:
    """Counts what comes out of an archive: its bytes, since the sizes in its directory may be wrong, and the work.

    packed: the size of the archive in bytes. The work is that of the thread that reads and decodes, so that a busy
    machine is not taken for a hostile archive.
    """

    def __init__(self, name: str, packed: int, limits: Limits, harmless: int = RATIO_FROM):
        self.name, self.packed, self.limits, self.taken, self.harmless = name, packed, limits, 0, harmless
        self.began = time.thread_time()

    def check_work(self) -> None:
        """Raise an InputError once the archive has taken more work than its size can explain."""
        if time.thread_time() - self.began > self.limits.work + WORK_PER_MB * self.packed / MEBI:
            raise self.limits.error(self.name, "work")

    def take(self, count: int) -> None:
        """Add `count` unpacked bytes, or raise an InputError."""
        self.taken += count
        if self.taken > self.limits.unpacked_mb * MEBI:
            raise self.limits.error(self.name, "unpacked_mb")
        if self.taken > self.harmless and self.taken > self.limits.ratio * self.packed:
            raise self.limits.error(self.name, "ratio")


def inner_path(name: str) -> str:
    """The path of a member with forward slashes, which programs for Windows do not always write."""
    return name.replace("\\", "/").removeprefix("./")


def is_wanted(name: str, is_link: bool, skipped: list[tuple[str, str]]) -> bool:
    """Whether a member is an image to be read; if not, it is added to `skipped`.

    Only what an operating system made for itself is passed over without a word.
    """
    reason: str | None
    if leaves_folder(name):
        reason = "The name points outside the archive."
    elif is_hidden(name):
        if hidden := why_hidden(name):
            skipped.append((clean(name), hidden))
        return False
    elif is_link:
        reason = "The file is a link, and links are not followed."
    else:
        reason = why_not_image(name)
    if reason:
        skipped.append((clean(name), reason))
    return not reason


def leaves_folder(name: str) -> bool:
    """Whether a path with forward slashes is absolute (also on Windows) or contains '..'."""
    return name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")


def read_member(member: IO[bytes], limits: Limits, count: Callable[[int], None] | None = None) -> bytes:
    """All bytes of an open member; count(bytes) is called for each block. Unreadable if they are too many."""
    data, maximum = bytearray(), max_bytes(limits)
    while block := member.read(BLOCK):
        if count is not None:
            count(len(block))
        data += block
        if len(data) > maximum:
            raise too_large(limits)
    return bytes(data)

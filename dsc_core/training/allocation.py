"""Large blocks of memory, kept by the process between two steps of training.

glibc gives a block of more than 128 kB (a number that grows to 32 MB) back to the system as soon as it is free, and
each step takes it anew, page by page, each zeroed by the system: a tenth of the time of a step. Elsewhere than on
Linux with glibc nothing is done.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
BLOCK, KEPT = 2**28, 2**30  # bytes: the largest block that is kept, and free memory in all
MANY = 50_000  # samples from which the blocks of a graph are large
USUAL = 2**25  # glibc's own limit of the first, to which it grows by itself; of the second twice as much


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except OSError:
        return None


def keep_blocks() -> bool:
    """Keep large blocks for the next step; whether this C library can be told."""
    return _set_thresholds(BLOCK, KEPT)


def give_back() -> bool:
    """Give free memory back to the system, now and, as before `keep_blocks`, from now on; whether it can be told."""
    library = _glibc()
    if library is None or not _set_thresholds(USUAL, 2 * USUAL):
        return False
    trim()
    return True


@contextmanager
def blocks_kept() -> Iterator[None]:
    """Keep large blocks in the block, for work whose pieces take the same memory one after the other."""
    keep_blocks()
    try:
        yield
    finally:
        give_back()


def trim() -> None:
    """Give free memory back to the system now, also that which lies between blocks in use."""
    if library := _glibc():
        library.malloc_trim(0)


@contextmanager
def blocks_given_back(samples: int) -> Iterator[None]:
    """Give free blocks back while a graph of so many samples is built and cut, where they are large.

    Each takes other sizes, which do not fit into the gaps that earlier ones have left: of 100,000 samples on, kept
    blocks once filled 21 GB.
    """
    if samples <= MANY or not give_back():
        yield
        return
    try:
        yield
    finally:
        give_back()
        keep_blocks()


def _set_thresholds(block: int, kept: int) -> bool:
    """Set both limits; whether this C library can be told."""
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, block)) and bool(library.mallopt(TRIM_THRESHOLD, kept))

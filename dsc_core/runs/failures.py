"""Errors as one sentence for users."""

from __future__ import annotations

import errno
import sqlite3

from dsc_core.errors import InputError, RunError
from dsc_core.training import launch

DISK_FULL = "The disk is full: free some space, then try again."
TOO_MANY_FILES = (
    "Too many files are open at once: close other programs, or raise the limit on open files (`ulimit -n`)."
)
OUT_OF_MEMORY = (
    "The computer ran out of memory: close other programs, or choose smaller batches or a smaller data set."
)
KILLED = "The training process was killed from outside, perhaps by the system for lack of memory."
UNUSABLE = "The workspace's database cannot be used ({}); check that its disk has room and can be written."
MENDED = "The workspace's database was damaged and has been mended: try again."
RESTARTED = "The computer was restarted, or the training process was lost, while this run trained."
LOST = "One of the processes that trained this run together was lost: resume the run."
# Parts of error messages of gloo and NCCL.
LOST_WORDS = ("closed by peer", "reset by peer", "gloo", "nccl", "processgroup")
# Native libraries pass on the message of the system without its errno.
FULL_WORDS = ("no space left", "disk is full", "requested and 0 written", "disk quota")
MEMORY_WORDS = (
    "allocate memory",
    "out of memory",
    "unable to allocate",
    "bad_alloc",
    "bad allocation",
    "failed to map segment",
    "failed to mmap",
    "can't start new thread",
    "could not create a primitive",  # oneDNN, which says nothing else where it gets no memory
)
FILES_WORDS = ("too many open files",)


def sentence(error: BaseException) -> str:
    """One sentence for `error`; the traceback belongs in the run's log."""
    text = " ".join(str(error).split())
    if is_disk_full(error):
        return DISK_FULL
    if isinstance(error, InputError | RunError):
        return text
    if isinstance(error, MemoryError) or any(words in text.lower() for words in MEMORY_WORDS):
        return OUT_OF_MEMORY
    if any(words in text.lower() for words in FILES_WORDS):
        return TOO_MANY_FILES
    if is_lost(error):
        return LOST
    if isinstance(error, KeyboardInterrupt):
        return "Training was interrupted from the keyboard."
    return f"Training stopped by an unexpected error ({error_title(error)}); see the log."


def unexpected(error: BaseException) -> str:
    """One sentence for an error of a command that does not train."""
    text = sentence(error)
    return f"An unexpected error ({error_title(error)}) ended the command." if "unexpected" in text else text


def error_title(error: BaseException) -> str:
    """ "ValueError: its message", on one line."""
    text = " ".join(str(error).split())
    return shortened(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def is_lost(error: BaseException) -> bool:
    """Whether `error` means that another process of a distributed training was lost."""
    text = str(error).lower()
    return (
        launch.is_distributed()
        and isinstance(error, RuntimeError)
        and any(words in text for words in LOST_WORDS)
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether `error` means, by errno or message, that the disk or the quota is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error).lower() for words in FULL_WORDS)


def os_reason(error: OSError) -> str:
    """Why a file could not be written, as a part of a sentence: "the disk is full"."""
    return "the disk is full" if is_disk_full(error) else shortened(error.strerror or str(error))


def store_sentence(error: sqlite3.Error | OSError) -> str:
    """One sentence for an error of the database of runs."""
    if is_disk_full(error):
        return DISK_FULL
    if isinstance(error, OSError):
        return UNUSABLE.format(os_reason(error))
    if "locked" in str(error):
        return "The workspace's database is locked by another program; try again in a moment."
    return UNUSABLE.format(shortened(str(error)))


def shortened(text: str, limit: int = 200) -> str:
    """`text` on one line, cut to `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

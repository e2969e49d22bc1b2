"""Whether the process that trains a run is still that process.

A process id alone proves nothing: ids are given out again. On Linux the time at which the process started,
with the machine's boot and the process namespace, makes it certain; elsewhere, and for a run of another
machine on a shared disk, the age of the last heartbeat decides.
"""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache
from pathlib import Path

BEAT = 5.0  # seconds between two heartbeats
SILENCE = (
    60.0  # seconds without one after which a process counts as gone; drawing a map can hold several back
)


@lru_cache(maxsize=1)
def place() -> str:
    """What tells this boot of this machine (and this container) from others; "" where it cannot be known."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def identity(pid: int) -> str | None:
    """A word that no other process will ever have; None without such a process, or where none is known."""
    if not place():
        return None
    try:
        # The program's name, in brackets, may hold spaces and brackets: count the fields after the last one.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{place()}/{started}"


def alive(pid: int | None, known: str | None, heartbeat: float | None) -> bool:
    """Whether the process `pid` that had the identity `known` still lives. heartbeat: epoch seconds."""
    if pid and known and place() and known.startswith(place() + "/"):
        return identity(pid) == known
    return heartbeat is not None and time.time() - heartbeat < SILENCE


def same_boot(known: str | None) -> bool:
    """Whether the identity `known` was given on this machine since it was last started."""
    return not known or known.split("/")[0] == place().split("/")[0]

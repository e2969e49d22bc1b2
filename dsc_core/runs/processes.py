"""Whether the process that trains a run is still alive, and still the same process.

A process id alone proves nothing: the system reuses ids. On Linux the time at which the process started,
with the machine's boot and the process namespace, identify a process; elsewhere, and for a run of another
machine on a shared disk, its heartbeats decide. A clock may be wrong, or be set back: a heartbeat far in the future
proves as little as an old one, until another one follows it.
"""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache
from pathlib import Path

BEAT = 5.0  # seconds between heartbeats
SILENCE = 60.0  # seconds without a heartbeat after which a process counts as dead; computing a map can delay several


@lru_cache(maxsize=1)
def boot_id() -> str:
    """An identifier of this boot of this machine and of this container; "" if there is none."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def identity(pid: int) -> str | None:
    """An identifier that is never reused; None if there is no such process or no identifier on this system."""
    if not boot_id():
        return None
    try:
        # The program's name, in brackets, may contain spaces and brackets: count the fields after the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot_id()}/{started}"


def alive(pid: int | None, expected: str | None, heartbeat: float | None) -> bool:
    """Whether the process `pid` with the identity `expected` is alive. heartbeat: epoch seconds."""
    if pid and expected and boot_id() and expected.startswith(boot_id() + "/"):
        return identity(pid) == expected
    if heartbeat is None:
        return False
    return abs(time.time() - heartbeat) < SILENCE or _beats(f"{expected}/{pid}", heartbeat)


# process -> its last heartbeat, and when that changed on the clock of this machine
_heard: dict[str, tuple[float, float]] = {}


def _beats(process: str, heartbeat: float) -> bool:
    """Whether the heartbeats of a process that lives by another clock have moved on since an earlier call."""
    last, changed = _heard.get(process, (heartbeat, -SILENCE))
    changed = time.monotonic() if heartbeat != last else changed
    _heard[process] = (heartbeat, changed)
    return time.monotonic() - changed < SILENCE


def same_boot(process: str | None) -> bool:
    """Whether the identity `process` is from the current boot of this machine."""
    return not process or process.split("/")[0] == boot_id().split("/")[0]

"""Threads of a computation: one for small work, and for a run the cores that are free.

Libraries start as many threads as the machine has cores. On small arrays the second one mostly waits, and where several
processes do so at once, each waits for the others. This module loads no library; it sets the numbers of those that are
loaded: PyTorch, OpenMP (scikit-learn, faiss), and the BLAS of NumPy and SciPy.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

CGROUPS = Path("/sys/fs/cgroup")
# Each brings thread pools when it is loaded.
LIBRARIES = ("numpy", "torch", "scipy.linalg", "sklearn", "faiss", "numba")


def available() -> int:
    """The cores that this process may use, at least 1: of the machine, its affinity, and its control group's quota."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, cores if quota is None else min(cores, int(quota)))


def share(runs: int) -> int:
    """Threads for each of so many runs side by side on the cores that this process may use, at least 1."""
    return max(1, available() // max(1, runs))


def wanted() -> int | None:
    """The number of threads that a person has set by OMP_NUM_THREADS, or None."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def set_threads(count: int) -> None:
    """Let the calling thread compute on `count` threads from now on, by every library that is loaded."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)  # MKL inside PyTorch, which OpenMP's number does not reach
    _pools().limit(limits=count)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread in the block; also a decorator. It takes some 20 µs.

    The numbers of PyTorch and OpenMP belong to the calling thread. Those of BLAS belong to the process: while any
    thread is in such a block, all have one, and the last that leaves it restores them. Do not yield from a generator
    inside the block.
    """
    torch = sys.modules.get("torch")
    pools = _pools()
    threads = torch.get_num_threads() if torch else 0
    with pools.select(user_api="openmp").limit(limits=1), _OneBlasThread(pools):
        try:
            if torch and threads != 1:
                torch.set_num_threads(1)
            yield
        finally:
            if torch and threads != 1:
                torch.set_num_threads(threads)


class _OneBlasThread:
    """Limits the process's BLAS to one thread from the first that enters to the last that leaves."""

    lock = threading.Lock()
    depth = 0
    limiter: Any = None

    def __init__(self, pools: ThreadpoolController) -> None:
        self.pools = pools

    def __enter__(self) -> None:
        cls = type(self)
        with cls.lock:
            cls.depth += 1
            if cls.depth == 1:
                cls.limiter = self.pools.select(user_api="blas").limit(limits=1)

    def __exit__(self, *_: object) -> None:
        cls = type(self)
        with cls.lock:
            cls.depth -= 1
            if not cls.depth:
                cls.limiter.restore_original_limits()
                cls.limiter = None


_found: tuple[tuple[str, ...], ThreadpoolController] | None = None


def _pools() -> ThreadpoolController:
    """The thread pools of the loaded libraries, looked for anew (some ms) only when one more is loaded."""
    global _found
    loaded = tuple(name for name in LIBRARIES if name in sys.modules)
    if _found is None or _found[0] != loaded:
        from threadpoolctl import ThreadpoolController

        _found = loaded, ThreadpoolController()
    return _found[1]


def _quota() -> float | None:
    """Cores that the control groups of this process allow it, or None without a limit. Linux, versions 2 and 1."""
    limits = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                limits += _limits(CGROUPS, path, "cpu.max")
            elif "cpu" in controllers.split(","):
                limits += _limits(CGROUPS / controllers, path, "cpu.cfs_quota_us", "cpu.cfs_period_us")
                limits += _limits(CGROUPS / "cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us")
    return min(limits, default=None)


def _limits(home: Path, path: str, *files: str) -> list[float]:
    """The quotas, in cores, of the control group `path` and of those that it lies in."""
    limits = []
    group = home / path.strip("/")
    for folder in [group, *group.parents]:
        with suppress(OSError, ValueError):
            quota, period = (number for file in files for number in (folder / file).read_text().split())
            if quota not in ("max", "-1"):
                limits.append(int(quota) / int(period))
        if folder == home:
            break
    return limits

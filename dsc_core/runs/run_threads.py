"""How many CPU threads a run computes on: the cores that are free when it first starts.

The number is kept in the run's folder. A run that is continued takes it again, even where other runs have started or
ended since, because sums over another number of threads differ in their last digits, and labels then may.
"""

from __future__ import annotations

from contextlib import suppress

from dsc_core import threads
from dsc_core.errors import RunError
from dsc_core.runs import facts, queue, starting
from dsc_core.runs.files import read_json, write_json
from dsc_core.runs.run import Run
from dsc_core.runs.store import Store

FILE = "threads.json"


def apply(store: Store, run: Run) -> None:
    """Let this process, which trains the run, compute on its number of threads.

    Where OMP_NUM_THREADS is set, the libraries have taken their number from it, and it stays.
    """
    if threads.wanted() is not None:
        return
    count = kept(run) or choose(store)
    import scipy.linalg  # noqa: F401 – these bring thread pools, which exist only from then on
    import torch  # noqa: F401

    threads.set_threads(count)
    with suppress(OSError):  # on a full disk the run trains nevertheless
        write_json(run.folder / FILE, {"threads": count})


def choose(store: Store) -> int:
    """Threads for a run that starts now: the cores shared with the runs that train, and with those next in the queue.

    The queue counts as far as its runs may train at the same time.
    """
    running = sum(map(starting.alive, store.index.runs("running")))
    soon = min(running + len(queue.waiting(store)), queue.concurrent_runs(store))
    return threads.share(max(running, soon))


def kept(run: Run) -> int | None:
    """The number that the run computed on before, if these cores allow it, or None."""
    with suppress(RunError):
        count = read_json(run.folder / FILE).get("threads")
        if isinstance(count, int) and facts.whole(count, low=1):
            return min(count, threads.available())
    return None

"""The film of a run's latent map, laid out in a second process while the run trains: both sides of it.

`Filming` is used by training: it queues latents in the run's folder and notifies the second process. `main` is that
process, started as `python -m dsc_core.runs.film_process FOLDER SEED`: one thread that lays out the queued latents. On
Linux it runs where a core would be idle as long as training lasts, elsewhere at low priority, so that training hardly
notices it. On a busy computer it falls behind: then it lays out the newest first, so that a page shows the present, and
the others later, also after training has ended. It ends when its standard input closes without the word "end",
that is, when training was killed; the queue then waits for the next attempt, or for `catch_up`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dsc_core.analysis import map_film
from dsc_core.errors import RunError
from dsc_core.runs import failures, film_frames, film_state, processes
from dsc_core.runs.files import ROOT
from dsc_core.training import launch

PATIENCE = 5.0  # seconds that the end of training waits for the last frames; those left are drawn without it
BEHIND = 4  # queued latents, beyond which the newest is laid out first
NICE = 10  # while training lasts, less than that on Linux
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOST = (
    "The process that draws the map of each epoch ended unexpectedly{how}. Training goes on, and the missing maps can"
    " be drawn later on the Train page."
)
SKIPPED = "The map after epoch {epoch} could not be saved: {reason}. Training goes on."


class Filming:
    """The film of one training. `take` receives its latents, `end` waits a moment for the last frames.

    warn: called once with a sentence if the second process is lost, or frames cannot be saved. lost: whether it is;
    latents are queued nevertheless. over: whether the block has ended.
    """

    def __init__(self, folder: Path, seed: int, warn: Callable[[str], None]) -> None:
        self.folder, self.seed, self.warn = folder, seed, warn
        self.process: subprocess.Popen[bytes] | None = None
        self.over = self.lost = self.skipping = False

    def __enter__(self) -> Filming:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, rows: np.ndarray, after: int) -> None:
        """Prepare for training on the samples `rows` that continues after the epoch `after`, -1 at the start."""
        film_state.disown(self.folder)  # an earlier attempt's process may still be drawing
        try:
            film_frames.begin(self.folder, rows, after)
        except OSError as error:
            self.skip(after + 1, error)
        if film_frames.epochs(self.folder, "latent"):
            self.notify()

    def take(self, epoch: int, latent: np.ndarray, clusters: np.ndarray | None) -> None:
        """Queue latents (m, d) and clusters (m,) for layout, without pending."""
        if self.over:
            return
        try:
            film_frames.offer(self.folder, epoch, latent, clusters)
            self.skipping = False
        except OSError as error:
            self.skip(epoch, error)
            return
        self.notify()

    def skip(self, epoch: int, error: OSError) -> None:
        """Warn that a frame could not be saved, once until saving works again."""
        if not self.skipping:
            self.skipping = True
            self.warn(SKIPPED.format(epoch=epoch, reason=failures.os_reason(error)))

    def notify(self) -> None:
        """Notify the second process of queued latents; start it if it is not running, once."""
        if self.lost:
            return
        try:
            if self.process is None:
                self.process = start(self.folder, self.seed)
            self.send(b"\n")
        except OSError:
            self.fail()

    def send(self, message: bytes) -> None:
        """Write to the second process's standard input. OSError if it is gone."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(message)
            self.process.stdin.flush()

    def fail(self) -> None:
        """Warn, once, that the second process is lost. What is queued stays, for `catch_up`."""
        if self.lost:
            return
        self.lost, how = True, ""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):  # its end of the pipe closes a moment before it exits
                how = f" (exit code {self.process.wait(5)})"
        self.kill()
        self.warn(LOST.format(how=how))

    def end(self) -> None:
        """Training is over: wait a moment for the queued latents; the process draws the rest by itself, then ends."""
        process = self.process
        if process is not None and not self.lost:
            try:
                self.send(b"end\n")
                if process.wait(PATIENCE):
                    self.fail()
            except subprocess.TimeoutExpired:
                self.process = None
                release(process)
            except OSError:
                self.fail()
        self.close()

    def close(self) -> None:
        """Training has ended, well or not: without `end` before, the second process ends as well."""
        self.over = True
        self.kill()

    def kill(self) -> None:
        """Kill the second process."""
        if self.process is not None:
            self.process.kill()
            if self.process.stdin is not None:
                with suppress(OSError):
                    self.process.stdin.close()
            self.process.wait()


def release(process: subprocess.Popen[bytes]) -> None:
    """Let the second process, which was told that training is over, outlive this one."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    # Without a wait the ended process would stay in the system's table until this one ends.
    threading.Thread(target=process.wait, daemon=True).start()


def catch_up(folder: Path, seed: int) -> None:
    """Draw the queued latents of a run that no longer trains, in a process that outlives this one.

    RunError if it cannot be started.
    """
    film_state.disown(folder)
    try:
        process = start(folder, seed)
        if process.stdin is not None:
            process.stdin.write(b"end\n")
            process.stdin.flush()
    except OSError as error:
        raise RunError(f"The maps cannot be drawn: {failures.os_reason(error)}.") from error
    release(process)


def command(folder: Path, seed: int) -> list[str]:
    """The command of the second process."""
    return [sys.executable, "-m", "dsc_core.runs.film_process", str(folder), str(seed)]


def start(folder: Path, seed: int) -> subprocess.Popen[bytes]:
    """Start the second process, in the session of this one. OSError if that fails."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = launch.without_torchrun(os.environ) | dict.fromkeys(ONE_THREAD, "1")
    environment |= {"PYTHONPATH": os.pathsep.join(paths)}
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)  # on Windows, where os.nice does not exist
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            command(folder, seed),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            creationflags=flags,
        )
    with suppress(OSError):  # it notes this itself once it has loaded its libraries, which takes seconds
        film_state.note(folder, pid=process.pid)
    return process


# The second process ------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Lay out frames until standard input says "end" and the queue is empty. → the exit code."""
    folder, seed = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; training decides when to end
    if hasattr(os, "nice"):
        os.nice(NICE)
    only_idle_cores(True)
    queued, ending = threading.Event(), threading.Event()
    threading.Thread(target=_listen, args=(queued, ending), daemon=True).start()
    threading.Thread(target=_beat, args=(Path(folder),), daemon=True).start()
    try:
        film_state.note(Path(folder))
        while True:
            queued.wait()
            queued.clear()
            last = ending.is_set()  # read it before the folder: nothing is queued after it
            while pending := film_frames.epochs(Path(folder), "latent"):
                if not film_state.owned(Path(folder)):  # the run was started again, or deleted
                    return 0
                lay_out(Path(folder), choose(Path(folder), pending), int(seed))
            if last:
                return 0
            film_state.note(Path(folder))
    except OSError as error:
        reason = f"The maps could not be drawn: {failures.os_reason(error)}."
        print(reason, file=sys.stderr)
        with suppress(OSError):
            film_state.note(Path(folder), problem=reason)
        return 1


def _listen(queued: threading.Event, ending: threading.Event) -> None:
    """Take in messages. Where training was killed, end; the next attempt, or `catch_up`, takes over the queue."""
    while message := os.read(0, 4096):  # a buffered reader's lock would block the exit of this process
        if b"end" in message:
            only_idle_cores(False)
            ending.set()
        queued.set()
    if not ending.is_set():
        os._exit(0)


def only_idle_cores(calm: bool) -> None:
    """Let the main thread of this process run only where a core would be idle, or as others do; on Linux alone."""
    if sys.platform == "linux":
        policy = os.SCHED_IDLE if calm else os.SCHED_OTHER
        with suppress(OSError):  # a container may forbid it; the low priority stays
            os.sched_setscheduler(os.getpid(), policy, os.sched_param(0))


def _beat(folder: Path) -> None:
    while True:
        time.sleep(processes.BEAT)
        if film_state.owned(folder):
            film_state.beat(folder)


def choose(folder: Path, pending: list[int]) -> int:
    """Which of the queued epochs, ascending, is laid out next: the first, or the newest if the film is far behind."""
    newest_drawn = max(film_frames.epochs(folder), default=pending[-1])
    return pending[-1] if len(pending) > BEHIND and pending[-1] > newest_drawn else pending[0]


def lay_out(folder: Path, epoch: int, seed: int) -> None:
    """Lay out the queued latents of an epoch. OSError if the frame cannot be written."""
    film_state.note(folder, epoch)
    try:
        latent, clusters = film_frames.read_latent(folder, epoch)
        points = map_film.next_frame(latent, previous_map(folder, epoch, len(latent)), seed)
    except RunError:  # damaged, or dropped since, because the queue was too long
        film_frames.drop(folder, "latent", [epoch])
        return
    if film_state.owned(folder):
        film_frames.keep(folder, film_frames.Frame(epoch, points, clusters))


def previous_map(folder: Path, epoch: int, count: int) -> np.ndarray | None:
    """The newest readable map of `count` points before `epoch`, else the first one after it; None if there is none."""
    drawn = film_frames.epochs(folder)
    earlier, later = [one for one in drawn if one < epoch], [one for one in drawn if one > epoch]
    for other in [*reversed(earlier), *later]:
        with suppress(RunError):
            points = film_frames.read(folder, other).points
            if len(points) == count:
                return points
    return None


if __name__ == "__main__":
    sys.exit(main())

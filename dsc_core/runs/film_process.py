"""The film of a run's latent map, laid out in a second process while the run trains: both sides of it.

`Filming` is used by training: it queues latents in the run's folder and notifies the second process. `main` is that
process, started as `python -m dsc_core.runs.film_process FOLDER SEED`: one thread at low priority that lays out the
queued latents, the oldest first. It ends when its standard input closes, that is, whenever training ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dsc_core.analysis import map_film
from dsc_core.errors import RunError
from dsc_core.runs import failures, film_frames
from dsc_core.runs.files import ROOT
from dsc_core.training import launch

PATIENCE = 20.0  # seconds to wait for the last frames after training
LAST = 6  # number of those frames, which always include the very last
NICE = 10
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOST = "The process that draws the map of each epoch ended unexpectedly{how}: the film stops here, training goes on."
SKIPPED = "The map after epoch {epoch} could not be saved: {reason}. Training goes on."


class Filming:
    """The film of one training. `take` receives its latents, `end` waits for the last frames.

    warn: called once with a sentence if the second process is lost, or frames cannot be saved.
    """

    def __init__(self, folder: Path, seed: int, warn: Callable[[str], None]) -> None:
        self.folder, self.seed, self.warn = folder, seed, warn
        self.process: subprocess.Popen[bytes] | None = None
        self.over = self.skipping = False

    def __enter__(self) -> Filming:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, rows: np.ndarray, after: int) -> None:
        """Prepare for training on the samples `rows` that continues after the epoch `after`, -1 at the start."""
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
        """Notify the second process of queued latents; start it if it is not running."""
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
        """Warn, once, that the second process is lost."""
        if self.over:
            return
        self.over, how = True, ""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):  # its end of the pipe closes a moment before it exits
                how = f" (exit code {self.process.wait(5)})"
        self.close()
        self.warn(LOST.format(how=how))

    def end(self) -> None:
        """Training is over: wait a while for the queued latents, then drop the rest."""
        if self.process is not None and not self.over:
            film_frames.drop(
                self.folder,
                "latent",
                map_film.surplus_frames(film_frames.epochs(self.folder, "latent"), LAST),
            )
            try:
                self.send(b"end\n")
                if self.process.wait(PATIENCE):
                    self.fail()
            except subprocess.TimeoutExpired:
                pass
            except OSError:
                self.fail()
        self.close()
        film_frames.drop(self.folder, "latent", film_frames.epochs(self.folder, "latent"))

    def close(self) -> None:
        """Kill the second process."""
        self.over = True
        if self.process is not None:
            self.process.kill()
            if self.process.stdin is not None:
                with suppress(OSError):
                    self.process.stdin.close()
            self.process.wait()


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
        return subprocess.Popen(
            command(folder, seed),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            creationflags=flags,
        )


# The second process ------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Lay out frames until standard input says "end" and the queue is empty. → the exit code."""
    folder, seed = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; training decides when to end
    if hasattr(os, "nice"):
        os.nice(NICE)
    queued, ending = threading.Event(), threading.Event()

    def listen() -> None:
        while message := os.read(0, 4096):  # a buffered reader's lock would block the exit of this process
            if b"end" in message:
                ending.set()
            queued.set()
        os._exit(0)  # training has ended or was killed; the next attempt takes over the queue

    threading.Thread(target=listen, daemon=True).start()
    try:
        while True:
            queued.wait()
            queued.clear()
            last = ending.is_set()  # read it before the folder: nothing is queued after it
            while pending := film_frames.epochs(Path(folder), "latent"):
                lay_out(Path(folder), pending[0], int(seed))
            if last:
                return 0
    except OSError as error:
        print(f"The film stops here: {failures.os_reason(error)}.", file=sys.stderr)
        return 1


def lay_out(folder: Path, epoch: int, seed: int) -> None:
    """Lay out the queued latents of an epoch. OSError if the frame cannot be written."""
    try:
        latent, clusters = film_frames.read_latent(folder, epoch)
        points = map_film.next_frame(latent, previous_map(folder, epoch, len(latent)), seed)
    except RunError:  # damaged, or dropped since, because the queue was too long
        film_frames.drop(folder, "latent", [epoch])
        return
    film_frames.keep(folder, film_frames.Frame(epoch, points, clusters))


def previous_map(folder: Path, epoch: int, count: int) -> np.ndarray | None:
    """The newest readable map of `count` points before `epoch`; None if there is none."""
    for earlier in reversed([number for number in film_frames.epochs(folder) if number < epoch]):
        with suppress(RunError):
            points = film_frames.read(folder, earlier).points
            if len(points) == count:
                return points
    return None


if __name__ == "__main__":
    sys.exit(main())

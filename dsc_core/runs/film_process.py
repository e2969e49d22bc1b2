"""The process that lays out the film of a run's latent map, beside its training: both of its ends.

`Filming` is the training's: it lets latents wait in the run's folder and says so. `main` is the other's, called as
`python -m dsc_core.runs.film_process FOLDER SEED`: one thread at low priority that makes
frames of what waits, the oldest first. It ends with the training, however that ends, since then its standard input
does.
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

PATIENCE = 20.0  # seconds that a run which is done waits for its last frames
LAST = 6  # of them, so that the very last is sure to be among those that it waits for
NICE = 10
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOST = "The process that draws the map of each epoch was lost{how}: its film ends here, and training goes on."
UNKEPT = "The map after epoch {epoch} was left out: {why}. Training goes on."


class Filming:
    """The film of one training. `take` is given its latents, `end` waits for the last frames.

    warn: told in a sentence, once, that the other process was lost, or that the disk takes no more.
    """

    def __init__(self, folder: Path, seed: int, warn: Callable[[str], None]):
        self.folder, self.seed, self.warn = folder, seed, warn
        self.process: subprocess.Popen | None = None
        self.over = self.unkept = False

    def __enter__(self) -> Filming:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def begin(self, rows: np.ndarray, after: int) -> None:
        """Get ready for a training of the samples `rows` that goes on after the epoch `after`, -1 at its start."""
        try:
            film_frames.begin(self.folder, rows, after)
        except OSError as error:
            self.leave_out(after + 1, error)
        if film_frames.epochs(self.folder, "latent"):
            self.call()

    def take(self, epoch: int, latent: np.ndarray, clusters: np.ndarray | None) -> None:
        """Let (m, d) latents and their clusters wait for their map; never waits itself."""
        if self.over:
            return
        try:
            film_frames.offer(self.folder, epoch, latent, clusters)
            self.unkept = False
        except OSError as error:
            self.leave_out(epoch, error)
            return
        self.call()

    def leave_out(self, epoch: int, error: OSError) -> None:
        """Say that a frame could not be kept, once until one can be again."""
        if not self.unkept:
            self.unkept = True
            self.warn(UNKEPT.format(epoch=epoch, why=failures.plainly(error)))

    def call(self) -> None:
        """Tell the other process that something waits; start it where it does not run yet."""
        try:
            if self.process is None:
                self.process = started(self.folder, self.seed)
            self.say(b"\n")
        except OSError:
            self.lose()

    def say(self, word: bytes) -> None:
        self.process.stdin.write(word)
        self.process.stdin.flush()

    def lose(self) -> None:
        """The other process is gone: say so, once."""
        if self.over:
            return
        self.over, how = True, ""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):  # its end of the pipe closes a moment before it is gone
                how = f" (exit code {self.process.wait(5)})"
        self.close()
        self.warn(LOST.format(how=how))

    def end(self) -> None:
        """Training is over: wait a while for what still waits, then let go of it."""
        if self.process is not None and not self.over:
            film_frames.drop(
                self.folder, "latent", map_film.surplus_frames(film_frames.epochs(self.folder, "latent"), LAST)
            )
            try:
                self.say(b"end\n")
                if self.process.wait(PATIENCE):
                    self.lose()
            except subprocess.TimeoutExpired:
                pass
            except OSError:
                self.lose()
        self.close()
        film_frames.drop(self.folder, "latent", film_frames.epochs(self.folder, "latent"))

    def close(self) -> None:
        """End the other process now."""
        self.over = True
        if self.process is not None:
            self.process.kill()
            with suppress(OSError):
                self.process.stdin.close()
            self.process.wait()


def command(folder: Path, seed: int) -> list[str]:
    """The command that lays out the film in a process of its own."""
    return [sys.executable, "-m", "dsc_core.runs.film_process", str(folder), str(seed)]


def started(folder: Path, seed: int) -> subprocess.Popen:
    """That process, in the session of this one. OSError where it cannot be started."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = launch.without_torchrun(os.environ) | dict.fromkeys(ONE_THREAD, "1")
    environment |= {"PYTHONPATH": os.pathsep.join(paths)}
    calm = {"creationflags": subprocess.BELOW_NORMAL_PRIORITY_CLASS} if os.name == "nt" else {}
    with open(folder / "log.txt", "ab") as log:
        streams = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log}
        return subprocess.Popen(command(folder, seed), env=environment, **streams, **calm)


# The other process ------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Make frames until standard input says "end" and nothing waits any more; the exit code."""
    folder, seed = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; training decides when it ends
    if hasattr(os, "nice"):
        os.nice(NICE)
    news, ending = threading.Event(), threading.Event()

    def listen() -> None:
        while said := os.read(
            0, 4096
        ):  # no buffered reader: the lock of one would hold this process at its end
            if b"end" in said:
                ending.set()
            news.set()
        os._exit(0)  # the training has ended, or was killed: what waits is its next attempt's affair

    threading.Thread(target=listen, daemon=True).start()
    try:
        while True:
            news.wait()
            news.clear()
            last = ending.is_set()  # looked at before the folder is: nothing comes after it
            while waiting := film_frames.epochs(Path(folder), "latent"):
                develop(Path(folder), waiting[0], int(seed))
            if last:
                return 0
    except OSError as error:
        print(f"The film ends here: {failures.plainly(error)}.", file=sys.stderr)
        return 1


def develop(folder: Path, epoch: int, seed: int) -> None:
    """Make a frame of what waits for one. OSError where it cannot be written."""
    try:
        latent, clusters = film_frames.read_latent(folder, epoch)
        points = map_film.next_frame(latent, before(folder, epoch, len(latent)), seed)
    except RunError:  # damaged; or let go since, because too much waited
        film_frames.drop(folder, "latent", [epoch])
        return
    film_frames.keep(folder, film_frames.Frame(epoch, points, clusters))


def before(folder: Path, epoch: int, count: int) -> np.ndarray | None:
    """The newest map of `count` points that can be read from before `epoch`."""
    for earlier in reversed([known for known in film_frames.epochs(folder) if known < epoch]):
        with suppress(RunError):
            points = film_frames.read(folder, earlier).points
            if len(points) == count:
                return points
    return None


if __name__ == "__main__":
    sys.exit(main())

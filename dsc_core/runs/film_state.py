"""What the process that lays out a run's film is doing: `frames/state.json`, written by it, read by pages.

The process that wrote it last owns the queue: another one that finds this file gone or rewritten ends.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dsc_core.errors import RunError
from dsc_core.runs import facts, film_frames, processes
from dsc_core.runs.files import read_json, write_json

Value = TypeVar("Value", int, float, str)
FILE = "state.json"
LATER = "None is lost: what is left when training ends is drawn afterwards."
CALM = "Maps are drawn at low priority, so on a busy computer they come later than training."


@dataclass(frozen=True)
class FilmState:
    """How far a film is.

    made: finished frames. waiting: queued for layout. epoch: of the frame that is being laid out, None if none is.
    since: when that began, epoch seconds. alive: whether the process that lays them out lives. problem: why it
    ended, in a sentence, or "".
    """

    made: int = 0
    waiting: int = 0
    epoch: int | None = None
    since: float | None = None
    alive: bool = False
    problem: str = ""

    @property
    def drawing(self) -> bool:
        """Whether more frames will come by themselves."""
        return self.alive and self.waiting > 0


def path_of(folder: Path) -> Path:
    """The file of the run in `folder`."""
    return folder / film_frames.FOLDER / FILE


def note(folder: Path, epoch: int | None = None, problem: str = "", pid: int | None = None) -> None:
    """Note that a process lays out the frame of `epoch`, or why it ends. OSError if it cannot be written.

    pid: of the process; None is this very one.
    """
    pid = pid or os.getpid()
    known = {"pid": pid, "process": processes.identity(pid), "since": time.time()}
    write_json(path_of(folder), {**known, "epoch": epoch, "problem": problem})


def beat(folder: Path) -> None:
    """Note that the process lives, where its identity cannot be asked for."""
    with suppress(OSError):
        os.utime(path_of(folder))


def owned(folder: Path) -> bool:
    """Whether this very process still owns the queue."""
    return _facts(folder).get("pid") == os.getpid()


def disown(folder: Path) -> None:
    """Let whichever process lays out the frames end before it writes another one."""
    with suppress(OSError):
        path_of(folder).unlink(missing_ok=True)


def read(folder: Path) -> FilmState:
    """The state of the film of the run in `folder`."""
    made, waiting = len(film_frames.epochs(folder)), len(film_frames.epochs(folder, "latent"))
    known, beaten = _facts(folder), None
    with suppress(OSError):
        beaten = path_of(folder).stat().st_mtime
    process, problem = _of(str, known.get("process")), _of(str, known.get("problem")) or ""
    pid, epoch = (
        _of(int, value) if facts.whole(value) else None for value in (known.get("pid"), known.get("epoch"))
    )
    since = _of(float, known.get("since"))
    alive = bool(pid and not problem) and processes.alive(pid, process, beaten)
    since = since if since is not None and 0 < since < facts.LATEST else None
    return FilmState(made, waiting, epoch if alive else None, since, alive, problem)


def outlook(film: FilmState, training: bool, now: float | None = None) -> str:
    """Which maps are still to come, and why they are not there, in a sentence or two; "" if all are there."""
    if not film.waiting:
        return "" if film.made or not training else "The first map follows with the first training step."
    count = f"{film.waiting} map{'s' * (film.waiting != 1)}"
    if film.alive:
        minutes = int(((now or time.time()) - film.since) // 60) if film.since else 0
        so_far = f", for {minutes} min so far" if minutes else ""
        what = "The first map is being laid out" if not film.made else "Drawing the maps"
        later = f" {CALM} {LATER}" if training else ""
        return f"{what}{so_far}: {count} to draw, {film.made} drawn.{later}"
    why = film.problem or "The process that draws the maps was ended before it had drawn them."
    then = " They can be drawn when training has ended." if training else ""
    return f"{count} of this film {'are' if film.waiting > 1 else 'is'} not drawn. {why}{then}"


def _of(kind: type[Value], value: object) -> Value | None:
    """`value` where it is of that type, else None: the file may be damaged."""
    return value if isinstance(value, kind) else None


def _facts(folder: Path) -> dict[str, object]:
    try:
        return read_json(path_of(folder))
    except RunError:
        return {}

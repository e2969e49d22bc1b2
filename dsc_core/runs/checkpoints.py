"""The checkpoints in a run's folder: `checkpoints/NUMBER-epoch-E/` with state.safetensors and state.json.

Each is written to the side and moved into place whole; the last two are kept. A digest over both files tells
a damaged one. Nothing in them is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.errors import RunError
from dsc_core.runs.files import plain
from dsc_core.training.checkpoint import VERSION, State

KEPT = 2
ARRAYS, FACTS = "state.safetensors", "state.json"
NAME = re.compile(r"(\d{6,})-epoch-(\d+)")
DAMAGED = "damaged-"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says of itself without its arrays.

    epoch: the one that was just over (`whole`) or under way, of `epochs`. events: the number of the last event
    before it. position: in words. left: whether there is anything left to train from here. written: epoch seconds.
    settings: what training had then, by name.
    """

    name: str
    path: Path
    stage: str
    epoch: int
    epochs: int
    step: int
    whole: bool
    left: bool
    position: str
    events: int
    written: float
    settings: dict


def save(folder: Path, state: State, events: int) -> Path:
    """Keep `state` in the run's folder and let go of all but the last two. OSError where it cannot be written.

    events: the number of the run's last event before it. What is kept already stays if this fails.
    """
    home = folder / "checkpoints"
    home.mkdir(exist_ok=True)
    numbers = [int(found[1]) for path in home.iterdir() if (found := NAME.search(path.name))]
    target = home / f"{max(numbers, default=0) + 1:06d}-epoch-{state.epoch}"
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        os.chmod(temporary, 0o755)
        write(temporary, state, events)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    with suppress(OSError):  # what is left over is no reason to say that this one was not kept
        clear(home)
    return target


def write(path: Path, state: State, events: int) -> None:
    """Both files of a checkpoint, on the disk itself when this returns: a power cut is no reason to lose it."""
    from safetensors.numpy import save as as_safetensors

    content = as_safetensors(state.arrays)
    facts = plain(state.facts | {"events": events, "written": time.time()})
    told = {"version": VERSION, "digest": digest(facts, content), "facts": facts}
    for name, data in ((ARRAYS, content), (FACTS, json.dumps(told, indent=1).encode())):
        with open(path / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def clear(home: Path) -> None:
    """Let go of all but the last two checkpoints, and of what killed processes left half written.

    Damaged ones stay until there are two good ones.
    """
    keep = {path.name for path in found(home)[:KEPT]}
    for path in home.iterdir() if home.is_dir() else ():
        if path.name not in keep and not (path.name.startswith(DAMAGED) and len(keep) < KEPT):
            if NAME.fullmatch(
                path.name
            ):  # out of sight first: a folder half deleted looks like a damaged one
                path = path.replace(home / f".old-{path.name}")
            shutil.rmtree(path, ignore_errors=True)


def found(home: Path) -> list[Path]:
    """The folders in `checkpoints/` that are checkpoints, the newest first."""
    paths = [path for path in home.iterdir() if NAME.fullmatch(path.name)] if home.is_dir() else []
    return sorted(paths, key=lambda path: int(NAME.fullmatch(path.name)[1]), reverse=True)


def read(path: Path) -> tuple[State, int]:
    """A checkpoint and the number of the last event before it. RunError, one sentence, where it is damaged."""
    from safetensors.numpy import load

    epoch = NAME.fullmatch(path.name)[2]
    try:
        told = json.loads((path / FACTS).read_text(encoding="utf-8"))
        content = (path / ARRAYS).read_bytes()
        if told["version"] != VERSION:
            raise RunError(f"The checkpoint of epoch {epoch} is of another version of the program.")
        if told["digest"] != digest(told["facts"], content):
            raise ValueError("the digest differs")
        arrays = {name: np.array(value) for name, value in load(content).items()}
        return State(arrays, told["facts"]), int(told["facts"]["events"])
    except RunError:
        raise
    except Exception as error:  # safetensors has errors of its own, and damaged JSON can be of any type
        raise RunError(f"The checkpoint of epoch {epoch} is cut short or damaged.") from error


def newest(folder: Path) -> tuple[State | None, int, list[tuple[Path, str]]]:
    """The newest checkpoint that can be read, its last event's number, and the newer ones with their reasons.

    None and 0 where there is none.
    """
    unread = []
    for path in found(folder / "checkpoints"):
        try:
            return *read(path), unread
        except RunError as error:
            unread.append((path, str(error)))
    return None, 0, unread


def outlook(folder: Path) -> str:
    """Where a run that is started again goes on, in a sentence; before it, one for each that cannot be read.

    "" where nothing was ever kept. Reads the checkpoints whole, since damage shows in no other way.
    """
    state, _, unread = newest(folder)
    told = [reason for _, reason in unread]
    if state:
        told.append(f"Resumed, it goes on {state.position}.")
    elif unread:
        told.append("There is no other to go on from: started again, it begins anew.")
    return " ".join(told)


def available(folder: Path) -> list[Checkpoint]:
    """The checkpoints of a run, the newest first; those whose facts cannot be read are left out."""
    known = []
    for path in found(folder / "checkpoints"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads((path / FACTS).read_text(encoding="utf-8"))["facts"]
            known.append(described(path, State({}, facts)))
    return known


def described(path: Path, state: State) -> Checkpoint:
    """The Checkpoint of a State."""
    names = ("stage", "epoch", "epochs", "step", "whole", "left", "position")
    known = {name: getattr(state, name) for name in names}
    known |= {"events": state.facts["events"], "written": state.facts["written"]}
    return Checkpoint(path.name, path, **known, settings=state.config.to_dict())


def set_aside(path: Path) -> None:
    """Take a checkpoint that cannot be read out of the count."""
    path.replace(path.with_name(DAMAGED + path.name))


def digest(facts: dict, content: bytes) -> str:
    """The hash of a checkpoint's facts and arrays (BLAKE2b, 32 hexadecimal digits)."""
    made = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16)
    made.update(content)
    return made.hexdigest()

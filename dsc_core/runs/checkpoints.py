"""The checkpoints in a run's folder: `checkpoints/NUMBER-epoch-E/` with state.safetensors and state.json.

Each is written to a temporary folder and then moved into place; the last two are kept. A digest of both files
detects damage. No pickles are used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.errors import RunError, UnreadableError, why_unreadable
from dsc_core.runs.facts import COUNT, TIME, Kind, wrong
from dsc_core.runs.files import check_regular, plain, read_value
from dsc_core.temporary import temporary_folder
from dsc_core.training.checkpoint import VERSION, State

KEPT = 2
ARRAYS, FACTS = "state.safetensors", "state.json"
NAME = re.compile(r"(\d{6,})-epoch-(\d+)")
DAMAGED = "damaged-"
KINDS = {
    "stage": Kind(lambda value: value in ("autoencoder", "joint"), "a stage"),
    **dict.fromkeys(("epoch", "epochs", "step", "events"), COUNT),
    "written": TIME,
}


@dataclass(frozen=True)
class Checkpoint:
    """The facts of a checkpoint, without its arrays.

    epoch: the one just finished (`whole`) or in progress, of `epochs`. events: the number of the last event before it.
    position: in words. left: whether any training remains. written: epoch seconds. settings: by name, as of then.
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
    settings: dict[str, Any]


def save(folder: Path, state: State, events: int) -> Path:
    """Save `state` in the run's folder and delete all but the last two. OSError if it cannot be written.

    events: the number of the run's last event before it. Existing checkpoints stay if this fails.
    """
    home = folder / "checkpoints"
    home.mkdir(exist_ok=True)
    numbers = [int(match[1]) for path in home.iterdir() if (match := NAME.search(path.name))]
    target = home / f"{max(numbers, default=0) + 1:06d}-epoch-{state.epoch}"
    temporary = temporary_folder(home)
    try:
        write(temporary, state, events)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    with suppress(OSError):  # failing to delete old ones is not a failure to save
        clear(home)
    return target


def write(path: Path, state: State, events: int) -> None:
    """Write both files of a checkpoint and flush them to the disk, so that it survives a power cut."""
    from safetensors.numpy import save as serialize

    content = serialize(state.arrays)
    facts = plain(state.facts | {"events": events, "written": time.time()})
    record = {"version": VERSION, "digest": digest(facts, content), "facts": facts}
    for name, data in ((ARRAYS, content), (FACTS, json.dumps(record, indent=1).encode())):
        with open(path / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def clear(home: Path) -> None:
    """Delete all but the last two checkpoints, and incomplete ones of killed processes.

    Damaged ones stay until there are two good ones.
    """
    keep = {path.name for path in checkpoint_folders(home)[:KEPT]}
    for path in home.iterdir() if home.is_dir() else ():
        if path.name not in keep and not (path.name.startswith(DAMAGED) and len(keep) < KEPT):
            if NAME.fullmatch(path.name):
                # Rename it first: a folder that is half deleted looks like a damaged checkpoint.
                path = path.replace(home / f".old-{path.name}")
            shutil.rmtree(path, ignore_errors=True)


def checkpoint_folders(home: Path) -> list[Path]:
    """The folders of complete checkpoints in `checkpoints/`, the newest first."""
    names = [path.name for path in home.iterdir() if NAME.fullmatch(path.name)] if home.is_dir() else []
    return [home / name for name in sorted(names, key=lambda name: int(name.partition("-")[0]), reverse=True)]


def read(path: Path) -> tuple[State, int]:
    """A checkpoint and the number of the last event before it. RunError if it is damaged."""
    from safetensors.numpy import load

    epoch = path.name.rpartition("-")[2]
    try:
        record = read_value(path / FACTS)
        check_regular(path / ARRAYS)
        content = (path / ARRAYS).read_bytes()
        if record["version"] != VERSION:
            raise RunError(f"The checkpoint of epoch {epoch} was written by another version of the program.")
        if record["digest"] != digest(record["facts"], content):
            raise ValueError("the digest differs")
        arrays = {name: np.array(value) for name, value in load(content).items()}
        return State(arrays, record["facts"]), int(record["facts"]["events"])
    except RunError:
        raise
    except Exception as error:  # safetensors raises its own errors, and damaged JSON can be of any type
        if why := why_unreadable(error):
            raise UnreadableError(f"The checkpoint of epoch {epoch} cannot be read: {why}.") from error
        raise RunError(f"The checkpoint of epoch {epoch} is truncated or damaged.") from error


def newest(folder: Path) -> tuple[State | None, int, list[tuple[Path, str]]]:
    """The newest readable checkpoint, the number of its last event, and the damaged newer ones with their errors.

    None and 0 if there is none. UnreadableError if one cannot be read at present, although it may be whole.
    """
    damaged: list[tuple[Path, str]] = []
    for path in checkpoint_folders(folder / "checkpoints"):
        try:
            return *read(path), damaged
        except UnreadableError:  # it may be whole: training must neither pass over it nor begin anew
            raise
        except RunError as error:
            damaged.append((path, str(error)))
    return None, 0, damaged


def outlook(folder: Path) -> str:
    """Where a resumed run continues, in a sentence, after one sentence for each damaged checkpoint.

    "" if there are no checkpoints. Reads them completely, which is the only way to detect damage.
    """
    try:
        state, _, damaged = newest(folder)
    except UnreadableError as error:
        return str(error)
    sentences = [reason for _, reason in damaged]
    if state:
        sentences.append(f"Resuming continues {state.position}.")
    elif damaged:
        sentences.append("There is no older checkpoint: when started again, the run begins anew.")
    return " ".join(sentences)


def available(folder: Path) -> list[Checkpoint]:
    """The checkpoints of a run, the newest first; those with unreadable facts are left out."""
    checkpoints: list[Checkpoint] = []
    for path in checkpoint_folders(folder / "checkpoints"):
        with suppress(Exception):  # damaged JSON can be of any type
            facts = read_value(path / FACTS)["facts"]
            one = describe(path, State({}, facts))
            if wrong(vars(one), KINDS) == "":
                checkpoints.append(one)
    return checkpoints


def describe(path: Path, state: State) -> Checkpoint:
    """The Checkpoint of a State."""
    names = ("stage", "epoch", "epochs", "step", "whole", "left", "position")
    facts = {name: getattr(state, name) for name in names}
    facts |= {"events": state.facts["events"], "written": state.facts["written"]}
    return Checkpoint(path.name, path, **facts, settings=state.config.to_dict())


def set_aside(path: Path) -> None:
    """Rename a damaged checkpoint, so that it no longer counts."""
    path.replace(path.with_name(DAMAGED + path.name))


def digest(facts: dict[str, Any], content: bytes) -> str:
    """The hash of a checkpoint's facts and arrays (BLAKE2b, 32 hexadecimal digits)."""
    hasher = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16)
    hasher.update(content)
    return hasher.hexdigest()

"""Files of a run's folder besides its results: the events, one per line, and the reason of a failure."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

from dsc_core.errors import RunError
from dsc_core.runs.facts import EVENT, wrong
from dsc_core.runs.files import check_regular, write_whole
from dsc_core.runs.log import log

LAST_WORDS = 1024  # bytes reserved for the reason of a failure, so that even a full disk can be reported


def slug(name: str) -> str:
    """`name` as part of a folder name: lower-case letters, digits and hyphens."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:40].strip("-") or "run"


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run's, whole or damaged, or cannot be looked into."""
    try:
        names = os.listdir(folder)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return "config.json" in names or "run.json" in names


def check_kept(folder: Path) -> None:
    """RunError if the folder of a run is gone: another browser, or the command line, deleted the run."""
    if not folder.is_dir():
        raise RunError(f"The run {folder.name} was deleted, so nothing can be saved in it.")


def event_line(seq: int, text: str) -> str:
    """An event's JSON as a line of events.jsonl."""
    return f'{{"seq": {seq}, {text[1:]}\n'


def append_line(path: Path, line: str) -> None:
    """Append one line, or leave the file unchanged if the disk is full."""
    with open(path, "ab", buffering=0) as file:
        before = file.tell()
        content = line.encode()
        try:
            while content:
                content = content[file.write(content) :]
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def read_events(path: Path) -> list[tuple[int, str]]:
    """(number, JSON) of the complete lines of an events.jsonl; an incomplete last line is cut off.

    Lines that hold no event are left out, and the run's log says so.
    """
    try:
        check_regular(path)
        content = path.read_bytes()
    except (OSError, ValueError):
        return []
    if content and not content.endswith(b"\n"):
        whole = content.rfind(b"\n") + 1
        with suppress(OSError), open(path, "r+b") as file:
            file.truncate(whole)
        content = content[:whole]
    events, last = list[tuple[int, str]](), 0
    bad: list[int] = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            event = json.loads(line)
            if wrong(event, EVENT, ("kind", "stage")):
                raise ValueError("no event")
            last = int(event.pop("seq", last + 1))
            events.append((last, json.dumps(event)))
        except (ValueError, AttributeError, RecursionError):
            bad.append(number)
    if bad:
        some = ", ".join(map(str, bad[:10])) + (", …" if len(bad) > 10 else "")
        log(path.parent, f"{len(bad)} lines of {path.name} hold no event and are left out: {some}.")
    return events


def cut_events(folder: Path, after: int) -> None:
    """Move the lines of events.jsonl with a number above `after` to events-N.jsonl."""
    path = folder / "events.jsonl"
    content, position = path.read_bytes() if path.exists() else b"", 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        with suppress(ValueError, AttributeError):
            if int(json.loads(line).get("seq", number)) > after:
                break
        position += len(line)
    if position == len(content):
        return
    number = 1 + sum(1 for _ in folder.glob("events-*.jsonl"))
    with suppress(OSError):  # on a full disk the file is cut all the same, which needs no space
        (folder / f"events-{number}.jsonl").write_bytes(content[position:])
    os.truncate(path, position)


def clear_partial_files(folder: Path) -> None:
    """Delete what processes left that were killed as they wrote reason.txt or run.json.

    Call it in a transaction of the index: in another one, a process may just be writing run.json.
    """
    for name in ("reason.txt", "run.json"):
        for path in folder.glob(f".{name}-*"):
            path.unlink(missing_ok=True)


def prepare_last_words(folder: Path) -> None:
    """Reserve space on the disk for the reason of a failure."""
    write_whole(folder / "reason.txt", b" " * (LAST_WORDS - 1) + b"\n")


def leave_last_words(folder: Path, reason: str) -> None:
    """Write the reason of a failure into the reserved space."""
    content = reason.encode()[: LAST_WORDS - 1]
    with suppress(OSError), open(folder / "reason.txt", "r+b") as file:
        file.write(content.ljust(LAST_WORDS - 1) + b"\n")


def read_last_words(folder: Path) -> str:
    """The reason that a failed process left, or ""."""
    try:
        return (folder / "reason.txt").read_bytes().decode(errors="ignore").strip()
    except OSError:
        return ""

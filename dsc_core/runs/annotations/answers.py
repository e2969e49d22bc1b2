"""A person's answers about the samples of a run, beside it and in its order.

`answers.jsonl` in the run's folder is only appended to, one JSON object a line: a group (the samples that were shown,
and those that they stand for), an answer about two of samples, groups and names, or an undo of the answer before. An
answer that waits for its confirmation has `"counts": false` and is kept without effect.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.errors import InputError, RunError
from dsc_core.method.answers import (
    DIFFERENT,
    MIXED_FIRST,
    MIXED_SECOND,
    SAID,
    SAME,
    UNSURE,
    Answer,
    Contradiction,
    Key,
    Knowledge,
    Marks,
    marks,
)
from dsc_core.runs.annotations.cluster_name import MAX_NAME, is_name, tidy
from dsc_core.runs.facts import whole
from dsc_core.runs.files import read_regular
from dsc_core.runs.folder import append_line, check_kept

NAME = "answers.jsonl"
_lock = threading.RLock()  # for the sessions of one server; between processes a line is appended atomically


@dataclass(frozen=True)
class Given:
    """An answer as it was given. said: one of SAID. counts: False while it waits for its confirmation."""

    first: Key
    second: Key
    said: str
    counts: bool = True


@dataclass(frozen=True)
class Answers:
    """The answers in force, the oldest first, and the groups of which they speak, {shown: those they stand for}."""

    given: tuple[Given, ...] = ()
    groups: dict[Key, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.given)

    @cached_property
    def known(self) -> Knowledge:
        """What follows from them; its answers are those that count, see `counting`."""
        return Knowledge.of(Answer(each.first, each.second, each.said == SAME) for each in self.counting)

    @cached_property
    def counting(self) -> tuple[Given, ...]:
        """The answers "same" and "different" that count."""
        return tuple(each for each in self.given if each.counts and each.said in (SAME, DIFFERENT))

    @property
    def contradictions(self) -> list[Contradiction]:
        """The answers that contradict earlier ones, by their places in `counting`."""
        return self.known.contradictions

    @property
    def mixed(self) -> list[Key]:
        """The groups that show several classes."""
        sides = {MIXED_FIRST: "first", MIXED_SECOND: "second"}
        return [getattr(each, sides[each.said]) for each in self.given if each.said in sides]

    @property
    def aside(self) -> list[tuple[Key, Key]]:
        """The pairs of which the person could not tell."""
        return [(each.first, each.second) for each in self.given if each.said == UNSURE]

    def marks(self, count: int) -> Marks:
        """The answers as arrays, about `count` samples."""
        return marks(self.known, count, self.groups)


class AnswerLog:
    """The answers about one run of `count` samples.

    All methods that change it check and append, and return the state after it. InputError if the change is not
    possible, RunError if the log is damaged or cannot be written.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.path, self.count = Path(folder) / NAME, count

    def now(self) -> Answers:
        """The answers in force."""
        try:
            content = read_regular(self.path)
        except FileNotFoundError:
            return Answers()
        except (OSError, ValueError) as error:
            raise self._damaged() from error
        return self._replay(content[: content.rfind(b"\n") + 1].splitlines())

    def add(self, given: Iterable[Given], groups: dict[Key, np.ndarray] | None = None) -> Answers:
        """Append answers. groups: the samples for which those that were shown stand, where they are more."""
        with _lock:
            now, lines = self.now(), list[str]()
            numbers = {key: number for number, key in enumerate(now.groups)}
            for each in given:
                places = [
                    self._place(key, (groups or {}).get(key), numbers, lines)
                    for key in (each.first, each.second)
                ]
                if each.said not in SAID:
                    raise InputError(f"An answer is one of {', '.join(SAID)}.")
                facts = {"kind": "answer", "first": places[0], "second": places[1], "said": each.said}
                lines.append(json.dumps(facts if each.counts else facts | {"counts": False}))
            if lines:
                self._append(lines)
            return self.now()

    def undo(self) -> Answers:
        """Take the last answer back."""
        with _lock:
            if not self.now().given:
                raise InputError("There is no answer to undo.")
            self._append([json.dumps({"kind": "undo"})])
            return self.now()

    def _place(
        self, key: Key, rows: np.ndarray | None, numbers: dict[Key, int], lines: list[str]
    ) -> int | dict[str, Any]:
        """What stands in an answer for a key; a new group gets a line."""
        if isinstance(key, str):
            name = tidy(key)
            if not name or not is_name(name):
                raise InputError(f"A name has 1 to {MAX_NAME} letters, on one line.")
            return {"name": name}
        members = [int(row) for row in (key if rows is None else rows)]
        if not key or not all(0 <= row < self.count for row in (*key, *members)):
            raise InputError(f"The samples are numbered from 0 to {self.count - 1:,}.")
        if len(key) == 1:
            return int(key[0])
        if key not in numbers:
            numbers[key] = len(numbers)
            lines.append(json.dumps({"kind": "group", "shown": [int(row) for row in key], "rows": members}))
        return {"group": numbers[key]}

    def _append(self, lines: Sequence[str]) -> None:
        try:
            append_line(self.path, "".join(f"{line}\n" for line in lines))
        except OSError as error:
            check_kept(self.path.parent)
            raise RunError(f"The answers could not be saved ({error.strerror}).") from error

    def _replay(self, lines: Sequence[bytes]) -> Answers:
        given, keys, groups = list[Given](), list[Key](), dict[Key, np.ndarray]()
        for number, text in enumerate(lines, start=1):
            try:
                line = json.loads(text)
                if line["kind"] == "group":
                    key = tuple(sorted(self._checked(line["shown"])))
                    keys.append(key)
                    groups[key] = np.array(self._checked(line["rows"]), np.int64)
                elif line["kind"] == "undo":
                    given.pop()
                else:
                    given.append(self._given(line, keys))
            except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
                raise self._damaged(f" (line {number})") from error
        return Answers(tuple(given), groups)

    def _given(self, line: dict[str, Any], keys: list[Key]) -> Given:
        counts = line.get("counts", True)
        if line["kind"] != "answer" or line["said"] not in SAID or not isinstance(counts, bool):
            raise ValueError("no answer")
        return Given(self._key(line["first"], keys), self._key(line["second"], keys), line["said"], counts)

    def _key(self, place: Any, keys: list[Key]) -> Key:
        if not isinstance(place, dict):
            return tuple(self._checked([place]))
        if "group" in place:
            if not whole(place["group"]) or place["group"] < 0:
                raise ValueError("no such group")
            return keys[place["group"]]
        if not is_name(place["name"]) or not place["name"]:
            raise ValueError("no name")
        return str(place["name"])

    def _checked(self, rows: Any) -> list[int]:
        if (
            not isinstance(rows, list)
            or not rows
            or not all(whole(row) and 0 <= row < self.count for row in rows)
        ):
            raise ValueError("no such samples")
        return rows

    def _damaged(self, where: str = "") -> RunError:
        return RunError(
            f"The answers of the run {self.path.parent.name} cannot be read{where}: move {NAME} out of its folder to"
            " go on without them."
        )

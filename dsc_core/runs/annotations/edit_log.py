"""Reading a log of edits: every line is checked before it is applied, since the file may come from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dsc_core.runs.annotations.cluster_name import is_name
from dsc_core.runs.annotations.edited import Edit
from dsc_core.runs.facts import whole

KINDS = ("name", "merge", "split", "move", "cut")


class BadLine(ValueError):
    """A line of the log that cannot be an edit. number: of the line, from 1."""

    def __init__(self, number: int):
        super().__init__(f"line {number} is no edit")
        self.number = number


class Line(NamedTuple):
    """A line of the log with its number."""

    number: int
    edit: Edit


class Replayed(NamedTuple):
    """What a log gives: the labels (n,), the names of clusters, and the number of the next new cluster.

    done, undone: the edits in force, and those that can be redone, the next one last.
    """

    labels: np.ndarray
    names: dict[int, str]
    fresh: int
    done: tuple[Edit, ...]
    undone: tuple[Edit, ...]


def parse(content: bytes) -> list[Line]:
    """The complete lines, about any labels; an incomplete last one is left out. BadLine if one is no JSON object."""
    lines: list[Line] = []
    for number, text in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            edit = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadLine(number) from error
        if not isinstance(edit, dict) or not all(
            isinstance(edit.get(key), str) for key in ("kind", "labels")
        ):
            raise BadLine(number)
        if edit["kind"] == "name" and not is_name(edit.get("name")):  # shown even where the labels are others
            raise BadLine(number)
        lines.append(Line(number, edit))
    return lines


def replay(lines: Iterable[Line], original: np.ndarray, fresh: int) -> Replayed:
    """Replay the lines about the labels `original` (n,). fresh: the first number that no cluster of the run has.

    BadLine if an edit names a cluster or a sample that did not exist at its time, or new clusters that are not the next
    ones: the numbers of clusters are sizes of arrays and charts.
    """
    done: list[Line] = []
    undone: list[Line] = []
    for line in lines:
        kind = line.edit["kind"]
        if kind in KINDS:
            fresh = _after(line, fresh)
            done.append(line)
            undone.clear()
        elif kind == "undo" and done:
            undone.append(done.pop())
        elif kind == "redo" and undone:
            done.append(undone.pop())
    labels, names = _applied(done, original, {}, original)
    _applied(undone[::-1], labels, names, original)  # checks what a redo would apply
    return Replayed(
        labels, names, fresh, tuple(line.edit for line in done), tuple(line.edit for line in undone)
    )


def _after(line: Line, fresh: int) -> int:
    """The number of the next new cluster after an edit."""
    edit, made = line.edit, list[Any]()
    if edit["kind"] == "split":
        made = edit["new"] if isinstance(edit.get("new"), list) and edit["new"] else [None]
    elif edit["kind"] == "cut":
        made = edit["new"] if isinstance(edit.get("new"), list) else [None]
    elif edit["kind"] == "move" and edit.get("new"):
        made = [edit.get("into")]
    if not all(whole(number) and number == fresh + i for i, number in enumerate(made)):
        raise BadLine(line.number)
    return fresh + len(made)


def _applied(
    lines: Sequence[Line], labels: np.ndarray, names: dict[int, str], original: np.ndarray
) -> tuple[np.ndarray, dict[int, str]]:
    """The labels and names after the edits; those given stay as they are. original: (n,), the labels of the run."""
    labels, names = labels.copy(), dict(names)
    for number, edit in lines:
        try:
            if edit["kind"] == "cut":
                labels[:] = original
            _apply(edit, labels, names)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise BadLine(number) from error
    return labels, names


def _apply(edit: Edit, labels: np.ndarray, names: dict[int, str]) -> None:
    """One edit, over `labels` and `names` in place."""
    kind = edit["kind"]
    if kind == "name":
        names[_existing(edit["cluster"], labels)] = edit["name"]
    elif kind == "merge":
        _merge(edit["cluster"], edit["into"], labels, names)
    elif kind == "cut":
        for cluster, into in edit["merged"]:
            _merge(cluster, into, labels, names)
        for new, rows in zip(edit["new"], edit["rows"], strict=True):
            labels[_checked_rows(rows, len(labels))] = new
    elif kind == "split":
        _existing(edit["cluster"], labels)
        for new, rows in zip(edit["new"], edit["rows"], strict=True):
            labels[_checked_rows(rows, len(labels))] = new
    else:
        into = edit["into"] if edit.get("new") else _existing(edit["into"], labels)
        labels[_checked_rows(edit["rows"], len(labels))] = into


def _merge(cluster: Any, into: Any, labels: np.ndarray, names: dict[int, str]) -> None:
    into, cluster = _existing(into, labels), _existing(cluster, labels)
    labels[labels == cluster] = into
    if names.get(cluster) and not names.get(into):  # a name given is not lost
        names[into] = names[cluster]


def _existing(cluster: Any, labels: np.ndarray) -> int:
    if not whole(cluster) or not (labels == cluster).any():
        raise ValueError("no such cluster")
    return cluster


def _checked_rows(rows: Any, count: int) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype.kind not in "iu" and len(rows):
        raise ValueError("no whole numbers")
    rows = rows.astype(np.int64)
    if rows.ndim != 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < count):
        raise ValueError("no such sample")
    return rows

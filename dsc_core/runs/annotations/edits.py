"""Edits of a run's clusters: a layer beside the run, never over it.

`edits.jsonl` in the run's folder is only appended to: one JSON object per line, each an edit, an undo or a redo. The
edited clusters result from replaying it over the run's own labels. Every line holds a digest of the labels that it was
made for: edits of an earlier attempt at the run do not apply to a later one.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dsc_core.analysis import metrics
from dsc_core.analysis.label_free import label_free_scores
from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations.edited import Edit, Edited
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.files import read_regular
from dsc_core.runs.folder import append_line
from dsc_core.runs.run import Run

NAME = "edits.jsonl"
MAX_NAME = 80  # letters of a cluster's name
KINDS = ("name", "merge", "split", "move")
_lock = threading.RLock()  # for the sessions of one server; between processes a line is appended atomically


class Edits:
    """The edits of one run. labels: (n,), the run's own; clusters: K, some of which may be empty.

    All methods check and append a change, and return the state after it. InputError if the change is not possible,
    RunError if the log is damaged or cannot be written.
    """

    def __init__(self, folder: Path, labels: ArrayLike, clusters: int = 0):
        self.path = Path(folder) / NAME
        self.original = np.asarray(labels, dtype=np.int64).copy()
        self.original.setflags(write=False)
        self._taken = max(int(self.original.max(initial=-1)) + 1, clusters)
        self._cached: tuple[tuple[int, ...], Edited] | None = None
        self.stamp = hashlib.blake2b(self.original.tobytes(), digest_size=8).hexdigest()

    # -- reading ---------------------------------------------------------------------------------------------

    def now(self) -> Edited:
        """The present state; the log is read only when it has changed."""
        stamp: tuple[int, ...] = ()
        with suppress(OSError):
            status = self.path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        cached = self._cached
        if cached is None or cached[0] != stamp:
            cached = self._cached = (stamp, self._read())
        return cached[1]

    def _read(self) -> Edited:
        done: list[Edit] = []
        undone: list[Edit] = []
        all_lines = self._lines()
        lines = [line for line in all_lines if line["labels"] == self.stamp]
        for line in lines:
            kind = line["kind"]
            if kind in KINDS:
                done.append(line)
                undone.clear()
            elif kind == "undo" and done:
                undone.append(done.pop())
            elif kind == "redo" and undone:
                done.append(undone.pop())
        try:
            outdated = tuple(line for line in all_lines if line["labels"] != self.stamp)
            return replace(self._replayed(done, undone, lines), outdated=outdated)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise self._damaged() from error

    def _damaged(self) -> RunError:
        return RunError(
            f"The edits of the run {self.path.parent.name} cannot be read: move {NAME} out of its folder to go on"
            " without them."
        )

    def _lines(self) -> list[Edit]:
        """The complete lines, about any labels; an incomplete last one is left out."""
        try:
            content = read_regular(self.path)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._damaged() from error
        lines: list[Edit] = []
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            try:
                read = json.loads(line)
                if not isinstance(read["kind"], str) or not isinstance(read["labels"], str):
                    raise ValueError("unexpected content")
                lines.append(read)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise self._damaged() from error
        return lines

    def _replayed(self, done: list[Edit], undone: list[Edit], lines: list[Edit]) -> Edited:
        labels, names = self.original.copy(), dict[int, str]()
        for edit in done:
            self._apply(edit, labels, names)
        used = [self._taken - 1, *(new for line in lines for new in _made(line))]
        labels.setflags(write=False)  # the same state is given out until the log changes
        return Edited(labels, names, tuple(done), tuple(undone), len(lines), max(used) + 1)

    def _apply(self, edit: Edit, labels: np.ndarray, names: dict[int, str]) -> None:
        """One edit, over `labels` and `names` in place."""
        kind = edit["kind"]
        if kind == "name":
            names[int(edit["cluster"])] = str(edit["name"])
        elif kind == "merge":
            labels[labels == int(edit["cluster"])] = int(edit["into"])
        elif kind == "split":
            for new, rows in zip(edit["new"], edit["rows"], strict=True):
                labels[self._checked_rows(rows)] = int(new)
        else:
            labels[self._checked_rows(edit["rows"])] = int(edit["into"])

    def _checked_rows(self, rows: ArrayLike) -> np.ndarray:
        rows = np.asarray(rows)
        if rows.dtype.kind not in "iu" and len(rows):
            raise ValueError("no whole numbers")
        rows = rows.astype(np.int64)
        if rows.ndim != 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < len(self.original)):
            raise ValueError("no such sample")
        return rows

    # -- changing --------------------------------------------------------------------------------------------

    def name(self, cluster: int, name: str) -> Edited:
        """Name a cluster; an empty name removes its name. Clusters may share a name, but none is called a number."""
        name = " ".join(name.split())
        with _lock:
            now = self._with(cluster)
            if len(name) > MAX_NAME or not name.isprintable():
                raise InputError(f"A name has 1 to {MAX_NAME} letters, on one line.")
            if name in {str(other) for other in range(max(now.fresh, 1)) if other != cluster}:
                raise InputError(f"'{name}' is the number of a cluster: choose another name.")
            if name == now.names.get(cluster, ""):
                return now
            return self._append({"kind": "name", "cluster": int(cluster), "name": name})

    def merge(self, cluster: int, into: int) -> Edited:
        """Move all samples of a cluster into another one."""
        with _lock:
            self._with(cluster, into)
            if cluster == into:
                raise InputError("Choose two different clusters to merge.")
            return self._append({"kind": "merge", "cluster": int(cluster), "into": int(into)})

    def split(self, cluster: int, rows: ArrayLike, parts: ArrayLike) -> Edited:
        """Split a cluster: part 0 of its samples `rows` (m,) stays, parts 1, 2, … (m,) become new clusters.

        The rows are written to the log, so that it does not depend on the method that made the parts.
        """
        rows, parts = np.asarray(rows, dtype=np.int64), np.asarray(parts, dtype=np.int64)
        with _lock:
            now = self._with(cluster)
            if len(rows) != len(parts) or not np.array_equal(
                np.sort(rows), np.flatnonzero(now.labels == cluster)
            ):
                raise InputError("The cluster has changed: split it again.")
            kinds = [int(part) for part in np.unique(parts) if part != 0]
            if not kinds or not (parts == 0).any():
                raise InputError("Split a cluster into two parts or more.")
            new = [now.fresh + i for i in range(len(kinds))]
            moved = [rows[parts == kind].tolist() for kind in kinds]
            return self._append({"kind": "split", "cluster": int(cluster), "new": new, "rows": moved})

    def move(self, rows: ArrayLike, into: int | None) -> Edited:
        """Move the samples at `rows` (m,) into a cluster; None makes a new one."""
        rows = np.unique(np.asarray(rows, dtype=np.int64))
        if not len(rows):
            raise InputError("Select the samples to move first.")
        if rows[0] < 0 or rows[-1] >= len(self.original):
            raise InputError(f"The samples are numbered from 0 to {len(self.original) - 1:,}.")
        with _lock:
            now = self.now() if into is None else self._with(into)
            if into is not None and (now.labels[rows] == into).all():
                raise InputError(f"These samples are already in cluster {now.title(into)}.")
            target = now.fresh if into is None else int(into)
            return self._append({"kind": "move", "into": target, "rows": rows.tolist(), "new": into is None})

    def undo(self) -> Edited:
        """Undo the last edit."""
        with _lock:
            if not self.now().done:
                raise InputError("There is no edit to undo.")
            return self._append({"kind": "undo"})

    def redo(self) -> Edited:
        """Redo the edit that was undone last."""
        with _lock:
            if not self.now().undone:
                raise InputError("There is no edit to redo.")
            return self._append({"kind": "redo"})

    def _with(self, *clusters: int) -> Edited:
        """The present state. InputError if one of the clusters has no samples."""
        now = self.now()
        for cluster in clusters:
            if not (now.labels == cluster).any():
                raise InputError(f"Cluster {now.title(cluster)} no longer exists: choose another.")
        return now

    def _append(self, edit: Edit) -> Edited:
        line = {**edit, "labels": self.stamp, "at": round(time.time(), 3)}
        try:
            self._cut_incomplete_line()
            append_line(self.path, json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise RunError(
                f"The edit could not be saved ({error.strerror}): the run's folder cannot be written."
            ) from error
        return self.now()

    def _cut_incomplete_line(self) -> None:
        """Remove what a full disk or a crash left of a line."""
        if self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self.path, whole)


def _made(line: Edit) -> list[int]:
    """The numbers of the clusters that an edit made."""
    if line["kind"] == "split":
        return [int(new) for new in line["new"]]
    return [int(line["into"])] if line["kind"] == "move" and line.get("new") else []


def of_run(run: Run, frame: pd.DataFrame) -> Edits:
    """The edits of a run with the table of its labels."""
    return Edits(run.folder, frame["cluster"].to_numpy(), run.clusters)


def sentence(edit: Edit) -> str:
    """An edit in words."""
    if edit["kind"] == "name":
        return (
            f"Cluster {edit['cluster']} named '{edit['name']}'"
            if edit["name"]
            else f"Name of cluster {edit['cluster']} removed"
        )
    if edit["kind"] == "merge":
        return f"Cluster {edit['cluster']} merged into {edit['into']}"
    if edit["kind"] == "split":
        return f"Cluster {edit['cluster']} split; new: {', '.join(map(str, edit['new']))}"
    count = len(edit["rows"])
    target = f"the new cluster {edit['into']}" if edit.get("new") else f"cluster {edit['into']}"
    return f"{count:,} sample{'s'[: count != 1]} moved into {target}"


def applied(results: Results, edited: Edited) -> Results:
    """Results with the edited clusters instead of the run's own, and new confusion matrix and matching.

    Confidences are unchanged: that of a moved sample is the run's, for the cluster that it chose.
    """
    if np.array_equal(edited.labels, results.labels["cluster"].to_numpy()):  # names at most
        return results
    frame = results.labels.copy()
    frame["cluster"] = edited.labels
    confusion = None
    if "label" in frame:
        labels = frame["label"].to_numpy()
        matched = metrics.match(labels, edited.labels)
        frame["matched_label"] = pd.Series(
            [matched.get(int(cluster)) for cluster in edited.labels], dtype=frame["matched_label"].dtype
        )
        confusion = metrics.confusion(labels, edited.labels)
    return replace(results, labels=frame, confusion=confusion)


def with_edits(frame: pd.DataFrame, edited: Edited, rows: np.ndarray | slice | None = None) -> pd.DataFrame:
    """The run's own labels with two more columns, edited_cluster and edited_name; unchanged if no edit is in force.

    rows: positions (m,) or a slice; None for all. The name of a cluster without one is its number.
    """
    shown, labels = frame, edited.labels
    if rows is not None:
        shown, labels = frame.iloc[rows], labels[rows]
    if not edited.changed:
        return shown
    return shown.assign(edited_cluster=labels, edited_name=[edited.name(cluster) for cluster in labels])


def edited_csv(frame: pd.DataFrame, edited: Edited, rows: np.ndarray | slice | None = None) -> bytes:
    """`with_edits` as labels.csv."""
    return csv_bytes(with_edits(frame, edited, rows))


def in_force(run: Run, frame: pd.DataFrame) -> Edited:
    """The run's clusters as edited. frame: its labels. InputError if no edit is in force."""
    edited = of_run(run, frame).now()
    if not edited.changed:
        raise InputError(f"The run '{run.name}' has no edits.")
    return edited


def edited_scores(frame: pd.DataFrame, latent, spectral, seed: int = 0) -> dict[str, float]:
    """The scores of a table of labels: acc, nmi, ari where labels exist, and the silhouettes, without Nones."""
    clusters = frame["cluster"].to_numpy()
    known = metrics.scores(frame["label"].to_numpy(), clusters) if "label" in frame else {}
    free = label_free_scores(latent, spectral, clusters, seed)
    return {name: value for name, value in (known | free).items() if value is not None}

"""Edits of a run's clusters: a layer beside the run, never over it.

`edits.jsonl` in the run's folder is only ever appended to: one JSON object a line, each an edit or the word
that the last one is undone or redone. The clusters as edited come from replaying it over the run's own labels.
Every line names the labels that it was made for: edits of an earlier attempt at the run do not touch a later's.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.analysis.label_free import label_free_scores
from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.folder import append_line

NAME = "edits.jsonl"
LONGEST = 60  # letters of a cluster's name
KINDS = ("name", "merge", "split", "move")
_lock = threading.RLock()  # the sessions of one server; between processes a line is appended whole


@dataclass(frozen=True)
class Edited:
    """A run's clusters as edited. labels: (n,) int64. names: {cluster: name}, of those that were named.

    done: the edits in force, oldest first. undone: those that can be redone, the next one last. version: how
    many lines led here, so that what was computed for one version is not shown for another.
    """

    labels: np.ndarray
    names: dict[int, str] = field(default_factory=dict)
    done: tuple[dict, ...] = ()
    undone: tuple[dict, ...] = ()
    version: int = 0
    fresh: int = 0  # the number of the next new cluster; a number is never used twice

    @property
    def changed(self) -> bool:
        """Whether any edit is in force."""
        return bool(self.done)

    def title(self, cluster: int) -> str:
        """The cluster's name, or its number."""
        return self.names.get(int(cluster)) or str(int(cluster))


class Edits:
    """The edits of one run. labels: (n,), the run's own; clusters: K, some of which may be empty.

    Every change is checked, appended, and in force at once.

    All methods return the state after the change. InputError where a change makes no sense, RunError where the
    log is damaged or cannot be written.
    """

    def __init__(self, folder: Path, labels, clusters: int = 0):
        self.path = Path(folder) / NAME
        self.original = np.asarray(labels, dtype=np.int64).copy()
        self.original.setflags(write=False)
        self._taken = max(int(self.original.max(initial=-1)) + 1, clusters)
        self._known: tuple[tuple, Edited] | None = None
        self.stamp = hashlib.blake2b(self.original.tobytes(), digest_size=8).hexdigest()

    # -- reading ---------------------------------------------------------------------------------------------

    def now(self) -> Edited:
        """The clusters as they stand; the log is read anew only when it has grown or was exchanged."""
        try:
            about = self.path.stat()
            stamp = (about.st_ino, about.st_size, about.st_mtime_ns)
        except OSError:
            stamp = ()
        known = self._known
        if known is None or known[0] != stamp:
            known = self._known = (stamp, self._read())
        return known[1]

    def _read(self) -> Edited:
        done: list[dict] = []
        undone: list[dict] = []
        lines = self._lines()
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
            return self._replayed(done, undone, lines)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise self._damaged() from error

    def _damaged(self) -> RunError:
        return RunError(
            f"The edits of the run {self.path.parent.name} cannot be read: move {NAME} out of its folder to go on"
            " without them."
        )

    def _lines(self) -> list[dict]:
        """The whole lines about these labels; a torn last one is passed over."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._damaged() from error
        found = []
        for line in content[: content.rfind(b"\n") + 1].splitlines():
            try:
                read = json.loads(line)
                if read["labels"] == self.stamp:
                    found.append(read if isinstance(read["kind"], str) else {}["kind"])
            except (ValueError, KeyError, TypeError) as error:
                raise self._damaged() from error
        return found

    def _replayed(self, done, undone, lines) -> Edited:
        labels, names = self.original.copy(), {}
        for edit in done:
            self._apply(edit, labels, names)
        used = [self._taken - 1, *(new for line in lines for new in _made(line))]
        labels.setflags(write=False)  # the same state serves all who ask until the log grows
        return Edited(labels, names, tuple(done), tuple(undone), len(lines), max(used) + 1)

    def _apply(self, edit: dict, labels: np.ndarray, names: dict[int, str]) -> None:
        """One edit, over `labels` and `names` in place."""
        kind = edit["kind"]
        if kind == "name":
            names[int(edit["cluster"])] = str(edit["name"])
        elif kind == "merge":
            labels[labels == int(edit["cluster"])] = int(edit["into"])
        elif kind == "split":
            for new, rows in zip(edit["new"], edit["rows"], strict=True):
                labels[self._places(rows)] = int(new)
        else:
            labels[self._places(edit["rows"])] = int(edit["into"])

    def _places(self, rows) -> np.ndarray:
        rows = np.asarray(rows, dtype=np.int64)
        if rows.ndim != 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < len(self.original)):
            raise ValueError("a sample that is not there")
        return rows

    # -- changing --------------------------------------------------------------------------------------------

    def name(self, cluster: int, name: str) -> Edited:
        """Name a cluster; an empty name gives its number back."""
        name = " ".join(name.split())
        with _lock:
            now = self._with(cluster)
            if len(name) > LONGEST:
                raise InputError(f"A cluster's name has at most {LONGEST} letters.")
            others = {now.title(other): other for other in np.unique(now.labels) if other != cluster}
            if name in others:
                raise InputError(
                    f"Cluster {others[name]} is called '{name}' already: merge the two, or choose another name."
                )
            if name == now.names.get(cluster, ""):
                return now
            return self._append({"kind": "name", "cluster": int(cluster), "name": name})

    def merge(self, cluster: int, into: int) -> Edited:
        """Give all samples of a cluster to another one."""
        with _lock:
            self._with(cluster, into)
            if cluster == into:
                raise InputError("Choose two different clusters to merge.")
            return self._append({"kind": "merge", "cluster": int(cluster), "into": int(into)})

    def split(self, cluster: int, rows, parts) -> Edited:
        """Split a cluster: part 0 of its samples `rows` (m,) stays, parts 1, 2, … (m,) become new clusters.

        The rows are kept in the log, so that it means the same whatever later becomes of the method.
        """
        rows, parts = np.asarray(rows, dtype=np.int64), np.asarray(parts, dtype=np.int64)
        with _lock:
            now = self._with(cluster)
            if len(rows) != len(parts) or not np.array_equal(
                np.sort(rows), np.flatnonzero(now.labels == cluster)
            ):
                raise InputError("The cluster has changed meanwhile: split it again.")
            kinds = [int(part) for part in np.unique(parts) if part != 0]
            if not kinds or not (parts == 0).any():
                raise InputError("Split a cluster into two parts or more.")
            new = [now.fresh + place for place in range(len(kinds))]
            moved = [rows[parts == kind].tolist() for kind in kinds]
            return self._append({"kind": "split", "cluster": int(cluster), "new": new, "rows": moved})

    def move(self, rows, into: int | None) -> Edited:
        """Give the samples at `rows` (m,) to a cluster; None makes a new one of them."""
        rows = np.unique(np.asarray(rows, dtype=np.int64))
        if not len(rows):
            raise InputError("Select the samples to move first.")
        if rows[0] < 0 or rows[-1] >= len(self.original):
            raise InputError(f"The samples are numbered from 0 to {len(self.original) - 1:,}.")
        with _lock:
            now = self.now() if into is None else self._with(into)
            if into is not None and (now.labels[rows] == into).all():
                raise InputError(f"These samples are in cluster {now.title(into)} already.")
            target = now.fresh if into is None else int(into)
            return self._append({"kind": "move", "into": target, "rows": rows.tolist(), "new": into is None})

    def undo(self) -> Edited:
        """Take the last edit back."""
        with _lock:
            if not self.now().done:
                raise InputError("There is no edit to undo.")
            return self._append({"kind": "undo"})

    def redo(self) -> Edited:
        """Bring the edit that was undone last back."""
        with _lock:
            if not self.now().undone:
                raise InputError("There is no edit to redo.")
            return self._append({"kind": "redo"})

    def _with(self, *clusters: int) -> Edited:
        """The state, in which all of `clusters` have members."""
        now = self.now()
        for cluster in clusters:
            if not (now.labels == cluster).any():
                raise InputError(f"There is no cluster {now.title(cluster)} any more: choose another.")
        return now

    def _append(self, edit: dict) -> Edited:
        line = {**edit, "labels": self.stamp, "at": round(time.time(), 3)}
        try:
            self._cut_torn_end()
            append_line(self.path, json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise RunError(
                f"The edit could not be kept ({error.strerror}): the run's folder cannot be written."
            ) from error
        return self.now()

    def _cut_torn_end(self) -> None:
        """What a full disk or a crash left of a line would spoil the next one."""
        if self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self.path, whole)


def _made(line: dict) -> list[int]:
    """The numbers of the clusters that a line made."""
    if line["kind"] == "split":
        return [int(new) for new in line["new"]]
    return [int(line["into"])] if line["kind"] == "move" and line.get("new") else []


def of_run(run, frame: pd.DataFrame) -> Edits:
    """The edits of a run with the table of its labels."""
    return Edits(run.folder, frame["cluster"].to_numpy(), run.clusters)


def sentence(edit: dict) -> str:
    """An edit in words, for a history."""
    if edit["kind"] == "name":
        return (
            f"Cluster {edit['cluster']} named '{edit['name']}'"
            if edit["name"]
            else f"Name of cluster {edit['cluster']} taken back"
        )
    if edit["kind"] == "merge":
        return f"Cluster {edit['cluster']} merged into {edit['into']}"
    if edit["kind"] == "split":
        return f"Cluster {edit['cluster']} split: {', '.join(map(str, edit['new']))} made of it"
    count = len(edit["rows"])
    target = f"the new cluster {edit['into']}" if edit.get("new") else f"cluster {edit['into']}"
    return f"{count:,} sample{'s'[: count != 1]} moved into {target}"


def applied(results, edited: Edited):
    """Results with the clusters as edited in place of the run's own, confusion and matches made anew.

    The confidences stay the run's: of a moved sample they tell how sure the run was of the cluster it chose.
    """
    if not edited.changed:
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


def with_edits(frame: pd.DataFrame, edited: Edited, rows=None) -> pd.DataFrame:
    """The run's own table of labels with two more columns: edited_cluster and its name, edited_name.

    Of the samples at `rows` (m,) or a slice, or of all, in their order; as it is where no edit is in force. A cluster
    without a name has its number for one.
    """
    shown, labels = frame, edited.labels
    if rows is not None:
        shown, labels = frame.iloc[rows], labels[rows]
    if not edited.changed:
        return shown
    return shown.assign(edited_cluster=labels, edited_name=[edited.title(cluster) for cluster in labels])


def edited_csv(frame: pd.DataFrame, edited: Edited, rows=None) -> bytes:
    """`with_edits` as labels.csv."""
    return csv_bytes(with_edits(frame, edited, rows))


def in_force(run, frame: pd.DataFrame) -> Edited:
    """The run's clusters as edited; InputError where no edit is in force. frame: the table of its labels."""
    edited = of_run(run, frame).now()
    if not edited.changed:
        raise InputError(f"The run '{run.name}' has no edits: its clusters are as it left them.")
    return edited


def edited_scores(frame: pd.DataFrame, latent, spectral, seed: int = 0) -> dict[str, float]:
    """The scores of a table of labels: acc, nmi, ari where labels exist, and the silhouettes, without Nones."""
    clusters = frame["cluster"].to_numpy()
    known = metrics.scores(frame["label"].to_numpy(), clusters) if "label" in frame else {}
    free = label_free_scores(latent, spectral, clusters, seed)
    return {name: value for name, value in (known | free).items() if value is not None}

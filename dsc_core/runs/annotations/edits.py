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
from dsc_core.runs.annotations import edit_log
from dsc_core.runs.annotations.cluster_name import MAX_NAME, is_name, tidy
from dsc_core.runs.annotations.edited import Edit, Edited
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.files import read_regular
from dsc_core.runs.folder import append_line, check_kept
from dsc_core.runs.run import Run

NAME = "edits.jsonl"
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
        try:
            lines = edit_log.parse(read_regular(self.path))
        except FileNotFoundError:
            lines = []
        except edit_log.BadLine as error:
            raise self._damaged(f" (line {error.number})") from error
        except (OSError, ValueError) as error:
            raise self._damaged() from error
        own = [line for line in lines if line.edit["labels"] == self.stamp]
        outdated = tuple(line.edit for line in lines if line.edit["labels"] != self.stamp)
        try:
            read = edit_log.replay(own, self.original, self._taken)
        except edit_log.BadLine as error:
            raise self._damaged(f" (line {error.number})") from error
        read.labels.setflags(write=False)  # the same state is given out until the log changes
        return Edited(read.labels, read.names, read.done, read.undone, len(own), read.fresh, outdated)

    def _damaged(self, where: str = "") -> RunError:
        return RunError(
            f"The edits of the run {self.path.parent.name} cannot be read{where}: move {NAME} out of its folder to go"
            " on without them."
        )

    # -- changing --------------------------------------------------------------------------------------------

    def name(self, cluster: int, name: str) -> Edited:
        """Name a cluster; an empty name removes its name. Clusters may share a name, but none is called a number."""
        name = tidy(name)
        with _lock:
            now = self._with(cluster)
            if not is_name(name):
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

    def cut(self, clusters: ArrayLike) -> Edited:
        """Replace all clusters by another cut, (n,), of those of the run: whole ones united, others taken apart.

        The largest part of a cluster keeps its number, or takes that of the cluster it is united with; other parts are
        new clusters, numbered from `fresh` on. The run's own labels are a cut too: they bring its clusters back.
        """
        cut = np.asarray(clusters, dtype=np.int64)
        if cut.shape != self.original.shape:
            raise InputError(f"The clusters of {len(self.original):,} samples are needed.")
        with _lock:
            fresh = self._present().fresh
            united, new, rows = _as_steps(self.original, cut)
            numbers = list(range(fresh, fresh + len(new)))
            return self._append({"kind": "cut", "merged": united, "new": numbers, "rows": rows})

    def move(self, rows: ArrayLike, into: int | None) -> Edited:
        """Move the samples at `rows` (m,) into a cluster; None makes a new one."""
        rows = np.unique(np.asarray(rows, dtype=np.int64))
        if not len(rows):
            raise InputError("Select the samples to move first.")
        if rows[0] < 0 or rows[-1] >= len(self.original):
            raise InputError(f"The samples are numbered from 0 to {len(self.original) - 1:,}.")
        with _lock:
            now = self._present() if into is None else self._with(into)
            if into is not None and (now.labels[rows] == into).all():
                raise InputError(f"These samples are already in cluster {now.title(into)}.")
            target = now.fresh if into is None else int(into)
            return self._append({"kind": "move", "into": target, "rows": rows.tolist(), "new": into is None})

    def undo(self) -> Edited:
        """Undo the last edit."""
        with _lock:
            if not self._present().done:
                raise InputError("There is no edit to undo.")
            return self._append({"kind": "undo"})

    def redo(self) -> Edited:
        """Redo the edit that was undone last."""
        with _lock:
            if not self._present().undone:
                raise InputError("There is no edit to redo.")
            return self._append({"kind": "redo"})

    def _with(self, *clusters: int) -> Edited:
        """The present state. InputError if one of the clusters has no samples."""
        now = self._present()
        for cluster in clusters:
            if not (now.labels == cluster).any():
                raise InputError(f"Cluster {now.title(cluster)} no longer exists: choose another.")
        return now

    def _present(self) -> Edited:
        """The state to change. RunError if the run is gone."""
        check_kept(self.path.parent)
        return self.now()

    def _append(self, edit: Edit) -> Edited:
        line = (
            json.dumps({**edit, "labels": self.stamp, "at": round(time.time(), 3)}, ensure_ascii=False) + "\n"
        )
        try:
            self._cut_incomplete_line()
            append_line(self.path, line)
        except OSError as error:
            check_kept(self.path.parent)
            raise RunError(
                f"The edit could not be saved ({error.strerror}): the run's folder cannot be written."
            ) from error
        return self._confirmed(line.encode())

    def _confirmed(self, line: bytes) -> Edited:
        """The state after the line that was appended.

        InputError, and the line is removed, if it no longer fits since another process was faster.
        """
        try:
            return self.now()
        except RunError:
            content = self.path.read_bytes()
            if not content.endswith(line):
                raise
            os.truncate(self.path, len(content) - len(line))
            raise InputError("The clusters were edited elsewhere just now: try again.") from None

    def _cut_incomplete_line(self) -> None:
        """Remove what a full disk or a crash left of a line."""
        if self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self.path, whole)


def of_run(run: Run, frame: pd.DataFrame) -> Edits:
    """The edits of a run with the table of its labels."""
    return Edits(run.folder, frame["cluster"].to_numpy(), run.clusters)


def _as_steps(original: np.ndarray, cut: np.ndarray) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """What makes one clustering (n,) from another: [cluster, the one it is united with], new clusters, their samples.

    InputError if a new cluster, whose number none of the original ones has, holds samples of several of them.
    """
    united, new, rows = list[list[int]](), list[int](), list[list[int]]()
    present = set(np.unique(original).tolist())
    for number in np.unique(cut).tolist():
        if number not in present:
            new.append(number)
            rows.append(np.flatnonzero(cut == number).tolist())
    for cluster in sorted(present):
        targets = np.unique(cut[original == cluster]).tolist()
        known = [number for number in targets if number in present]
        if len(known) != 1 or (known != [cluster] and len(targets) > 1):
            raise InputError("Each cluster of the run must be united with others, or taken apart, not both.")
        united += [[cluster, into] for into in known if into != cluster]
    return united, new, rows


def sentence(edit: Edit) -> str:
    """An edit in words."""
    if edit["kind"] == "cut":
        if not edit["merged"] and not edit["new"]:
            return "Clusters as trained"
        return f"Clusters of the tree: {len(edit['merged'])} united with others, {len(edit['new'])} new"
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

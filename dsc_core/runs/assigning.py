"""New samples through a trained run: their clusters, map positions, and whether they are unlike the training data.

Works block by block, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.analysis.outliers import Novelty
from dsc_core.data import Dataset, Stream
from dsc_core.data.notes import Note, sum_notes
from dsc_core.errors import InputError
from dsc_core.model import Assignment, Fitted
from dsc_core.runs.annotations.edited import Edited
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.labels import make_frame

BINS = 20  # of the histogram of confidence
FARTHEST = 24  # samples kept for display, of those farthest from the training data
SHOWN = 200  # first rows kept for display


@dataclass(frozen=True)
class Assigner:
    """Assigns new samples, block by block.

    spectral: of the training data, (n, K'). latent_map, spectral_map: of the training data, (n, 2). matched: {cluster:
    class} by the run's labels, None if it has none. clusters: K. edited: the run's clusters as a person edited
    them, None without edits.
    """

    fitted: Fitted
    spectral: np.ndarray
    latent_map: np.ndarray
    spectral_map: np.ndarray
    matched: dict[int, Any] | None
    clusters: int
    edited: Edited | None = None

    def frame(self, block: Dataset) -> pd.DataFrame:
        """The columns of labels.csv for a block, then matched_label (if not before), distance, error, unseen.

        distance: of the code to its k-th nearest training code. error: of the reconstruction, ‖x − D(z)‖², missing
        without a decoder. unseen: 1 if one of them exceeds its limit, which 1 % of the training data exceed; its
        confidence is then missing, for the model knows nothing of such samples.
        matched_label: the class that the run's own labels match with the cluster. A sample with values that are missing
        or infinite keeps its row, with its id and its label alone. With edits also edited_cluster and edited_name: the
        cluster that this one was merged into, and its name.
        """
        from dsc_core.analysis.umap_map import place_by_neighbours, place_points

        assigned, bad = self._assign(block)
        neighbours, distance = self.fitted.novelty.nearest(assigned.latent)
        maps = np.hstack(
            [
                place_by_neighbours(neighbours, self.latent_map),
                place_points(assigned.spectral, self.spectral, self.spectral_map),
            ]
        )
        labels, matched = self._labels(block.labels)
        frame = make_frame(block.ids, assigned.labels, assigned.confidence, maps, labels, matched)
        if labels is None and self.matched is not None:
            frame["matched_label"] = pd.Series(
                [self.matched.get(cluster) for cluster in frame["cluster"]], dtype=object
            )
        frame["distance"] = distance.astype(np.float32)
        frame["error"] = np.asarray(assigned.errors, dtype=np.float32)
        frame["unseen"] = self.fitted.novelty.is_unlike_training(distance, assigned.errors).astype(np.int64)
        frame.loc[frame["unseen"] == 1, "confidence"] = np.nan
        if self.edited is not None:
            of, clusters = self.edited.merged(self.clusters), frame["cluster"].tolist()
            frame["edited_cluster"] = [of[cluster] for cluster in clusters]
            frame["edited_name"] = [self.edited.name(of[cluster]) for cluster in clusters]
        return _without_answers(frame, bad) if bad.any() else frame

    def _assign(self, block: Dataset) -> tuple[Assignment, np.ndarray]:
        """The answers for a block, and which of its samples have none, (n,) bool: their answers are those for zeros."""
        bad = ~finite_rows(block)
        assigned = self.fitted.assign(_with_zeros(block, bad), block.scaling)
        too_large = ~np.isfinite(np.hstack([assigned.latent, assigned.spectral])).all(axis=1)
        if too_large.any():
            bad |= too_large
            assigned = self.fitted.assign(_with_zeros(block, bad), block.scaling)
        return assigned, bad

    def _labels(self, labels: np.ndarray | None) -> tuple[np.ndarray | None, dict[int, Any]]:
        """The new samples' labels and the run's matching; as text if either has text for the classes."""
        matched = self.matched
        if labels is None or matched is None:
            return labels, {} if matched is None else matched
        if labels.dtype.kind in "iub" and all(isinstance(name, int) for name in matched.values()):
            return labels, matched
        return labels.astype(str), {cluster: str(name) for cluster, name in matched.items()}


def finite_rows(block: Dataset) -> np.ndarray:
    """Which samples hold only finite values, (n,) bool."""
    if block.samples.dtype.kind != "f":
        return np.ones(len(block), dtype=bool)
    return np.isfinite(block.samples).reshape(len(block), -1).all(axis=1)


def _with_zeros(block: Dataset, rows: np.ndarray) -> np.ndarray:
    """The samples of a block, zeros in the place of those at `rows`, (n,) bool."""
    if not rows.any():
        return block.samples
    samples = np.array(block.samples)
    samples[rows] = 0
    return samples


def _without_answers(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """The frame with the id and the label alone in `rows`, (n,) bool."""
    for name in frame.columns.difference(["id", "label"]):
        if pd.api.types.is_integer_dtype(frame[name]):
            frame[name] = frame[name].astype("Int64")
        frame.loc[rows, name] = None if frame[name].dtype == object else pd.NA
    return frame


def _why_unassigned(sample: np.ndarray) -> str:
    """Why a sample has no cluster, a sentence."""
    counts = ((int(np.isnan(sample).sum()), "missing (NaN)"), (int(np.isinf(sample).sum()), "infinite"))
    numbers = " and ".join(f"{count:,} {word}" for count, word in counts if count)
    if not numbers:
        return "The sample holds values that are too large for the model, so it has no cluster."
    return f"The sample holds {numbers} values, so it has no cluster."


@dataclass
class Assigned:
    """A summary of assigned samples, whose size does not grow with their number.

    novelty: of the training data; samples beyond its limits are `unseen`. total: the number of samples, None if it is
    unknown. unassigned: samples that have a row but no cluster. sizes: samples per cluster, (K,). confidences: samples
    by confidence from 0 to 1, (BINS,), without the unseen ones, which have none. first_rows: the first rows.
    farthest: the rows of the most unusual unseen samples, the most unusual first; farthest_values: their values,
    (m, …) float32, of this kind. pairs: how often each (label, cluster) occurs, {} without labels.
    """

    clusters: int
    novelty: Novelty
    total: int | None = None
    samples: int = 0
    unassigned: int = 0
    unseen: int = 0
    stopped: bool = False
    sizes: np.ndarray = field(init=False)
    confidences: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    first_rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    farthest: pd.DataFrame = field(default_factory=pd.DataFrame)
    farthest_values: np.ndarray | None = None
    pairs: Counter[tuple[Any, int]] = field(default_factory=Counter)
    kind: str = "image"

    def __post_init__(self) -> None:
        self.sizes = np.zeros(self.clusters, dtype=np.int64)

    @property
    def acc(self) -> float | None:
        """The accuracy of the new samples' clusters against their labels, None where they have none."""
        if not self.pairs:
            return None
        pairs = list(self.pairs)
        rows, columns = (metrics.class_codes(np.array([str(pair[i]) for pair in pairs])) for i in (0, 1))
        counts = np.zeros((len(rows[0]), len(columns[0])), dtype=np.int64)
        np.add.at(counts, (rows[1], columns[1]), [self.pairs[pair] for pair in pairs])
        return metrics.matched_share(counts)

    def take(self, block: Dataset, frame: pd.DataFrame) -> None:
        """Count the rows of a block, and keep those for display."""
        done = frame[frame["cluster"].notna()]
        self.samples += len(frame)
        self.unassigned += len(frame) - len(done)
        self.unseen += int(done["unseen"].sum())
        clusters = done["cluster"].to_numpy(np.int64)
        self.sizes += np.bincount(clusters, minlength=self.clusters)
        self.confidences += np.histogram(np.minimum(done["confidence"].dropna(), 1), BINS, (0, 1))[0]
        if "label" in frame:
            self.pairs.update(zip(done["label"], clusters.tolist(), strict=True))
        if len(self.first_rows) < SHOWN:
            self.first_rows = pd.concat(
                [self.first_rows, frame.head(SHOWN - len(self.first_rows))], ignore_index=True
            )
        self._keep_farthest(block, done)

    def _keep_farthest(self, block: Dataset, frame: pd.DataFrame) -> None:
        far = frame[frame["unseen"] == 1]
        far = far.iloc[np.argsort(-self._unusualness(far), kind="stable")[:FARTHEST]]
        if not len(far):
            return
        values = block.values(far.index.to_numpy())
        rows = pd.concat([self.farthest, far], ignore_index=True)
        all_values = (
            values if self.farthest_values is None else np.concatenate([self.farthest_values, values])
        )
        order = np.argsort(-self._unusualness(rows), kind="stable")[:FARTHEST]
        self.farthest, self.farthest_values, self.kind = (
            rows.iloc[order].reset_index(drop=True),
            all_values[order],
            block.kind,
        )

    def _unusualness(self, rows: pd.DataFrame) -> np.ndarray:
        return self.novelty.score(rows["distance"].to_numpy(), rows["error"].to_numpy())


def assign_all(
    assigner: Assigner,
    stream: Stream,
    out: IO[bytes],
    progress: Callable[[int, int | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Assigned:
    """Assign the samples of `stream` and write one CSV row per sample to `out`, in input order.

    Parameters
    ----------
    assigner
        `LoadedRun.assigner`.
    stream
        From `open_stream(path, run.dataset)`.
    out
        An open binary file. Samples with missing or infinite values have a row without a cluster, and are listed in
        `stream.skipped`.
    progress
        Called with (done, total) after each block; total is None if it is unknown.
    stop
        Called before each block; once it returns True, the rows written so far are the result.

    Returns
    -------
    Assigned
        A summary.

    Raises
    ------
    InputError
        If the data do not fit the run, or hold no sample that can be assigned.
    """
    assigned = Assigned(assigner.clusters, assigner.fitted.novelty, stream.total)
    for block in stream:
        if stop is not None and stop():
            assigned.stopped = True
            break
        frame = assigner.frame(block)
        out.write(csv_bytes(frame, header=not assigned.samples))
        assigned.take(block, frame)
        _name_unassigned(stream, block, frame)
        if progress is not None:
            progress(assigned.samples, stream.total)
    _check_any(assigned, stream)
    return assigned


def _check_any(assigned: Assigned, stream: Stream) -> None:
    """InputError if there were no samples, or none of them has a cluster."""
    if not assigned.samples and not assigned.stopped:
        raise InputError(f"{stream.name} holds no samples: choose data with at least one.")
    if not assigned.stopped and assigned.unassigned == assigned.samples:
        name, reason = stream.skipped[0]
        raise InputError(
            f"No sample of {stream.name} can be assigned, the first being {name[:80]!r} ({reason.rstrip('.')}):"
            " replace such values with numbers."
        )


def _name_unassigned(stream: Stream, block: Dataset, frame: pd.DataFrame) -> None:
    """List the samples of a block that have no cluster, with their reasons."""
    rows = np.flatnonzero(frame["cluster"].isna())
    if not len(rows):
        return
    stream.skipped += [(str(block.ids[row]), _why_unassigned(block.samples[row])) for row in rows]
    stream.notes = sum_notes(stream.notes, [Note("not_finite", count=len(rows))])

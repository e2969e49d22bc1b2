"""New samples through a trained run: their clusters, map positions, and whether they are unlike the training data.

Works block by block, so that memory does not grow with their number.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.analysis.outliers import Novelty
from dsc_core.data import Dataset, Stream
from dsc_core.errors import InputError
from dsc_core.model import Fitted
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.labels import make_frame

BINS = 20  # of the histogram of confidence
FARTHEST = 24  # samples kept for display, of those farthest from the training data
SHOWN = 200  # first rows kept for display


@dataclass(frozen=True)
class Assigner:
    """Assigns new samples, block by block.

    spectral: of the training data, (n, K'). latent_map, spectral_map: of the training data, (n, 2). matched: {cluster:
    class} by the run's labels, None if it has none. clusters: K.
    """

    fitted: Fitted
    spectral: np.ndarray
    latent_map: np.ndarray
    spectral_map: np.ndarray
    matched: dict[int, Any] | None
    clusters: int

    def frame(self, block: Dataset) -> pd.DataFrame:
        """The columns of labels.csv for a block, then matched_label (if not before), distance, error, unseen.

        distance: of the code to its k-th nearest training code. error: of the reconstruction, ‖x − D(z)‖², missing
        without a decoder. unseen: 1 where one of them is beyond what the training data have, as in 1 % of those.
        matched_label: what the run's own match makes of a cluster.
        """
        from dsc_core.analysis.umap_map import place_by_neighbours, place_points

        found = self.fitted.assign(block.samples, block.scaling)
        beside, distance = self.fitted.novelty.nearest(found.latent)
        maps = np.hstack(
            [
                place_by_neighbours(beside, self.latent_map),
                place_points(found.spectral, self.spectral, self.spectral_map),
            ]
        )
        labels, matched = self._labels(block.labels)
        frame = make_frame(block.ids, found.labels, found.confidence, maps, labels, matched)
        if labels is None and self.matched is not None:
            frame["matched_label"] = pd.Series(
                [self.matched.get(cluster) for cluster in frame["cluster"]], dtype=object
            )
        frame["distance"] = distance.astype(np.float32)
        frame["error"] = np.asarray(found.errors, dtype=np.float32)
        frame["unseen"] = self.fitted.novelty.is_unlike_training(distance, found.errors).astype(np.int64)
        return frame

    def _labels(self, labels: np.ndarray | None) -> tuple[np.ndarray | None, dict | None]:
        """The new samples' labels and the run's match; as words where either has words for the classes."""
        matched = self.matched
        if labels is None or matched is None:
            return labels, {} if matched is None else matched
        if labels.dtype.kind in "iub" and all(isinstance(name, int) for name in matched.values()):
            return labels, matched
        return labels.astype(str), {cluster: str(name) for cluster, name in matched.items()}


@dataclass
class Assigned:
    """What was found of new samples, in figures that do not grow with their number.

    sizes: (K,) samples a cluster. sure: (BINS,) samples by confidence, from 0 to 1. known: the training data's
    novelty, beyond whose limits a sample counts as `unseen`. first: the first rows. farthest: the rows of the
    strangest of those, the strangest first, and `pictures` (m, …) float32 their values. total: how many there are,
    None where that is not known.
    classes: how often each (label, cluster) came, {} without labels.
    """

    clusters: int
    known: Novelty
    total: int | None = None
    samples: int = 0
    unseen: int = 0
    stopped: bool = False
    sizes: np.ndarray = field(default=None)
    sure: np.ndarray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    first: pd.DataFrame = field(default_factory=pd.DataFrame)
    farthest: pd.DataFrame = field(default_factory=pd.DataFrame)
    pictures: np.ndarray | None = None
    classes: Counter = field(default_factory=Counter)
    kind: str = "image"

    def __post_init__(self):
        self.sizes = np.zeros(self.clusters, dtype=np.int64) if self.sizes is None else self.sizes

    @property
    def acc(self) -> float | None:
        """The accuracy of the new samples' clusters against their labels, None where they have none."""
        if not self.classes:
            return None
        pairs = list(self.classes)
        rows, columns = (metrics.class_codes(np.array([str(pair[i]) for pair in pairs])) for i in (0, 1))
        counts = np.zeros((len(rows[0]), len(columns[0])), dtype=np.int64)
        np.add.at(counts, (rows[1], columns[1]), [self.classes[pair] for pair in pairs])
        return metrics.matched_share(counts)

    def take(self, block: Dataset, frame: pd.DataFrame) -> None:
        """Count a block's rows in, and keep those that are looked at."""
        self.samples += len(frame)
        self.unseen += int(frame["unseen"].sum())
        self.sizes += np.bincount(frame["cluster"], minlength=self.clusters)
        self.sure += np.histogram(frame["confidence"], BINS, (0, 1))[0]
        if "label" in frame:
            self.classes.update(zip(frame["label"], frame["cluster"], strict=True))
        if len(self.first) < SHOWN:
            self.first = pd.concat([self.first, frame.head(SHOWN - len(self.first))], ignore_index=True)
        self._keep_farthest(block, frame)

    def _keep_farthest(self, block: Dataset, frame: pd.DataFrame) -> None:
        far = frame[frame["unseen"] == 1]
        far = far.iloc[np.argsort(-self._strange(far), kind="stable")[:FARTHEST]]
        if not len(far):
            return
        values = block.values(far.index.to_numpy())
        rows = pd.concat([self.farthest, far], ignore_index=True)
        pictures = values if self.pictures is None else np.concatenate([self.pictures, values])
        order = np.argsort(-self._strange(rows), kind="stable")[:FARTHEST]
        self.farthest, self.pictures, self.kind = (
            rows.iloc[order].reset_index(drop=True),
            pictures[order],
            block.kind,
        )

    def _strange(self, rows: pd.DataFrame) -> np.ndarray:
        return self.known.score(rows["distance"].to_numpy(), rows["error"].to_numpy())


def assign_all(
    assigner: Assigner,
    stream: Stream,
    out: io.BufferedIOBase,
    progress: Callable[[int, int | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Assigned:
    """Write a row a sample of `stream` to `out` as CSV, in the input's order; what was assigned, in figures.

    progress(done, total) is told after each block, total None where it is not known. stop() is asked before each: once
    it says True, what is written so far stands. InputError where the data do not fit the run or hold no sample.
    """
    assigned = Assigned(assigner.clusters, assigner.fitted.novelty, stream.total)
    for block in stream:
        if stop is not None and stop():
            assigned.stopped = True
            break
        frame = assigner.frame(block)
        out.write(csv_bytes(frame, header=not assigned.samples))
        assigned.take(block, frame)
        if progress is not None:
            progress(assigned.samples, stream.total)
    if not assigned.samples and not assigned.stopped:
        raise InputError(f"{stream.name} holds no samples: choose data with at least one.")
    return assigned

"""The table of a run's labels: labels.parquet in its folder, and labels.csv."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dsc_core.analysis import metrics
from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.summary import has_summary
from dsc_core.runs.files import check_regular, damaged
from dsc_core.runs.run import Run

FILE = "labels.parquet"
MAP_COLUMNS = ("latent_x", "latent_y", "spectral_x", "spectral_y")
COLUMNS = ("id", "cluster", "confidence", *MAP_COLUMNS)
PLAIN = ("string", "integer", "boolean", "empty")  # what ids and labels are, as pandas calls it
PIECE = 100_000  # rows in memory at once


def has_results(run: Run) -> bool:
    """Whether the run has ended with results, readable or not; one that was stopped at once has none."""
    return run.status == "done" or (
        run.status == "stopped" and (has_summary(run) or os.path.lexists(run.folder / FILE))
    )


def labels_frame(run: Run) -> pd.DataFrame:
    """The table of labels.csv. InputError if the run has no results, RunError if it is damaged."""
    path = _labels_path(run)
    try:
        check_regular(path)
        frame = pd.read_parquet(path)
        why = _wrong(frame, run)
        if not why and run.samples not in (0, len(frame)):
            why = _count_differs(len(frame), run)
    except Exception as error:  # pyarrow has its own error for every kind of damage
        raise damaged(path) from error
    if why:
        raise damaged(path, why)
    return frame


def map_of(frame: pd.DataFrame, space: str) -> np.ndarray:
    """The map of a space as the columns of labels.csv hold it, (n, 2) float32."""
    columns = [name for name in MAP_COLUMNS if name.startswith(space)]
    return np.ascontiguousarray(frame[columns].to_numpy(np.float32))


def _count_differs(rows: int, run: Run) -> str:
    return f"it holds {rows:,} rows, and the run {run.samples:,} samples"


def _wrong(frame: pd.DataFrame, run: Run) -> str:
    """What is wrong with rows of labels.parquet, as a part of a sentence, or ""."""
    if missing := [name for name in COLUMNS if name not in frame]:
        return f"it has no column {missing[0]}"
    for name in ("id", "label"):
        if name in frame and pd.api.types.infer_dtype(frame[name], skipna=False) not in PLAIN:
            return f"the column {name} holds more than text or whole numbers"
    clusters = frame["cluster"]
    if clusters.dtype.kind not in "iu" or not clusters.between(0, run.clusters - 1).all():
        return f"the column cluster holds more than the numbers 0 to {run.clusters - 1}"
    for name in ("confidence", *MAP_COLUMNS):
        if frame[name].dtype.kind != "f" or not np.isfinite(frame[name].to_numpy()).all():
            return f"the column {name} holds more than finite numbers"
    return ""


def _labels_path(run: Run) -> Path:
    """The file of a run's labels. InputError if the run ended without any, RunError if it was removed."""
    if run.status not in ("done", "stopped"):
        reason = f" ({run.reason.rstrip('.')})" if run.reason else ""
        raise InputError(f"The run '{run.name}' has no results: it is {run.status}{reason}.")
    path = run.folder / FILE
    if not os.path.lexists(path):
        if has_results(run):
            raise RunError(
                f"The file {FILE} of the run {run.folder.name} is missing: copy the folder again, or train a new run."
            )
        raise InputError(f"The run '{run.name}' has no results: it was {run.status} too early.")
    return path


def make_frame(
    ids: ArrayLike,
    clusters: np.ndarray,
    confidence: ArrayLike,
    maps: np.ndarray,
    labels: ArrayLike | None = None,
    matched: dict[int, Any] | None = None,
) -> pd.DataFrame:
    """The columns of labels.csv.

    maps: (n, 4), the latent and the spectral map side by side. With `labels` also label and matched_label; matched:
    {cluster: class}, by default the best matching of these labels.
    """
    frame = pd.DataFrame({"id": np.asarray(ids, dtype=object)})
    frame["cluster"] = np.asarray(clusters, dtype=np.int64)
    frame["confidence"] = np.asarray(confidence, dtype=np.float32)
    if labels is not None:
        labels = np.asarray(labels)
        matched = metrics.match(labels, clusters) if matched is None else matched
        integers = labels.dtype.kind in "iub"
        classes = [matched.get(int(cluster)) for cluster in clusters]
        frame["label"] = labels if integers else labels.astype(str).astype(object)
        frame["matched_label"] = pd.Series(classes, dtype="Int64" if integers else object)
    frame[list(MAP_COLUMNS)] = np.asarray(maps, dtype=np.float32)
    return frame


def write_frame(
    path: Path,
    ids: np.ndarray,
    clusters: np.ndarray,
    confidence: np.ndarray,
    maps: np.ndarray,
    labels: np.ndarray | None = None,
) -> None:
    """Write the columns of labels.csv as parquet, PIECE rows at a time. The arguments are those of `make_frame`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    matched = None if labels is None else metrics.match(labels, clusters)

    def rows(part: slice | np.ndarray) -> pd.DataFrame:
        classes = None if labels is None else np.asarray(labels)[part]
        return make_frame(ids[part], clusters[part], confidence[part], maps[part], classes, matched)

    # One row of each cluster shows the type of every column; a piece may hold no cluster that has a class.
    schema = pa.Schema.from_pandas(rows(np.unique(clusters, return_index=True)[1]), preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(ids), PIECE):
            frame = rows(slice(start, start + PIECE))
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))


def labels_csv(run: Run) -> bytes:
    """The run's labels.csv, UTF-8, one row per sample in input order: the same for app and command line."""
    return b"".join(csv_pieces(run))


def csv_pieces(run: Run) -> Iterator[bytes]:
    """`labels_csv` in pieces of PIECE rows. Raises as `labels_frame` does."""
    import pyarrow.parquet as pq

    path = _labels_path(run)
    try:
        check_regular(path)
        with pq.ParquetFile(path) as file:
            if not set(COLUMNS) <= set(file.schema_arrow.names):
                raise damaged(path)
            if run.samples not in (0, file.metadata.num_rows):
                raise damaged(path, _count_differs(file.metadata.num_rows, run))
            for i, batch in enumerate(file.iter_batches(PIECE)):
                frame = batch.to_pandas()
                if why := _wrong(frame, run):
                    raise damaged(path, why)
                yield csv_bytes(frame, header=i == 0)
    except RunError:
        raise
    except Exception as error:  # see `labels_frame`
        raise damaged(path) from error

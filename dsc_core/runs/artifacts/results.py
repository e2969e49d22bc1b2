"""What a run has found, read from its folder: for the Results page, for labels.csv and for notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.errors import InputError, RunError
from dsc_core.runs.files import damaged, read_json
from dsc_core.runs.folder import is_run
from dsc_core.runs.store import Run, Store, read_folder

MAP_COLUMNS = ("latent_x", "latent_y", "spectral_x", "spectral_y")
COLUMNS = ("id", "cluster", "confidence", *MAP_COLUMNS)
PIECE = 100_000  # rows of labels.csv that are held at once
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # what a spreadsheet takes as a plain number
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Results:
    """The results of one run. `labels` has the columns of labels.csv, one row a sample, in the input's order.

    latent_map, spectral_map: (n, 2) float32. scores: the scores of summary.json that are known.
    confusion: (matrix, class names, clusters) as `metrics.confusion` gives them, None without labels.
    """

    run: Run
    summary: dict
    labels: pd.DataFrame
    latent_map: np.ndarray
    spectral_map: np.ndarray
    confusion: tuple[np.ndarray, list, list] | None

    @property
    def scores(self) -> dict[str, float]:
        """acc, nmi and ari where labels exist, and the label-free scores, by their names."""
        names = ("acc", "nmi", "ari", "silhouette_latent", "silhouette_spectral", "eigengap")
        return {name: self.summary[name] for name in names if self.summary.get(name) is not None}

    @cached_property
    def dataset(self):
        """The run's Dataset, memory-mapped. RunError where this workspace does not hold it."""
        from dsc_core.data import load_dataset

        return load_dataset(str(self.run.dataset.get("key", "")), self.run.home)


def load_results(run: Run) -> Results:
    """The results of a run that is done or was stopped.

    InputError where there are none yet; RunError, one sentence, where a file is missing or damaged.
    """
    frame, summary = labels_frame(run), read_json(run.folder / "summary.json")
    maps = [read_array(run.folder / "embeddings" / f"{name}_map.npy", 2) for name in ("latent", "spectral")]
    if any(len(points) != len(frame) for points in maps):
        raise RunError(f"The maps of the run {run.folder.name} do not fit its labels: train it again.")
    known = "label" in frame
    confusion = metrics.confusion(frame["label"].to_numpy(), frame["cluster"].to_numpy()) if known else None
    return Results(run, summary, frame, *maps, confusion)


def labels_frame(run: Run) -> pd.DataFrame:
    """The table behind labels.csv. InputError where the run has no results, RunError where it is damaged."""
    path = _labels_path(run)
    try:
        frame = pd.read_parquet(path)
        frame[list(COLUMNS)]
    except Exception as error:  # pyarrow has an error of its own for every kind of damage
        raise damaged(path) from error
    return frame


def _labels_path(run: Run) -> Path:
    """Where the table of a run's labels lies; InputError where it has none."""
    if run.status not in ("done", "stopped"):
        reason = f" ({run.reason.rstrip('.')})" if run.reason else ""
        raise InputError(f"The run '{run.name}' has no results: it is {run.status}{reason}.")
    path = run.folder / "labels.parquet"
    if not path.is_file():
        raise InputError(f"The run '{run.name}' has no results: it was {run.status} before there were any.")
    return path


def read_array(path: Path, dims: int) -> np.ndarray:
    """A memory-mapped array of `dims` dimensions; RunError where it is missing or damaged."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise RunError(f"The run {path.parent.parent.name} has no {path.name}: train it again.") from None
    except (OSError, ValueError, EOFError) as error:
        raise damaged_array(path) from error
    if array.ndim != dims or array.dtype.kind != "f":
        raise damaged_array(path)
    return array


def damaged_array(path: Path) -> RunError:
    """The error for an array in embeddings/ that cannot be read."""
    name = path.parent.parent.name
    return RunError(
        f"The file {path.name} of the run {name} is damaged: copy the folder again or train anew."
    )


# labels.csv -------------------------------------------------------------------------------------------------


def make_frame(ids, clusters, confidence, maps: np.ndarray, labels=None, matched: dict | None = None):
    """The columns of labels.csv. maps: (n, 4), the latent and the spectral map side by side.

    With `labels` also label and matched_label; `matched` is {cluster: class}, made from the labels if None.
    """
    frame = pd.DataFrame({"id": np.asarray(ids, dtype=object)})
    frame["cluster"] = np.asarray(clusters, dtype=np.int64)
    frame["confidence"] = np.asarray(confidence, dtype=np.float32)
    if labels is not None:
        labels = np.asarray(labels)
        matched = metrics.match(labels, clusters) if matched is None else matched
        whole = labels.dtype.kind in "iub"
        classes = [matched.get(int(cluster)) for cluster in clusters]
        frame["label"] = labels if whole else labels.astype(str).astype(object)
        frame["matched_label"] = pd.Series(classes, dtype="Int64" if whole else object)
    frame[list(MAP_COLUMNS)] = np.asarray(maps, dtype=np.float32)
    return frame


def write_frame(path: Path, ids, clusters, confidence, maps: np.ndarray, labels=None) -> None:
    """Write the columns of labels.csv as parquet, PIECE rows at a time. The arguments of `make_frame`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    matched = None if labels is None else metrics.match(labels, clusters)

    def rows(part) -> pd.DataFrame:
        known = None if labels is None else np.asarray(labels)[part]
        return make_frame(ids[part], clusters[part], confidence[part], maps[part], known, matched)

    # A row of each cluster shows every column's type: in a piece there may be no cluster that has a class.
    schema = pa.Schema.from_pandas(rows(np.unique(clusters, return_index=True)[1]), preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(ids), PIECE):
            frame = rows(slice(start, start + PIECE))
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))


def labels_csv(run: Run) -> bytes:
    """The run's labels.csv, UTF-8, one row a sample in input order: the same for app and command line."""
    return b"".join(csv_pieces(run))


def csv_pieces(run: Run) -> Iterator[bytes]:
    """`labels_csv` in pieces of PIECE rows. InputError and RunError as for `labels_frame`."""
    import pyarrow.parquet as pq

    path = _labels_path(run)
    try:
        with pq.ParquetFile(path) as file:
            if not set(COLUMNS) <= set(file.schema_arrow.names):
                raise damaged(path)
            for place, batch in enumerate(file.iter_batches(PIECE)):
                yield csv_bytes(batch.to_pandas(), header=not place)
    except RunError:
        raise
    except Exception as error:  # see `labels_frame`
        raise damaged(path) from error


def csv_bytes(frame: pd.DataFrame, header: bool = True, digits: int = 0) -> bytes:
    """A table as CSV, with or without its header.

    Four decimals, or so many significant digits, Unix line ends, no cell that a spreadsheet would run as a formula.
    """
    shown = frame.copy()
    for name in shown:
        if not pd.api.types.is_numeric_dtype(shown[name]):
            shown[name] = [harmless(value) for value in shown[name]]
    shown.columns = [harmless(name) for name in shown.columns]
    return shown.to_csv(
        index=False, header=header, float_format=f"%.{digits}g" if digits else "%.4f", lineterminator="\n"
    ).encode()


def harmless(value) -> str:
    """A cell, with an apostrophe before what a spreadsheet would take for a formula; plain numbers stay."""
    text = "" if value is None or value != value else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text


# Notebooks --------------------------------------------------------------------------------------------------


class LoadedRun:
    """A run opened for reading, for notebooks and scripts. Arrays are memory-mapped, one row a sample."""

    def __init__(self, run: Run):
        self.run, self.id, self.name, self.config = run, run.id, run.name, run.config

    def __repr__(self) -> str:
        return (
            f"<run {self.id}: {self.run.samples} samples, {self.config.clusters} clusters, {self.run.status}>"
        )

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table behind labels.csv."""
        return labels_frame(self.run)

    @cached_property
    def summary(self) -> dict:
        """Scores, times and the device."""
        return read_json(self.run.folder / "summary.json")

    @property
    def labels(self) -> np.ndarray:
        """The cluster of each sample, (n,) int."""
        return self.frame["cluster"].to_numpy()

    @property
    def confidence(self) -> np.ndarray:
        """How sure the assignment is, (n,) float32 in (0, 1]."""
        return self.frame["confidence"].to_numpy()

    @property
    def ids(self) -> np.ndarray:
        """The samples' names, (n,)."""
        return self.frame["id"].to_numpy()

    @property
    def labels_true(self) -> np.ndarray | None:
        """The classes that the data came with, (n,), or None."""
        return self.frame["label"].to_numpy() if "label" in self.frame else None

    @cached_property
    def latent(self) -> np.ndarray:
        """The codes z, (n, d) float32."""
        return read_array(self.run.folder / "embeddings" / "latent.npy", 2)

    @cached_property
    def spectral(self) -> np.ndarray:
        """The spectral coordinates Y, (n, K') float32."""
        return read_array(self.run.folder / "embeddings" / "spectral.npy", 2)

    @cached_property
    def latent_map(self) -> np.ndarray:
        """The latent map, (n, 2) float32."""
        return read_array(self.run.folder / "embeddings" / "latent_map.npy", 2)

    @cached_property
    def spectral_map(self) -> np.ndarray:
        """The spectral map, (n, 2) float32."""
        return read_array(self.run.folder / "embeddings" / "spectral_map.npy", 2)

    @cached_property
    def fitted(self):
        """The trained model, `dsc_core.model.Fitted`."""
        from dsc_core.model import Fitted

        labels_frame(self.run)  # says in a sentence that there are no results
        return Fitted.load(self.run.folder / "model")

    def assign(self, samples):
        """The clusters of new samples: a Dataset, an array like the one trained on, in the same units, or a frame.

        Returns an Assignment with labels, confidence, latent, spectral and probabilities. InputError where
        the samples' shape is another.
        """
        from dsc_core.runs.assigning import prepared

        return self.fitted.assign(*prepared(self, samples))

    def assign_frame(self, dataset) -> pd.DataFrame:
        """The columns of labels.csv for a Dataset of new samples, placed on this run's maps, and some more.

        The further columns are matched_label (what the run's own match makes of a cluster), where it does not stand
        beside labels already, distance, error and unseen: see `assigning.Assigner.frame`.
        """
        from dsc_core.data import cut
        from dsc_core.runs.assigning import Assigner, fitting

        assigner = Assigner(self)
        parts = [assigner.frame(block) for block in cut(fitting(self, dataset))]
        return pd.concat(parts, ignore_index=True)


def load_run(run_id_or_path: str | Path) -> LoadedRun:
    """Open a run by its id, its name, the beginning of either, or the path of its folder, wherever it lies.

    A ZIP that `export` made of a run's folder opens as well: it is unpacked into a temporary folder, which lasts as
    long as the run that is returned. InputError where there is none.
    """
    folder = Path(run_id_or_path).expanduser()
    if folder.suffix.lower() == ".zip" and folder.is_file():
        from dsc_core.runs.artifacts.pack import unpack

        held = unpack(folder)
        loaded = load_run(next(path for path in Path(held.name).iterdir()))
        loaded.held = held
        return loaded
    if is_run(folder):
        folder = folder.absolute()
        run, _ = read_folder(folder, folder.parents[1])
        return LoadedRun(replace(run, at=folder))
    return LoadedRun(Store().find(str(run_id_or_path)))

"""The results of a run, read from its folder: summary, labels, maps and confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.errors import RunError
from dsc_core.runs.artifacts.arrays import read_map
from dsc_core.runs.artifacts.labels import labels_frame, map_of
from dsc_core.runs.artifacts.summary import FILE as SUMMARY
from dsc_core.runs.artifacts.summary import read_summary
from dsc_core.runs.files import state_of
from dsc_core.runs.run import Run

if TYPE_CHECKING:
    from dsc_core.data import Dataset

ARRAYS = ("latent", "spectral", "latent_map", "spectral_map")
FILES = ("labels.parquet", "summary.json", *(f"embeddings/{name}.npy" for name in ARRAYS))
SCORES = ("acc", "nmi", "ari", "silhouette_latent", "silhouette_spectral", "eigengap")


@dataclass(frozen=True)
class Results:
    """The results of one run.

    summary: the contents of summary.json. labels: the columns of labels.csv, one row per sample, in input order.
    latent_map, spectral_map: (n, 2) float32. confusion: (matrix, class names, clusters) from `metrics.confusion`,
    None without labels. version: of the files, for what is kept beside them; see `version_of`. missing: the names of
    files that could not be read, see `load_what_is_left`.
    """

    run: Run
    summary: dict[str, Any]
    labels: pd.DataFrame
    latent_map: np.ndarray
    spectral_map: np.ndarray
    confusion: tuple[np.ndarray, list[Any], list[Any]] | None
    version: tuple[Any, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def scores(self) -> dict[str, float]:
        """The scores in the summary: acc, nmi and ari if there are labels, and the label-free ones."""
        return {name: self.summary[name] for name in SCORES if self.summary.get(name) is not None}

    @cached_property
    def dataset(self) -> Dataset:
        """The run's data set, memory-mapped. RunError if it is not in this workspace."""
        from dsc_core.data import load_dataset

        return load_dataset(str(self.run.dataset.get("key", "")), self.run.home)


def load_results(run: Run) -> Results:
    """The results of a run that is done or was stopped.

    InputError if there are none yet; RunError if a file is missing or damaged.
    """
    # First: of files that are replaced meanwhile it is out of date, and they are read again.
    version, frame = version_of(run), labels_frame(run)
    maps = read_map(run, "latent"), read_map(run, "spectral")
    return Results(run, read_summary(run), frame, *maps, _confusion(frame), version)


def load_what_is_left(run: Run) -> Results:
    """As `load_results`, but only the labels must be readable.

    Without a summary there are no scores. A map that is missing is taken from the labels' file, which holds it too.
    """
    version, frame = version_of(run), labels_frame(run)
    missing: list[str] = []

    def map_or_columns(space: str) -> np.ndarray:
        try:
            return read_map(run, space)
        except RunError:
            missing.append(f"{space}_map.npy")
            return map_of(frame, space)

    maps, summary = (map_or_columns("latent"), map_or_columns("spectral")), dict[str, Any]()
    try:
        summary = read_summary(run)
    except RunError:
        missing.append(SUMMARY)
    return Results(run, summary, frame, *maps, _confusion(frame), version, tuple(missing))


def _confusion(frame: pd.DataFrame) -> tuple[np.ndarray, list[Any], list[Any]] | None:
    if "label" not in frame:
        return None
    return metrics.confusion(frame["label"].to_numpy(), frame["cluster"].to_numpy())


def version_of(run: Run) -> tuple[Any, ...]:
    """What tells the run's results from others that took their place: when it ended, and the state of each file."""
    return (run.ended, *(state_of(run.folder / name) for name in FILES))

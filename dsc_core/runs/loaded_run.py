"""A run opened for reading, for notebooks and scripts."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dsc_core.runs import preparing
from dsc_core.runs.artifacts.arrays import read_latent, read_map, read_spectral
from dsc_core.runs.artifacts.labels import labels_frame
from dsc_core.runs.artifacts.pack import unpack
from dsc_core.runs.artifacts.summary import read_summary
from dsc_core.runs.folder import is_run
from dsc_core.runs.run import Run
from dsc_core.runs.run_folder import read_run
from dsc_core.runs.store import Store

if TYPE_CHECKING:
    from dsc_core.data import Dataset
    from dsc_core.model import Assignment, Fitted
    from dsc_core.runs.assigning import Assigner


class LoadedRun:
    """A run opened for reading. Arrays are memory-mapped, with one row per sample in input order.

    Attributes
    ----------
    run : Run
        Its status, settings and data set.
    id, name, config
        Those of `run`.
    frame : pandas.DataFrame
        The columns of labels.csv.
    labels, confidence : (n,)
        The cluster of each sample, and its probability.
    latent, spectral : (n, d), (n, K')
        The latent codes z and the spectral coordinates Y.
    latent_map, spectral_map : (n, 2)
        The maps.
    fitted : Fitted
        The trained model.
    """

    def __init__(self, run: Run, unpacked: tempfile.TemporaryDirectory[str] | None = None):
        self.run, self.id, self.name, self.config = run, run.id, run.name, run.config
        self._unpacked = unpacked  # a folder that lasts as long as this object

    def __repr__(self) -> str:
        return (
            f"<run {self.id}: {self.run.samples} samples, {self.config.clusters} clusters, {self.run.status}>"
        )

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns of labels.csv."""
        return labels_frame(self.run)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Scores, times and the device."""
        return read_summary(self.run)

    @property
    def labels(self) -> np.ndarray:
        """The cluster of each sample, (n,) int."""
        return self.frame["cluster"].to_numpy()

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the assigned cluster, (n,) float32 in (0, 1]."""
        return self.frame["confidence"].to_numpy()

    @property
    def ids(self) -> np.ndarray:
        """The ids of the samples, (n,)."""
        return self.frame["id"].to_numpy()

    @property
    def labels_true(self) -> np.ndarray | None:
        """The labels in the data, (n,), or None."""
        return self.frame["label"].to_numpy() if "label" in self.frame else None

    @cached_property
    def latent(self) -> np.ndarray:
        """The codes z, (n, d) float32."""
        return read_latent(self.run)

    @cached_property
    def spectral(self) -> np.ndarray:
        """The spectral coordinates Y, (n, K') float32."""
        return read_spectral(self.run)

    @cached_property
    def latent_map(self) -> np.ndarray:
        """The latent map, (n, 2) float32."""
        return read_map(self.run, "latent")

    @cached_property
    def spectral_map(self) -> np.ndarray:
        """The spectral map, (n, 2) float32."""
        return read_map(self.run, "spectral")

    @cached_property
    def fitted(self) -> Fitted:
        """The trained model, `dsc_core.model.Fitted`."""
        from dsc_core.model import Fitted

        labels_frame(self.run)  # raises a sentence if there are no results
        return Fitted.load(self.run.folder / "model")

    @cached_property
    def assigner(self) -> Assigner:
        """What assigns new samples and places them on this run's maps."""
        from dsc_core.analysis import metrics
        from dsc_core.runs.assigning import Assigner

        labels = self.labels_true
        matched = None if labels is None else metrics.match(labels, self.labels)
        maps = np.array(self.latent_map), np.array(self.spectral_map)
        return Assigner(self.fitted, self.spectral, *maps, matched, self.config.clusters)

    def assign(self, samples: Any) -> Assignment:
        """Assign new samples to the run's clusters.

        Parameters
        ----------
        samples : Dataset, array-like or pandas.DataFrame
            In the units and the shape of the training data.

        Returns
        -------
        Assignment
            labels, confidence, latent, spectral and probabilities.

        Raises
        ------
        InputError
            If the samples do not fit the run.
        """
        array, scaling = preparing.prepare(self.run, samples)
        preparing.check_finite(array)
        return self.fitted.assign(array, scaling)

    def assign_frame(self, dataset: Dataset) -> pd.DataFrame:
        """Assign a data set of new samples and place it on this run's maps.

        Parameters
        ----------
        dataset
            New samples, such as from `open_dataset(path, like=run.run.dataset)`.

        Returns
        -------
        pandas.DataFrame
            The columns of labels.csv, then matched_label (if not before), distance, error and unseen; see
            `assigning.Assigner.frame`.

        Raises
        ------
        InputError
            If the samples do not fit the run.
        """
        from dsc_core.data import split_into_blocks

        blocks = split_into_blocks(preparing.prepare_dataset(self.run, dataset))
        return pd.concat([self.assigner.frame(block) for block in blocks], ignore_index=True)


def load_run(run_id_or_path: str | Path) -> LoadedRun:
    """Open a finished run.

    Parameters
    ----------
    run_id_or_path
        A run's id, its name, the beginning of either, the path of its folder wherever it is, or a ZIP that
        `export --what model` wrote. The ZIP is unpacked into a temporary folder, which lasts as long as the result.

    Returns
    -------
    LoadedRun

    Raises
    ------
    InputError
        If there is no such run, or several.
    """
    folder = Path(run_id_or_path).expanduser()
    if folder.suffix.lower() == ".zip" and folder.is_file():
        unpacked = unpack(folder)
        return LoadedRun(_run_in(next(Path(unpacked.name).iterdir())), unpacked)
    if is_run(folder):
        return LoadedRun(_run_in(folder.absolute()))
    return LoadedRun(Store().find(str(run_id_or_path)))


def _run_in(folder: Path) -> Run:
    """The run of a folder, wherever it lies."""
    run, _ = read_run(folder, folder.parents[1])
    return replace(run, at=folder)

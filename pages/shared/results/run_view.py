"""A finished run as the Results page shows it: as it ended, and with its edited clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations.edits import Edited, Edits
from dsc_core.runs.artifacts.arrays import read_latent, read_spectral
from dsc_core.runs.artifacts.results import load_what_is_left, version_of
from pages.shared import noise_explorer, state

SPACES = {"latent": "Latent space z", "spectral": "Spectral space Y"}


def load(run):
    """The results of a finished run; read again where it was resumed, or its files were replaced."""
    return _load(run.id, version_of(run))


@st.cache_resource(max_entries=4, show_spinner="Loading the run")
def _load(run_id: str, version: tuple):
    return load_what_is_left(state.store().get(run_id))


@dataclass(frozen=True)
class View:
    """A run with its edits. results: as the run ended; edited_results: with the edited clusters.

    problem: why the edits cannot be shown, else "".
    """

    run: object
    results: object
    edited_results: object
    edited: Edited
    edits: Edits
    problem: str = ""

    @property
    def key(self) -> tuple:
        """The cache key of what shows the clusters and their names; the same again after an undo."""
        return (*self.grouping_key, tuple(self.edited.given.items()))

    @property
    def grouping_key(self) -> tuple:
        """The cache key of what is computed from the clusters, whatever their names."""
        return (self.run.id, self.results.version, self.edited.grouping)

    @property
    def regrouped(self) -> bool:
        """Whether the edits moved samples into other clusters."""
        return self.edited_results is not self.results

    @property
    def frame(self) -> pd.DataFrame:
        """The table of labels.csv with the edited clusters."""
        return self.edited_results.labels

    @property
    def clusters(self) -> np.ndarray:
        """The edited cluster of each sample, (n,)."""
        return self.edited.labels

    def points(self, space: str) -> np.ndarray:
        """The map of a space, (n, 2)."""
        return self.results.latent_map if space == "latent" else self.results.spectral_map

    def coordinates(self, space: str) -> np.ndarray:
        """The coordinates in a space, (n, dims), memory-mapped."""
        return _coordinates(self.run.id, self.results.version, space)


def view(run, results) -> View:
    """The run with its present edits."""
    log = _edits_of(run.id, results.version, results.labels)
    try:
        edited, problem = log.now(), ""
    except RunError as error:  # the run itself is intact and is shown without edits
        edited, problem = Edited(log.original), str(error)
    applied = _edited_results(run.id, results.version, edited.grouping, results, edited)
    return View(run, results, applied, edited, log, problem)


def edited_clusters(run) -> Edited | None:
    """The run's clusters as edited; None where it has no results that can be read."""
    if run.status not in ("done", "stopped"):
        return None
    try:
        return view(run, load(run)).edited
    except (InputError, RunError):
        return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _edits_of(run_id: str, version: tuple, _frame) -> Edits:
    """The log of a run's edits."""
    return run_edits.of_run(state.store().get(run_id), _frame)


@st.cache_resource(max_entries=4, show_spinner=False)
def _edited_results(run_id: str, version: tuple, grouping: str, _results, _edited: Edited):
    """The results with the edited clusters; the very same results where no sample moved."""
    return run_edits.applied(_results, _edited)


@st.cache_resource(max_entries=8, show_spinner=False)
def _coordinates(run_id: str, version: tuple, space: str) -> np.ndarray:
    run = state.store().get(run_id)
    return read_latent(run) if space == "latent" else read_spectral(run)


@st.cache_data(max_entries=4, show_spinner=False)
def centre_distance(key: tuple, _view: View) -> np.ndarray:
    """The distance of each latent code to the centre of its cluster, (n,)."""
    return cluster_stats.centre_distances(_view.coordinates("latent"), _view.clusters)


@st.cache_resource(max_entries=2, show_spinner=False)
def _errors(run_id: str, version: tuple, count: int) -> np.ndarray:
    """The reconstruction errors computed so far, NaN elsewhere."""
    return np.full(count, np.nan)


def reconstruction_errors(view: View, rows: np.ndarray) -> np.ndarray:
    """The reconstruction errors of samples, each computed once. RunError where the model cannot be read."""
    cached = _errors(view.run.id, view.results.version, len(view.frame))
    missing = rows[np.isnan(cached[rows])]
    if len(missing):
        with st.spinner(f"Decoding {len(missing):,} samples"):
            fitted, dataset = noise_explorer.model_of(view.run).fitted, view.results.dataset
            cached[missing] = fitted.training_errors(dataset.samples, dataset.scaling, missing)
    return cached[rows]

"""What the Results page shows of a run: as it ended, and as its clusters were edited since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.errors import RunError
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations.edits import Edited, Edits
from dsc_core.runs.artifacts import results as run_results
from pages.shared import explorer, state

SPACES = {"latent": "Latent space z", "spectral": "Spectral space Y"}


@st.cache_resource(max_entries=4, show_spinner="Opening the run")
def opened(run_id: str, ended: float | None):
    """The results of a finished run; `ended` makes a run that was resumed be read again."""
    return run_results.load_results(state.store().get(run_id))


@dataclass(frozen=True)
class View:
    """A run seen through its edits. found: its own results. seen: those with the clusters as edited.

    key: of everything that is computed from it.
    """

    run: object
    found: object
    seen: object
    edited: Edited
    edits: Edits
    problem: str = ""  # why the edits cannot be shown

    @property
    def key(self) -> tuple:
        return (self.run.id, self.run.ended, self.edited.version)

    @property
    def frame(self) -> pd.DataFrame:
        """The table of labels.csv with the clusters as edited."""
        return self.seen.labels

    @property
    def clusters(self) -> np.ndarray:
        """The cluster of each sample as edited, (n,)."""
        return self.edited.labels

    def points(self, space: str) -> np.ndarray:
        """The map of a space, (n, 2)."""
        return self.found.latent_map if space == "latent" else self.found.spectral_map

    def coordinates(self, space: str) -> np.ndarray:
        """The coordinates in a space, (n, dims), memory-mapped."""
        return coordinates(self.run.id, self.run.ended, space)


def view(run, found) -> View:
    """The run as it is seen now."""
    log = edits_of(run.id, run.ended, found.labels)
    try:
        now, problem = log.now(), ""
    except RunError as error:  # the run itself is whole: it is shown as it ended
        now, problem = Edited(log.original), str(error)
    return View(run, found, seen(run.id, run.ended, now.version, found, now), now, log, problem)


@st.cache_resource(max_entries=4, show_spinner=False)
def edits_of(run_id: str, ended: float | None, _frame) -> Edits:
    """The log of a run's edits."""
    return run_edits.of_run(state.store().get(run_id), _frame)


@st.cache_resource(max_entries=4, show_spinner=False)
def seen(run_id: str, ended: float | None, version: int, _found, _now: Edited):
    """The results with the clusters as edited."""
    return run_edits.applied(_found, _now)


@st.cache_resource(max_entries=8, show_spinner=False)
def coordinates(run_id: str, ended: float | None, space: str) -> np.ndarray:
    """The coordinates of a run's samples, memory-mapped."""
    run = state.store().get(run_id)
    return run_results.read_array(run.folder / "embeddings" / f"{space}.npy", 2)


@st.cache_data(max_entries=4, show_spinner=False)
def centre_distance(key: tuple, _view: View) -> np.ndarray:
    """The distance of each sample's code to its cluster's centre."""
    return selection.centre_distance(_view.coordinates("latent"), _view.clusters)


@st.cache_resource(max_entries=2, show_spinner=False)
def _errors(run_id: str, ended: float | None, count: int) -> np.ndarray:
    return np.full(count, np.nan)


def surprise(view: View, rows: np.ndarray) -> np.ndarray:
    """The reconstruction errors of samples; each is computed once. RunError where the model cannot be read."""
    known = _errors(view.run.id, view.run.ended, len(view.frame))
    missing = rows[np.isnan(known[rows])]
    if len(missing):
        with st.spinner(f"Decoding {len(missing):,} samples"):
            known[missing] = selection.surprise(
                explorer.model_of(view.run).fitted, view.found.dataset, missing
            )
    return known[rows]

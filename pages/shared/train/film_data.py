"""The frames of a run's latent map, kept in the session and read again only where they changed."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st

from dsc_core.analysis import map_film, metrics
from dsc_core.data import load_dataset
from dsc_core.errors import InputError, RunError
from dsc_core.plots.film_map import FILM_LIMIT
from dsc_core.runs import film_frames
from dsc_core.runs.artifacts.labels import labels_frame
from dsc_core.runs.artifacts.results import version_of
from dsc_core.sampling import sample_rows
from pages.shared import state


class Film:
    """The frames of one run; `read` takes in new frames and drops deleted ones.

    frames: by epoch, ascending. unreadable: epochs whose frames are damaged. rows: the samples that are drawn.
    """

    def __init__(self, run):
        self.run, self.frames, self.unreadable, self.stamps = run, {}, [], {}
        self.rows = self.drawn = np.arange(0)
        self.problem = ""

    def read(self) -> Film:
        """Take in the frames that are new or have changed."""
        try:
            rows = film_frames.read_rows(self.run.folder)
        except RunError as problem:
            self.frames, self.stamps, self.unreadable, self.problem = {}, {}, [], str(problem)
            return self
        self.problem = ""
        self.drawn = sample_rows(len(rows), FILM_LIMIT, 0)
        if not np.array_equal(self.rows, rows[self.drawn]):
            self.rows, self.frames, self.stamps = rows[self.drawn], {}, {}
        stamps = {epoch: self._modified(epoch) for epoch in film_frames.epochs(self.run.folder)}
        for epoch in [epoch for epoch, stamp in stamps.items() if self.stamps.get(epoch) != stamp]:
            self._read_frame(epoch, len(rows))
        self.frames = {epoch: self.frames[epoch] for epoch in stamps if epoch in self.frames}
        self.stamps = stamps
        # A frame that was deleted in the meantime is not damaged.
        self.unreadable = [epoch for epoch in stamps if epoch not in self.frames and self._modified(epoch)]
        return self

    def _modified(self, epoch: int) -> int:
        with suppress(OSError):
            return film_frames.path_of(self.run.folder, "map", epoch).stat().st_mtime_ns
        return 0

    def _read_frame(self, epoch: int, count: int) -> None:
        self.frames.pop(epoch, None)
        try:
            frame = film_frames.read(self.run.folder, epoch)
        except RunError:
            return
        if len(frame.points) == count:
            self.frames[epoch] = film_frames.Frame(
                epoch, frame.points[self.drawn], frame.clusters[self.drawn]
            )

    @property
    def epochs(self) -> list[int]:
        """The epochs that have a frame."""
        return list(self.frames)

    @property
    def limits(self):
        """The limits of axes that hold all frames."""
        return map_film.axis_limits([frame.points for frame in self.frames.values()])

    def newest_clusters(self) -> np.ndarray:
        """The newest clusters of the drawn samples: those of the results, else of the newest frame."""
        if self.run.status in ("done", "stopped"):
            clusters = _final_clusters(self.run.id, version_of(self.run))
            if clusters is not None and len(clusters) > self.rows.max(initial=-1):
                return clusters[self.rows]
        clustered = [frame.clusters for frame in self.frames.values() if (frame.clusters >= 0).any()]
        return clustered[-1] if clustered else np.full(len(self.rows), film_frames.UNKNOWN)


@st.cache_data(max_entries=8, show_spinner=False)
def _final_clusters(run_id: str, version: tuple) -> np.ndarray | None:
    """The clusters in the results of a run, None where they cannot be read."""
    try:
        return labels_frame(state.store().get(run_id))["cluster"].to_numpy()
    except (InputError, RunError):
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def labels_of(run_id: str) -> tuple[list, np.ndarray] | None:
    """(classes, class index of each sample) of the run's data set, None where it has no labels."""
    run = state.store().get(run_id)
    try:
        labels = load_dataset(str(run.dataset.get("key", "")), run.home).labels
    except (InputError, RunError):
        return None
    return None if labels is None else metrics.class_codes(labels)


def open_film(run) -> Film:
    """The session's Film of the run, up to date."""
    cached = st.session_state.get("film_frames")
    if cached is None or cached.run.id != run.id:
        cached = st.session_state["film_frames"] = Film(run)
    cached.run = run
    return cached.read()

"""The film of a run's latent map: a frame every few epochs, one at a time, by hand, in a row, or as they come."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st

from dsc_core.analysis import map_film as cut
from dsc_core.analysis import metrics
from dsc_core.data import load_dataset
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from dsc_core.runs import film_frames
from dsc_core.runs.artifacts import results as run_results
from pages.shared import state, widgets

TICK = 0.5  # seconds a frame while it plays
NEWEST, THEN, LABEL = "Cluster now", "Cluster then", "Label"
AXES = "Every frame in the axes of the whole film; the same samples in each."


class Film:
    """The frames of one run, as far as they are drawn; `read` takes in what is new and lets go of what is gone.

    frames: by epoch, ascending. unread: the epochs whose frames cannot be read. rows: which samples are drawn.
    """

    def __init__(self, run):
        self.run, self.frames, self.unread, self.seen = run, {}, [], {}
        self.rows = self.drawn = np.arange(0)
        self.trouble = ""

    def read(self) -> Film:
        """Take in the frames that are new or made anew."""
        try:
            rows = film_frames.read_rows(self.run.folder)
        except RunError as problem:
            self.frames, self.seen, self.unread, self.trouble = {}, {}, [], str(problem)
            return self
        self.trouble = ""
        self.drawn = interactive.drawn(len(rows), interactive.FILM_LIMIT)
        if not np.array_equal(self.rows, rows[self.drawn]):
            self.rows, self.frames, self.seen = rows[self.drawn], {}, {}
        now = {epoch: self._stamp(epoch) for epoch in film_frames.epochs(self.run.folder)}
        for epoch in [epoch for epoch, stamp in now.items() if self.seen.get(epoch) != stamp]:
            self._take(epoch, len(rows))
        self.frames = {epoch: self.frames[epoch] for epoch in now if epoch in self.frames}
        self.seen = now
        # One that is gone by now was let go of in between, and is not damaged.
        self.unread = [epoch for epoch in now if epoch not in self.frames and self._stamp(epoch)]
        return self

    def _stamp(self, epoch: int) -> int:
        with suppress(OSError):
            return film_frames.path_of(self.run.folder, "map", epoch).stat().st_mtime_ns
        return 0

    def _take(self, epoch: int, count: int) -> None:
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
        """The ends of the axes that hold all frames."""
        return cut.limits([frame.points for frame in self.frames.values()])

    def newest_clusters(self) -> np.ndarray:
        """The clusters of the drawn samples as they are known by now: of the results, else of the newest frame."""
        if self.run.status in ("done", "stopped"):
            found = _clusters(self.run.id, self.run.ended)
            if found is not None and len(found) > self.rows.max(initial=-1):
                return found[self.rows]
        known = [frame.clusters for frame in self.frames.values() if (frame.clusters >= 0).any()]
        return known[-1] if known else np.full(len(self.rows), film_frames.UNKNOWN)


@st.cache_data(max_entries=8, show_spinner=False)
def _clusters(run_id: str, ended: float | None) -> np.ndarray | None:
    try:
        return run_results.labels_frame(state.store().get(run_id))["cluster"].to_numpy()
    except (InputError, RunError):
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _labels(run_id: str) -> tuple[list, np.ndarray] | None:
    """The classes that the run's data came with, and of each sample which one it is."""
    run = state.store().get(run_id)
    try:
        labels = load_dataset(str(run.dataset.get("key", "")), run.home).labels
    except (InputError, RunError):
        return None
    return None if labels is None else metrics.class_codes(labels)


def opened(run) -> Film:
    """This session's Film of the run, brought up to date."""
    known = st.session_state.get("film_frames")
    if known is None or known.run.id != run.id:
        known = st.session_state["film_frames"] = Film(run)
    known.run = run
    return known.read()


# The page -------------------------------------------------------------------------------------------------


def show(run, pace: float | None) -> None:
    """The film of a run that has one or will have. pace: seconds between two looks of the page, None for none."""
    if not film_frames.epochs(run.folder) and not (run.status == "running" and run.config.map_every):
        return
    place = st.expander(
        "Latent map, epoch by epoch", icon=":material/movie:", key="film", expanded=True, on_change="rerun"
    )
    if place.open:
        with place:
            every = interval(run, pace)
            st.fragment(_film, run_every=every)(run.id, pace, every)


def interval(run, pace: float | None) -> float | None:
    """Seconds until the film is drawn again by itself, None where it stands still."""
    if playing(run) is not None:
        return TICK
    return pace if follows(run) else None


def playing(run) -> int | None:
    """The epoch that the film is played from, None where it is not played."""
    run_id, epoch = st.session_state.get("film_play", (None, None))
    return epoch if run_id == run.id else None


def follows(run) -> bool:
    """Whether the newest frame is shown as soon as it comes."""
    return not run.finished and st.session_state.get("film_follow", True)


def _film(run_id: str, pace: float | None, every: float | None) -> None:
    """Draw the frame that is due. It holds no input that could be dragged while it is drawn again by itself."""
    try:
        run = state.store().get(run_id)
    except InputError:  # deleted from elsewhere, which the page says
        return
    if interval(run, pace if not run.finished else None) != every:
        st.rerun()
    known = opened(run)
    if not known.epochs:
        st.caption(widgets.plain(known.trouble) if run.finished else "The first map is being laid out.")
        return
    epoch = due(run, known.epochs)
    left, right = st.columns([5, 3], gap="large")
    with right:
        colours = controls(run, known, epoch)
    with left:
        picture(known, epoch, colours)


def due(run, epochs: list[int]) -> int:
    """The epoch of the frame to draw now: the next one of a film that plays, the newest, or the one chosen."""
    chosen, now = f"film_at_{run.id}", playing(run)
    if now is not None:
        later = [epoch for epoch in epochs if epoch > now]
        epoch = later[0] if later else epochs[-1]
        st.session_state["film_play"] = (run.id, epoch)
        if len(later) < 2:  # this is the last one
            st.session_state["film_play"] = (None, None)
            st.session_state[chosen] = epoch
            st.rerun()
    elif follows(run):
        epoch = epochs[-1]
    else:
        epoch = st.session_state.get(chosen, epochs[-1])
        epoch = epoch if epoch in epochs else epochs[-1]
    st.session_state[chosen] = epoch
    return epoch


def controls(run, known: Film, epoch: int) -> str:
    """Play, the epoch, whether to follow, and what the colours tell; the last of these."""
    epochs, plays = known.epochs, playing(run) is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Halt" if plays else "Play",
            icon=":material/pause:" if plays else ":material/play_arrow:",
            key="film_button",
            on_click=halt if plays else play,
            args=(run, epochs),
            disabled=len(epochs) < 2,
            help="Show the frames one after the other, to the last.",
        )
        if not run.finished:
            st.session_state.setdefault("film_follow", True)
            st.toggle(
                "Follow the newest",
                key="film_follow",
                disabled=plays,
                persist_state="session",
                help="Show each frame when it comes; off, the slider chooses.",
            )
    if len(epochs) > 1:
        st.select_slider(
            "Epoch", epochs, key=f"film_at_{run.id}", disabled=plays or follows(run), persist_state="session"
        )
    choices = [NEWEST, THEN, *([LABEL] if run.dataset.get("classes") else [])]
    colours = st.segmented_control(
        "Colours",
        choices,
        default=NEWEST,
        key="film_colours",
        required=True,
        wrap=True,
        persist_state="session",
        help="The cluster that a sample is in by now, the one it was in at that epoch, or its label.",
    )
    st.caption(told(run, known))
    if known.unread:
        names = ", ".join(map(str, known.unread[:5])) + (", …" if len(known.unread) > 5 else "")
        st.caption(f":material/warning: Frames that cannot be read are left out: epoch {names}.")
    return colours if colours in choices else NEWEST


def play(run, epochs: list[int]) -> None:
    """Play from the epoch shown, or from the first where it is the last."""
    now = st.session_state.get(f"film_at_{run.id}", epochs[-1])
    st.session_state["film_play"] = (run.id, -1 if now >= epochs[-1] else now)


def halt(run, epochs: list[int]) -> None:
    """Stay at the frame that is shown."""
    st.session_state["film_play"] = (None, None)
    st.session_state["film_follow"] = False


def told(run, known: Film) -> str:
    """What is shown, in words."""
    stays = " Without an encoder the codes stay as they are: what changes is the clusters."
    return f"{len(known.rows):,} of {run.samples:,} samples. {AXES}{stays if run.config.encoder == 'none' else ''}"


def picture(known: Film, epoch: int, colours: str) -> None:
    """The map after `epoch`."""
    frame, run = known.frames[epoch], known.run
    groups, names = grouped(known, frame, colours)
    moving = playing(run) is not None
    option = interactive.film_map(
        frame.points, groups, known.rows, names, known.limits, title=title(epoch), moving=moving
    )
    about = f"The latent map {title(epoch)[0].lower()}{title(epoch)[1:]}, coloured by {colours.lower()}"
    widgets.echart(option, height=440, key="film_map", alt=about)


def title(epoch: int) -> str:
    """The moment of a frame, in words."""
    return f"After epoch {epoch}" if epoch else "Before training"


def grouped(known: Film, frame, colours: str) -> tuple[np.ndarray, dict[int, str]]:
    """What each point belongs to, and the names of the legend."""
    labels = _labels(known.run.id) if colours == LABEL else None
    if labels is not None and len(labels[1]) > known.rows.max(initial=-1):
        return labels[1][known.rows], {place: str(name) for place, name in enumerate(labels[0])}
    groups = frame.clusters if colours == THEN else known.newest_clusters()
    if not (groups >= 0).any():
        return groups, {film_frames.UNKNOWN: "no clusters yet"}
    return groups, {cluster: str(cluster) for cluster in range(known.run.clusters)}

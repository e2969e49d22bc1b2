"""The latent map epoch by epoch: a slider, playback, and the newest frame as training goes on."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.errors import InputError
from dsc_core.plots.film_map import SIDE, film_map
from dsc_core.runs import film_frames, film_process, film_state
from pages.shared import formatting, state, widgets
from pages.shared.train import film_data

FRAME_SECONDS = 0.5  # of playback
DRAWING_SECONDS = 3.0  # between two updates while maps are drawn after training
NEWEST, AT_EPOCH, LABEL = "Current cluster", "Cluster at that epoch", "Label"
LISTED = 5  # unreadable frames


def draw(run, polling: float | None) -> None:
    """The section, for a run that has frames or will have some. polling: seconds between two updates of the page."""
    film = film_state.read(run.folder)
    if not (film.made or film.waiting or (run.status == "running" and run.config.map_every)):
        return
    section = st.expander(
        "Latent map by epoch", icon=":material/movie:", key="film", expanded=True, on_change="rerun"
    )
    if section.open:
        with section:
            polling = polling or (DRAWING_SECONDS if film.drawing else None)
            every = interval(run, polling)
            st.fragment(_draw, run_every=every)(run.id, polling, every)


def interval(run, polling: float | None) -> float | None:
    """Seconds until the map is drawn again by itself, None if it is not. polling: None where no frame will come."""
    if playing(run) is not None:
        return FRAME_SECONDS
    return polling if polling and st.session_state.get("film_follow", True) else None


def playing(run) -> int | None:
    """The epoch that is shown while the film plays, None if it does not."""
    run_id, epoch = st.session_state.get("film_play", (None, None))
    return epoch if run_id == run.id else None


def follows(run) -> bool:
    """Whether each new frame is shown at once."""
    coming = not run.finished or film_state.read(run.folder).drawing
    return coming and st.session_state.get("film_follow", True)


def _draw(run_id: str, polling: float | None, every: float | None) -> None:
    """Draw the frame that is due; the whole page is drawn again where the interval has changed."""
    try:
        run = state.store().get(run_id)
    except InputError:  # deleted in another session; the page says so
        return
    progress = film_state.read(run.folder)
    if progress.drawing and polling is None:  # since the click on the button below
        st.rerun()
    coming = not run.finished or progress.drawing
    if interval(run, polling if coming else None) != every:
        st.rerun()
    film = film_data.open_film(run)
    _outlook(run, progress)
    if not film.epochs:
        if film.problem and run.finished:
            st.caption(formatting.plain(film.problem))
        return
    epoch = due_epoch(run, film.epochs)
    left, right = st.columns([5, 3], gap="large")
    with right:
        colours = _controls(run, film)
    with left:
        _map(film, epoch, colours)


def _outlook(run, progress: film_state.FilmState) -> None:
    """Which frames are still to come, or why they are missing, with a button that draws them."""
    text = film_state.outlook(progress, training=not run.finished)
    if not text or (progress.drawing and progress.made and not run.finished and progress.waiting == 1):
        return  # nothing waits but the newest frame
    with st.container(horizontal=True, vertical_alignment="center"):
        if progress.drawing:
            st.progress(progress.made / (progress.made + progress.waiting), text=formatting.plain(text))
        else:
            st.caption(formatting.plain(text), width="content")
        if progress.waiting and not progress.alive and run.finished:
            st.button(
                "Draw the missing maps",
                icon=":material/movie:",
                key="film_catch_up",
                on_click=catch_up,
                args=(run,),
                help="They are drawn in the background, also while this page is closed.",
            )


def catch_up(run) -> None:
    """Draw the missing frames in the background."""
    with widgets.errors_as_toasts():
        film_process.catch_up(run.folder, run.config.seed)


def due_epoch(run, epochs: list[int]) -> int:
    """The epoch to draw now: the next one while playing, the newest while following, else the chosen one."""
    key, current = f"film_at_{run.id}", playing(run)
    if current is not None:
        later = [epoch for epoch in epochs if epoch > current]
        epoch = later[0] if later else epochs[-1]
        st.session_state["film_play"] = (run.id, epoch)
        if len(later) < 2:  # the last one
            st.session_state["film_play"] = (None, None)
            st.session_state[key] = epoch
            st.rerun()
    elif follows(run):
        st.session_state["film_followed"], epoch = run.id, epochs[-1]
    elif run.finished and st.session_state.pop("film_followed", None) == run.id:
        epoch = epochs[-1]  # the last frame, which came together with the end
    else:
        epoch = st.session_state.get(key, epochs[-1])
        epoch = epoch if epoch in epochs else epochs[-1]
    st.session_state[key] = epoch
    return epoch


def _controls(run, film: film_data.Film) -> str:
    """Playback, epoch, whether to follow, and colours; returns what the colours show."""
    epochs, plays = film.epochs, playing(run) is not None
    _playback(run, epochs, plays)
    if len(epochs) > 1:
        disabled = plays or follows(run)
        st.select_slider("Epoch", epochs, key=f"film_at_{run.id}", disabled=disabled, persist_state="session")
    choices = [NEWEST, AT_EPOCH, *([LABEL] if run.dataset.get("classes") else [])]
    colours = st.segmented_control(
        "Colour by",
        choices,
        default=NEWEST,
        key="film_colours",
        required=True,
        wrap=True,
        persist_state="session",
        help="The cluster of a sample now, its cluster at the shown epoch, or its label.",
    )
    st.caption(_caption(run, film))
    if film.unreadable:
        epochs = ", ".join(map(str, film.unreadable[:LISTED])) + ", …" * (len(film.unreadable) > LISTED)
        st.caption(f":material/warning: Skipped frames that cannot be read: epoch {epochs}.")
    return colours if colours in choices else NEWEST


def _playback(run, epochs: list[int], plays: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Pause" if plays else "Play",
            icon=":material/pause:" if plays else ":material/play_arrow:",
            key="film_button",
            on_click=pause if plays else play,
            args=(run, epochs),
            disabled=len(epochs) < 2,
            help="Show the frames one after another.",
        )
        if not run.finished or film_state.read(run.folder).drawing:
            st.session_state.setdefault("film_follow", True)
            st.toggle(
                "Follow training",
                key="film_follow",
                disabled=plays,
                persist_state="session",
                help="Show each new frame. Turn off to choose an epoch with the slider.",
            )


def play(run, epochs: list[int]) -> None:
    """Play from the shown epoch, or from the first one if the last is shown."""
    current = st.session_state.get(f"film_at_{run.id}", epochs[-1])
    st.session_state["film_play"] = (run.id, -1 if current >= epochs[-1] else current)


def pause(run, epochs: list[int]) -> None:
    """Stay at the shown frame."""
    st.session_state["film_play"] = (None, None)
    st.session_state["film_follow"] = False


def _caption(run, film: film_data.Film) -> str:
    """How many samples are drawn, and what the frames have in common."""
    text = f"{len(film.rows):,} of {run.samples:,} samples. All frames share the same samples and axes."
    if run.config.encoder == "none":
        text += " Without an encoder the latent codes do not move; only the clusters change."
    return text


def _map(film: film_data.Film, epoch: int, colours: str) -> None:
    """The map after `epoch`."""
    frame = film.frames[epoch]
    groups, names = _groups(film, frame, colours)
    moment = title(epoch)
    option = film_map(
        frame.points,
        groups,
        film.rows,
        names,
        film.limits,
        title=moment,
        moving=playing(film.run) is not None,
    )
    about = f"The latent map {moment[0].lower()}{moment[1:]}, coloured by {colours.lower()}"
    widgets.echart(option, height=SIDE + 80, key="film_map", alt=about)


def title(epoch: int) -> str:
    """The moment of a frame: "After epoch 3"."""
    return f"After epoch {epoch}" if epoch else "Before training"


def _groups(film: film_data.Film, frame, colours: str) -> tuple[np.ndarray, dict[int, str]]:
    """(group of each sample, names for the legend)."""
    labels = film_data.labels_of(film.run.id) if colours == LABEL else None
    if labels is not None and len(labels[1]) > film.rows.max(initial=-1):
        return labels[1][film.rows], {index: str(name) for index, name in enumerate(labels[0])}
    clusters = frame.clusters if colours == AT_EPOCH else film.newest_clusters()
    if not (clusters >= 0).any():
        return clusters, {film_frames.UNKNOWN: "no clusters yet"}
    return clusters, {cluster: str(cluster) for cluster in range(film.run.clusters)}

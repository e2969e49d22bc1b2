"""The figures above the curves: what the run does now, stage, epoch, speed and time."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs import expectation, forecast, queue
from dsc_core.training.epochs import departures, with_least_steps
from pages.shared import formatting, run_time, state, widgets
from pages.shared.train import time_here

STAGE_TITLES = {"autoencoder": "1 · Autoencoder", "joint": "2 · Joint", "labels": "3 · Labels"}
FINISHING = "Finishing"  # in place of the time that is left, once it cannot be said
WIDEST = 160  # pixels of the longest value, "1 · Autoencoder"
UNKNOWN = "–"
MOMENT = 1.0  # seconds; less is left only on paper


def draw(run, past, paused: bool) -> None:
    """A progress bar while the run trains, and the figures. paused: whether a pause is in force."""
    latest, ended = past.latest, run.finished
    resumed = past.over and not ended  # its first event is yet to come
    if not ended:
        st.progress(done_share(latest), text=formatting.plain(activity(run, past, paused)) or None)
    stage = (
        widgets.status(run, paused)[2]
        if ended or resumed or not latest
        else STAGE_TITLES.get(latest.stage, latest.stage)
    )
    unit = "Rows" if run.dataset.get("kind") == "table" else "Images"
    with st.grid(4, min_column_width=WIDEST):
        st.metric("Stage", stage)
        epoch = f"{latest.epoch} of {latest.epochs}" if latest else "–"
        st.metric("Epoch", epoch, help=_why_more_epochs(run))
        st.metric(f"{unit} per second", f"{past.speed:,.0f}" if past.speed else "–")
        if ended:
            st.metric(run_time.TITLE, formatting.duration(past.seconds or None), help=_pauses(past))
        else:
            title = "Time left" if run.status == "running" or latest else "Expected time"
            left = UNKNOWN if resumed else time_left(run, latest)
            st.metric(title, left, help="Estimated. Pauses do not count.")
    if run.device:  # a line of its own, since the name of a graphics card may be long
        st.caption(f"Device: {formatting.plain(run.device)}")


def activity(run, past, paused: bool) -> str:
    """What the run does now, in a sentence; "" where the figures say it all."""
    if paused:
        return "Paused. Resume continues from this step." if past.latest else PAUSED_AT_START
    if widgets.status(run)[2] == "Not responding":
        return "The process has not reported for a minute: it may be suspended, or the computer busy."
    if past.over:
        return ""
    if past.latest and past.latest.stage == "labels":
        return past.activity or "Finishing: computing clusters and maps."
    return past.activity


def done_share(latest) -> float:
    """How much of the run is done, 0 to 1: by time where the time left is known, else by epochs."""
    if latest is None:
        return 0.0
    if latest.remaining is not None:
        return latest.seconds / max(latest.seconds + latest.remaining, 1e-9)
    return min(latest.epoch / latest.epochs, 1.0) if latest.epochs else 0.0


def time_left(run, latest) -> str:
    """The estimated time that is left, in words; until the run reports one, what was said before its start."""
    if latest is None:
        return _promised(run)
    if latest.remaining is None:
        return FINISHING if latest.stage == "labels" else UNKNOWN
    if latest.remaining < MOMENT:
        return FINISHING
    return formatting.duration(latest.remaining)


def _promised(run) -> str:
    """What is left of a run that has reported nothing yet, by what was said before its start."""
    whole = forecast.expected(state.store(), run, time_here.finished(state.store().home))
    left = whole and (whole.seconds if run.status != "running" else forecast.seconds_left(run, whole))
    return expectation.about(left) if left else UNKNOWN


PAUSED_AT_START = "Paused before the first step. Resume starts training."


def no_curves_yet(run, paused: bool) -> str:
    """Why there are no curves yet, or none of the present attempt."""
    if run.finished:
        return "This run ended before its first training step."
    if run.status == "created":
        return "This run has not been started."
    if run.status == "running":
        if paused:
            return PAUSED_AT_START
        return "Training is starting. The first losses appear in a few seconds."
    return queue.outlook(state.store(), run.id)


def _why_more_epochs(run) -> str | None:
    """Why there are more epochs than the settings say; None where there are not."""
    raised = departures(run.config, with_least_steps(run.config, run.samples), run.samples)
    return raised or None


def _pauses(past) -> str:
    """How long the pauses were, which the time does not count."""
    if past.paused >= 1:
        return f"Without pauses, which took {formatting.duration(past.paused)}."
    return f"{run_time.HELP}."

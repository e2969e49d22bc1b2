"""Small parts that several pages show: status badges, charts, empty states, errors in callbacks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.plots.echarts import legible
from dsc_core.runs import Run
from pages.shared import formatting, state

STATUS = {  # by the run's phase
    "created": ("gray", ":material/draft:", "Not started"),
    "queued": ("violet", ":material/hourglass_empty:", "Queued"),
    "running": ("blue", ":material/play_circle:", "Training"),
    "paused": ("yellow", ":material/pause_circle:", "Paused"),
    "silent": ("orange", ":material/hourglass_disabled:", "Not responding"),
    "done": ("green", ":material/check_circle:", "Done"),
    "stopped": ("orange", ":material/stop_circle:", "Stopped"),
    "damaged": ("red", ":material/broken_image:", "Damaged"),
    "failed": ("red", ":material/error:", "Failed"),
}
MAX_NAME = 40  # characters of a run's name on a button


def status(run, paused: bool = False) -> tuple[str, str, str]:
    """(colour, icon, word) of a run's status. paused: whether a pause is requested that is not carried out yet."""
    return STATUS["paused" if run.status == "running" and paused else run.phase]


def status_badge(run, paused: bool = False) -> None:
    """The run's status as a coloured badge with a word, never colour alone; paused as in `status`."""
    colour, icon, title = status(run, paused)
    st.badge(title, icon=icon, color=colour)


def newest_run(verb: str, fits: Callable[[Run], bool]) -> None:
    """A button that opens the newest run that `fits`; nothing where there is none."""
    run = next(filter(fits, state.store().list()), None)
    if run is None:
        return
    name = run.name if len(run.name) <= MAX_NAME else f"{run.name[: MAX_NAME - 1]}…"
    st.button(
        f"{verb} {formatting.plain(name)}",
        icon=":material/history:",
        key="newest",
        on_click=state.choose,
        args=("run", run.id),
    )


@contextmanager
def errors_as_toasts():
    """Show the InputError or RunError of a callback as a toast."""
    try:
        yield
    except (InputError, RunError) as problem:
        st.toast(formatting.plain(problem), icon=":material/error:")


def echart(option: dict, **options) -> None:
    """`st.echarts_chart` with text that is readable in the light and the dark theme."""
    st.echarts_chart(legible(option, st.context.theme.type == "dark"), **options)


def empty(icon: str, headline: str, text: str) -> None:
    """An empty state: what is missing and what to do next; the caller adds a button below it."""
    st.space("medium")
    st.subheader(f"{icon} {headline}", anchor=False)
    st.markdown(text)

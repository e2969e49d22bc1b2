"""Steering a run while it trains: a widget for every setting that may move, and pause, resume, stop."""

from __future__ import annotations

import time

import streamlit as st

from dsc_core.config import KNOBS, idle
from dsc_core.errors import InputError, RunError
from dsc_core.runs import checkpoints, queue
from pages.shared import state, widgets
from pages.shared.history import History, history

LIVE = [known for known in KNOBS.values() if known.live]
FIRST = ("noise_level", "global_mi", "local_mi")


def key_of(run, name: str) -> str:
    """The session's key of a setting's widget: a run that is started anew begins with its own settings."""
    return f"steer_{run.id}_{run.started}_{name}"


def without_effect(run) -> frozenset[str]:
    """The settings that have no effect on the run."""
    return idle(run.config.encoder, run.dataset.get("shape") or (1, 1, 1))


def panel(run, past: History):
    """The widgets, and the place for `differs`, which is drawn again at every poll.

    It must stand outside of what is polled: a widget in there would be taken from under the mouse.
    """
    still = without_effect(run)
    moving = [known for known in LIVE if known.name not in still]
    first = [known for known in moving if known.name in FIRST]
    over = bool(past.latest and past.latest.stage == "labels")  # no step comes any more that could take it
    with st.container(border=True, key="steering"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                "**Steer**", width="content", help="A change takes effect at the next step of training."
            )
            slot = st.empty()
            st.space("stretch")
            st.button(
                "Show the run's values",
                icon=":material/sync:",
                key="take_over",
                type="tertiary",
                on_click=take_over,
                args=(run,),
                help="Turn the controls here to what the run has now.",
            )
        _grid(run, past, first, over)
        with st.expander("Other weights and the learning rate", icon=":material/tune:", key="steer_others"):
            _grid(run, past, [known for known in moving if known not in first], over)
    return slot


def _grid(run, past: History, members, over: bool) -> None:
    with st.grid(3, min_column_width=230, gap="medium", vertical_alignment="bottom"):
        for known in members:
            widgets.knob(
                known,
                key=key_of(run, known.name),
                start=past.now[known.name],
                disabled=over,
                on_change=move,
                args=(run.id, known.name, key_of(run, known.name)),
            )


def move(run_id: str, name: str, key: str) -> None:
    """Send a widget's new value to the run."""
    ask(run_id, **{name: st.session_state[key]})


def differing(run, past: History) -> list:
    """The settings whose widgets show another value than the run has now."""
    shown = {known: st.session_state.get(key_of(run, known.name)) for known in LIVE}
    return [known for known, value in shown.items() if value is not None and value != past.now[known.name]]


def differs(slot, run, past: History) -> None:
    """A badge in `slot` where the widgets and the run differ: not taken up yet, or moved from elsewhere."""
    moved = differing(run, past)
    if not moved:
        slot.empty()
        return
    named = ", ".join(
        f"{known.symbol or known.title} {st.session_state[key_of(run, known.name)]:g} here,"
        f" {past.now[known.name]:g} there"
        for known in moved[:2]
    )
    more = f" and {len(moved) - 2} more" if len(moved) > 2 else ""
    with slot.container(horizontal=True, vertical_alignment="center"):
        st.badge("Settings differ from this run", icon=":material/sync_problem:", color="orange")
        st.caption(widgets.plain(f"{named}{more}"), width="content")


def take_over(run) -> None:
    """Turn the widgets to what the run has."""
    now = history(run).now
    for known in LIVE:
        st.session_state[key_of(run, known.name)] = now[known.name]


def ask(run_id: str, said: str = "", **wishes) -> None:
    """Ask something of the run's process, and say so, or why it cannot be."""
    with widgets.telling():
        state.store().control(run_id, **wishes)
        st.session_state["steered"] = time.time()
        if said:
            st.toast(said)


# A run that ended early ----------------------------------------------------------------------------------------


def outlook(run) -> str:
    """Where a run that ended early goes on, in a sentence or two; "" where it begins anew."""
    found = checkpoints.found(run.folder / "checkpoints")
    try:
        stamps = [(path.name, file.stat().st_mtime_ns) for path in found for file in sorted(path.glob("*"))]
    except OSError:  # it was resumed from elsewhere just now
        return ""
    return _outlook(run.id, stamps)


@st.cache_data(show_spinner=False, max_entries=200)
def _outlook(run_id: str, stamps: list[tuple[str, int]]) -> str:
    return checkpoints.outlook(state.store().folder(run_id))


def resume_button(run, **more) -> None:
    """Train a run that failed, or was stopped with epochs left, on from its newest checkpoint.

    Nothing is drawn where nothing can go on. more: what the button takes, such as its type.
    """
    left = next((one.left for one in state.store().checkpoints(run.id)), None)
    if not (run.status == "failed" or (run.status == "stopped" and left)):
        return
    st.button(
        "Start again" if left is None else "Resume",
        icon=":material/resume:",
        key="go_on",
        on_click=of_queue,
        args=(queue.enqueue, run.id),
        help=widgets.plain(outlook(run)) or "Nothing was kept: it begins anew.",
        **more,
    )


def begin(make) -> None:
    """Queue the run that `make` creates, which starts it where there is room, and show it; or say why not.

    make: () → the run's id.
    """
    try:
        run_id = make()
        queue.enqueue(state.store(), run_id)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem))
        return
    st.session_state["new_run"], st.session_state["branching"] = False, None
    state.choose("run", run_id)
    st.rerun()


def of_queue(does, run_id: str) -> None:
    """Put the run into the queue or take it out; or say why not."""
    with widgets.telling():
        does(state.store(), run_id)


# A run that trains ---------------------------------------------------------------------------------------------


def buttons(run, wishes: frozenset[str]) -> None:
    """Pause or resume, and stop; what was asked already is not asked again."""
    stopping = "stop" in wishes
    if "pause" in wishes:
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key="resume",
            type="primary",
            disabled=stopping,
            on_click=ask,
            args=(run.id,),
            kwargs={"resume": True},
        )
    else:
        st.button(
            "Pause",
            icon=":material/pause:",
            key="pause",
            disabled=stopping,
            on_click=ask,
            args=(run.id,),
            kwargs={"pause": True},
            help="Hold training after the present step; nothing is lost.",
        )
    st.button(
        "Stopping" if stopping else "Stop",
        icon=":material/stop:",
        key="stop",
        disabled=stopping,
        on_click=ask,
        args=(run.id, "Stopping after the present step; clusters are made from what is there."),
        kwargs={"stop": True},
        help="End after the present step; clusters and maps are made from what is learnt so far.",
    )

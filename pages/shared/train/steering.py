"""Controls that change the settings of a run while it trains."""

from __future__ import annotations

import time

import streamlit as st

from dsc_core.config import KNOBS, idle
from dsc_core.knobs import NOISE, plain_number
from pages.shared import formatting, knobs, run_actions, state
from pages.shared.train import history

LIVE = [knob for knob in KNOBS.values() if knob.live]
GRACE = 3.0  # seconds from a request that the run has taken to the event that says so
MAIN = [knob for knob in LIVE if knob.group == NOISE]  # shown first


def key_of(run, name: str) -> str:
    """The session's key of a setting's widget; a run that is started again gets new widgets."""
    return f"steer_{run.id}_{run.started}_{name}"


def without_effect(run) -> frozenset[str]:
    """The settings that have no effect on the run."""
    return idle(run.config.encoder, run.dataset.get("shape") or (1, 1, 1))


def panel(run, past: history.History):
    """The widgets of all live settings; returns the slot for `difference_badge`.

    The panel must not be part of what is drawn again every few seconds: a slider would be lost while it is dragged.
    """
    effective = [knob for knob in LIVE if knob.name not in without_effect(run)]
    main = [knob for knob in effective if knob in MAIN]
    disabled = bool(past.latest and past.latest.stage == "labels")  # no training step follows
    with st.container(border=True, key="steering"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                "**Steer training**", width="content", help="A change takes effect at the next training step."
            )
            badge = st.empty()
            st.space("stretch")
            st.button(
                "Reset to the run's values",
                icon=":material/sync:",
                key="take_over",
                type="tertiary",
                on_click=reset_to_run,
                args=(run,),
                help="Set the controls to the values that the run uses now.",
            )
        _grid(run, past, main, disabled)
        with st.expander("Other weights and learning rate", icon=":material/tune:", key="steer_others"):
            _grid(run, past, [knob for knob in effective if knob not in main], disabled)
    return badge


def _grid(run, past: history.History, members, disabled: bool) -> None:
    with st.grid(3, min_column_width=230, gap="medium", vertical_alignment="bottom"):
        for knob in members:
            key = key_of(run, knob.name)
            knobs.widget(
                knob,
                key=key,
                start=past.now[knob.name],
                disabled=disabled,
                on_change=send_value,
                args=(run.id, knob.name, key),
            )


def send_value(run_id: str, name: str, key: str) -> None:
    """Send a widget's new value to the run."""
    st.session_state["sent"] = st.session_state.get("sent", {}) | {key: time.monotonic()}
    run_actions.send_request(run_id, **{name: st.session_state[key]})


def differing_settings(run, past: history.History) -> list:
    """The settings whose widgets show another value than the run uses now, and that the run has not been sent."""
    pending = state.store().controls.pending(run.id)
    past.read()  # after the pending ones: a request is either still pending, or its event is there by now
    sent, now = st.session_state.get("sent", {}), time.monotonic()
    differing = []
    for knob in LIVE:
        key = key_of(run, knob.name)
        value, under_way = (
            st.session_state.get(key),
            knob.name in pending or now - sent.get(key, -GRACE) < GRACE,
        )
        if value is not None and value != past.now[knob.name] and not under_way:
            differing.append(knob)
    return differing


def difference_badge(slot, run, past: history.History) -> None:
    """A badge where the widgets and the run differ: changed from elsewhere, or undone after a bad loss."""
    differing = differing_settings(run, past)
    if not differing:
        slot.empty()
        return
    parts = [
        f"{knobs.short_title(knob)} {plain_number(st.session_state[key_of(run, knob.name)])} here,"
        f" {plain_number(past.now[knob.name])} in the run"
        for knob in differing[:2]
    ]
    more = f" and {len(differing) - 2} more" if len(differing) > 2 else ""
    with slot.container(horizontal=True, vertical_alignment="center"):
        st.badge("Settings differ from this run", icon=":material/sync_problem:", color="orange")
        st.caption(formatting.plain(f"{'; '.join(parts)}{more}"), width="content")


def reset_to_run(run) -> None:
    """Set the widgets to the values that the run uses now."""
    current = history.history(run).now
    for knob in LIVE:
        st.session_state[key_of(run, knob.name)] = current[knob.name]

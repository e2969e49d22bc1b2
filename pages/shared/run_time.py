"""How long runs trained: one number and one label on all pages."""

from __future__ import annotations

import streamlit as st

from pages.shared import state

TITLE = "Training time"
HELP = "From the first step to the labels and maps, without pauses"


def seconds(run) -> float | None:
    """Seconds that a finished run trained, over all its attempts; None before its first event."""
    return _seconds(run.id, run.ended) if run.finished else None


@st.cache_data(show_spinner=False, max_entries=2000)
def _seconds(run_id: str, ended: float | None) -> float | None:
    """By the last event; `ended` makes a resumed run be read again."""
    event = state.store().last_event(run_id)
    return event.seconds or None if event else None

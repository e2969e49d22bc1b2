"""The parts of the Results page that depend on edits: fragments with keys, so that an edit redraws nothing else."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

DRAWN = "results_parts"  # in the session: the keys of the parts on the page


def begin() -> None:
    """The page is drawn anew: no part is on it yet."""
    st.session_state[DRAWN] = []


def draw(key: str, function: Callable, *arguments) -> None:
    """Draw a part of the page as a fragment."""
    st.session_state.setdefault(DRAWN, []).append(f"results_{key}")
    st.fragment(function, key=f"results_{key}")(*arguments)


def redraw() -> None:
    """In a callback: draw all parts again, and nothing else of the page."""
    if drawn := st.session_state.get(DRAWN):
        st.rerun(list(drawn))

"""The noise explorer, as a section."""

from __future__ import annotations

import streamlit as st

from pages.shared import explorer


def draw(run, found) -> None:
    """What noise does to single samples; last on the page, since it loads the model."""
    if explorer.available(run):
        st.subheader(
            "Noise explorer",
            anchor=False,
            help="What the noise transformer ψ(z) = z ⊙ (1 + s·ε) does to single samples.",
        )
        with st.container(border=True):
            explorer.draw(run)

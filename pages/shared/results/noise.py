"""The noise explorer as a section of the Results page."""

from __future__ import annotations

import streamlit as st

from pages.shared import noise_explorer
from pages.shared.results import run_view


def draw(run, results) -> None:
    """The effect of noise on single samples; last on the page, since it loads the model."""
    if noise_explorer.available(run):
        st.subheader(
            "Noise explorer",
            anchor=False,
            help="The effect of the noise transformer ψ(z) = z ⊙ (1 + s·ε) on single samples.",
        )
        with st.container(border=True):
            noise_explorer.draw(run, run_view.view(run, results).edited)

"""The noise explorer as a section of the Results page."""

from __future__ import annotations

import streamlit as st

from pages.shared import noise_explorer
from pages.shared.results import run_view


def draw(run, results) -> None:
    """The effect of noise on single samples, closed at first: it needs the model, and PyTorch takes seconds to load."""
    if not noise_explorer.available(run):
        return
    section = st.expander("Noise explorer", icon=":material/blur_on:", key="explorer", on_change="rerun")
    if section.open:
        with section:
            st.caption("The effect of the noise transformer ψ(z) = z ⊙ (1 + s·ε) on single samples.")
            noise_explorer.draw(run, run_view.view(run, results).edited)

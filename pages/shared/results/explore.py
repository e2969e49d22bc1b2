"""Maps, matrix, samples and clusters, linked by the selection and drawn anew without the rest of the page."""

from __future__ import annotations

import streamlit as st

from dsc_core.errors import InputError, RunError
from pages.shared import widgets
from pages.shared.results import chosen, clusters, maps, matrix, samples
from pages.shared.results.opening import view


def draw(run, found) -> None:
    """The linked part of the page."""
    st.fragment(_linked)(run, found)


def _linked(run, found) -> None:
    if st.session_state.pop(clusters.CHANGED, False):
        st.rerun()  # the whole page: its scores go by the edits
    looked = view(run, found)
    if looked.problem:
        st.error(widgets.plain(looked.problem), icon=":material/error:")
    chosen.from_address(run, len(looked.frame))
    maps.draw(looked)
    chosen.bar(run, found.labels, looked.edited)
    _guarded(samples.draw, looked)  # right below the maps: what was touched or lassoed is seen beside them
    matrix.draw(looked)
    _guarded(clusters.draw, looked)


def _guarded(draw, looked) -> None:
    """A section that needs the data set or the model, either of which may be missing; the rest stays."""
    try:
        draw(looked)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")

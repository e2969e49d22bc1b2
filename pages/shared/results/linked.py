"""Maps, matrix, samples and clusters, linked by the selection and drawn again without the rest of the page."""

from __future__ import annotations

import streamlit as st

from dsc_core.errors import InputError, RunError
from pages.shared import formatting
from pages.shared.results import cluster_panel, maps, matrix, parts, run_view, samples, selected


def draw(run, results) -> None:
    """The linked sections, as a fragment."""
    parts.draw("linked", _linked, run, results)


def _linked(run, results) -> None:
    view = run_view.view(run, results)
    if view.problem:
        st.error(formatting.plain(view.problem), icon=":material/error:")
    if view.edited.outdated:
        st.caption(outdated_text(len(view.edited.outdated)))
    selected.from_address(run, len(view.frame))
    maps.draw(view)
    selected.bar(run, results.labels, view.edited)
    _or_error(samples.draw, view)  # right below the maps, so that a selection is seen beside them
    matrix.draw(view)
    _or_error(cluster_panel.draw, view)


def outdated_text(count: int) -> str:
    """That edits of earlier results are not shown."""
    edits = formatting.count(count, "edit")
    verb = "is" if count == 1 else "are"
    return f"{edits} made before this run was trained further {verb} not applied to its new clusters."


def _or_error(draw, view: run_view.View) -> None:
    """Draw a section that needs the data set or the model; where either is missing, the error takes its place."""
    try:
        draw(view)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")

"""The selected samples: one object in the session that maps, matrix, samples and clusters share.

A Plotly chart is mounted again, and loses its lasso, whenever its figure changes. So each map has its own highlight,
and a selection made on one map is written to the other map only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations import selections
from pages.shared import formatting, widgets

KEY, EMPTY = "selection", np.zeros(0, np.int64)
MAPS = ("latent", "spectral")


@dataclass(frozen=True)
class Selection:
    """The selected samples of a run.

    rows: their positions, sorted. source: "latent" or "spectral" for a map, else what it came from. text: how they
    were selected. latent, spectral: the samples that each map highlights, None for all.
    """

    of: tuple = ()
    rows: np.ndarray = field(default_factory=lambda: EMPTY)
    source: str = ""
    text: str = ""
    latent: np.ndarray | None = None
    spectral: np.ndarray | None = None

    def __bool__(self) -> bool:
        return len(self.rows) > 0


def current(run) -> Selection:
    """The selection among a run's samples; empty if there is none."""
    selection = st.session_state.get(KEY)
    return selection if selection is not None and selection.of == _run_key(run) else Selection(_run_key(run))


def _run_key(run) -> tuple:
    return (run.id, run.ended)


def choose(run, rows, source: str, text: str) -> None:
    """Select the samples at `rows`; with none, the maps highlight all."""
    rows = np.unique(np.asarray(rows, dtype=np.int64))
    before = current(run)
    shown = rows if len(rows) else None
    highlights = {space: getattr(before, space) if space == source else shown for space in MAPS}
    if not len(rows):
        source, text, highlights = "", "", dict.fromkeys(MAPS)
    st.session_state[KEY] = Selection(_run_key(run), rows, source, text, **highlights)
    st.session_state["sample_page"] = 1
    st.query_params.pop("selection", None)


def clear(run) -> None:
    """Select nothing."""
    choose(run, EMPTY, "", "")


def highlight(run, space: str) -> None:
    """Highlight the selection on the map where it was made, whose lasso is gone."""
    selection = current(run)
    st.session_state[KEY] = replace(selection, **{space: selection.rows if selection else None})


# Saved selections -----------------------------------------------------------------------------------------


def from_address(run, count: int) -> None:
    """Open the saved selection that the address names, once."""
    name = st.query_params.get("selection")
    if name and st.session_state.get("selection_opened") != (*_run_key(run), name):
        st.session_state["selection_opened"] = (*_run_key(run), name)
        open_saved(run, name, count)


def open_saved(run, name: str, count: int) -> None:
    """Select what was saved under a name, and put the name into the address."""
    try:
        rows = selections.load(run.folder, name, count)
    except (InputError, RunError) as problem:
        st.query_params.pop("selection", None)
        st.toast(formatting.plain(problem), icon=":material/error:")
        return
    choose(run, rows, "saved", f"saved as {name}")
    _put_in_address(run, name)


def save(run, name: str) -> None:
    """Save the selection under a name, and put the name into the address."""
    with widgets.errors_as_toasts():
        name = selections.save(run.folder, name, current(run).rows)
        _put_in_address(run, name)
        text = f"Saved as {formatting.plain(name)}. The address of this page now opens the selection."
        st.toast(text, icon=":material/bookmark:")


def _put_in_address(run, name: str) -> None:
    st.query_params["selection"] = name
    st.session_state["selection_opened"] = (*_run_key(run), name)


# The bar --------------------------------------------------------------------------------------------------


def bar(run, frame, edited) -> None:
    """How many samples are selected and how; buttons to clear, download, save and open selections.

    frame: the run's own table of labels; edited: its edited clusters.
    """
    selection, count = current(run), len(frame)
    with st.container(horizontal=True, vertical_alignment="center", key="selection_bar"):
        if selection:
            share = len(selection.rows) / count
            st.markdown(
                f"**{formatting.count(len(selection.rows), 'sample')} selected** · {share:.1%} of {count:,} · "
                f"{formatting.plain(selection.text)}",
                width="content",
            )
        else:
            text = "No selection. Draw a lasso or a box on a map, or click a sample or a cell of the matrix."
            st.caption(text, width="content")
        st.space("stretch")
        st.button(
            "Clear",
            icon=":material/close:",
            key="clear_selection",
            on_click=clear,
            args=(run,),
            disabled=not selection,
        )
        st.download_button(
            "selection.csv",
            data=lambda: run_edits.edited_csv(frame, edited, selection.rows),
            file_name="selection.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="download_selection",
            disabled=not selection,
            help="The clusters of the selected samples, with edited ones beside those of the run.",
        )
        _saved_menu(run, count, bool(selection))


@st.cache_data(show_spinner=False, max_entries=8)
def _names(folder: Path, stamp: int) -> list[str]:
    return sorted(selections.saved(folder))


def _saved_menu(run, count: int, enabled: bool) -> None:
    """Save the selection under a name, or open a saved one."""
    try:
        names = _names(run.folder, selections.stamp(run.folder))
    except RunError as problem:
        st.caption(formatting.plain(problem))
        return
    with st.popover("Saved selections", icon=":material/bookmark:", key="saved_selections"):
        with st.form("selection_form", border=False):  # Enter saves, as does the first click
            st.text_input("Name", key="selection_name", max_chars=selections.MAX_NAME, disabled=not enabled)
            st.form_submit_button(
                "Save selection",
                key="save_selection",
                type="primary",
                disabled=not enabled,
                on_click=lambda: save(run, st.session_state.get("selection_name") or ""),
            )
        for position, saved in enumerate(names):
            st.button(
                formatting.plain(saved),
                icon=":material/folder_open:",
                key=f"open_selection_{position}",
                type="tertiary",
                on_click=open_saved,
                args=(run, saved, count),
            )

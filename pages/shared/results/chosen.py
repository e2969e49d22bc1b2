"""The selection: one object in the session that both maps, the matrix, the samples and the clusters go by.

A Plotly chart is mounted anew, its lasso lost, whenever its figure changes. So each map has a highlight of its own,
and a selection made on a map is written to the other map's only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations import selections
from pages.shared import widgets

KEY, NONE = "selection", np.zeros(0, np.int64)
MAPS = ("latent", "spectral")


@dataclass(frozen=True)
class Selection:
    """Which samples of a run are selected. rows: their positions, sorted. source: "latent" or "spectral" for a map,
    else what it came from. text: that in words. highlights: what each map's figure shows bright, None for all.
    """

    of: tuple = ()
    rows: np.ndarray = field(default_factory=lambda: NONE)
    source: str = ""
    text: str = ""
    latent: np.ndarray | None = None
    spectral: np.ndarray | None = None

    def __bool__(self) -> bool:
        return len(self.rows) > 0


def current(run) -> Selection:
    """The selection among a run's samples; empty where there is none, or it is of another run."""
    kept = st.session_state.get(KEY)
    return kept if kept is not None and kept.of == _of(run) else Selection(_of(run))


def _of(run) -> tuple:
    return (run.id, run.ended)


def choose(run, rows, source: str, text: str) -> None:
    """Select the samples at `rows`; nothing selected is everything bright again."""
    rows = np.unique(np.asarray(rows, dtype=np.int64))
    kept = current(run)
    shown = rows if len(rows) else None
    highlights = {space: getattr(kept, space) if space == source else shown for space in MAPS}
    if not len(rows):
        source, text, highlights = "", "", dict.fromkeys(MAPS)
    st.session_state[KEY] = Selection(_of(run), rows, source, text, **highlights)
    st.session_state["sample_page"] = 1
    st.query_params.pop("selection", None)


def clear(run) -> None:
    """Select nothing."""
    choose(run, NONE, "", "")


def show_on(run, space: str) -> None:
    """Write the selection to the map's own figure too, whose lasso is gone."""
    kept = current(run)
    st.session_state[KEY] = replace(kept, **{space: kept.rows if kept else None})


# By name --------------------------------------------------------------------------------------------------


def from_address(run, count: int) -> None:
    """Select what the address names, once."""
    name = st.query_params.get("selection")
    if name and st.session_state.get("selection_opened") != (*_of(run), name):
        st.session_state["selection_opened"] = (*_of(run), name)
        open_saved(run, name, count)


def open_saved(run, name: str, count: int) -> None:
    """Select what was saved under a name, and say it in the address."""
    try:
        rows = selections.load(run.folder, name, count)
    except (InputError, RunError) as problem:
        st.query_params.pop("selection", None)
        st.toast(widgets.plain(problem), icon=":material/error:")
        return
    choose(run, rows, "saved", f"saved as {name}")
    _in_address(run, name)


def save(run, name: str) -> None:
    """Keep the selection under a name, and say it in the address."""
    with widgets.telling():
        name = selections.save(run.folder, name, current(run).rows)
        _in_address(run, name)
        st.toast(
            f"Saved as {widgets.plain(name)}: the address now opens this view.", icon=":material/bookmark:"
        )


def _in_address(run, name: str) -> None:
    st.query_params["selection"] = name
    st.session_state["selection_opened"] = (*_of(run), name)


def bar(run, frame, edited) -> None:
    """One line: how many samples are selected, and by what; to clear, take away, save and open.

    frame: the run's own table of labels; edited: its clusters as edited.
    """
    kept, count = current(run), len(frame)
    with st.container(horizontal=True, vertical_alignment="center", key="selection_bar"):
        if kept:
            share = len(kept.rows) / count
            st.markdown(
                f"**{len(kept.rows):,} sample{'s'[: len(kept.rows) != 1]} selected** · {share:.1%} of {count:,} · "
                f"{widgets.plain(kept.text)}",
                width="content",
            )
        else:
            st.caption(
                "Nothing selected. Draw a lasso or a box on a map, touch a point, or click a cell below.",
                width="content",
            )
        st.space("stretch")
        st.button(
            "Clear",
            icon=":material/close:",
            key="clear_selection",
            on_click=clear,
            args=(run,),
            disabled=not kept,
        )
        st.download_button(
            "labels.csv",
            data=lambda: run_edits.edited_csv(frame, edited, kept.rows),
            file_name="selection.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="download_selection",
            disabled=not kept,
            help="The rows of the selected samples; edited clusters stand beside the run's.",
        )
        _keeping(run, count, bool(kept))


@st.cache_data(show_spinner=False, max_entries=8)
def _names(folder: Path, stamp: int) -> list[str]:
    return sorted(selections.saved(folder))


def _keeping(run, count: int, anything: bool) -> None:
    try:
        known = _names(run.folder, selections.stamp(run.folder))
    except RunError as problem:
        st.caption(widgets.plain(problem))
        return
    with st.popover("Saved", icon=":material/bookmark:", key="saved_selections"):
        name = st.text_input(
            "Name", key="selection_name", max_chars=selections.LONGEST, disabled=not anything
        )
        st.button(
            "Save the selection",
            key="save_selection",
            type="primary",
            disabled=not anything,
            on_click=lambda: save(run, st.session_state.get("selection_name") or name),
        )
        for place, one in enumerate(known):
            st.button(
                widgets.plain(one),
                icon=":material/folder_open:",
                key=f"open_selection_{place}",
                type="tertiary",
                on_click=open_saved,
                args=(run, one, count),
            )

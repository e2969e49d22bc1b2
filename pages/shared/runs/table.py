"""The table of all runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core.errors import RunError
from dsc_core.runs.files import read_json
from pages.shared import formatting, knobs, state, widgets

HEADER, ROW, MAX_HEIGHT = 38, 35, 560  # pixels


def draw(runs, queued: list[str], sizes: dict[str, int]) -> list:
    """The table, the newest run first; returns the selected runs."""
    frame = pd.DataFrame([_row(run, queued, sizes) for run in runs])
    # Rows are selected by position: other runs need another key, or the selection would move to a neighbour.
    key = f"runs_{hash(tuple(run.id for run in runs)) & 0xFFFFFFFF:x}"
    event = st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(HEADER + ROW * len(frame), MAX_HEIGHT),
        alt="All runs of the workspace",
        placeholder="–",
        column_config={
            "★": st.column_config.TextColumn(width=30),
            "Name": st.column_config.TextColumn(width="medium"),
            "Data": st.column_config.TextColumn(width="small"),
            "Samples": st.column_config.NumberColumn(format="localized"),
            "ACC": st.column_config.NumberColumn(format="%.3f", help="For evaluation only."),
            "NMI": st.column_config.NumberColumn(format="%.3f", help="For evaluation only."),
            "Created": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
            "Note": st.column_config.TextColumn(width="medium"),
        },
    )
    return [runs[position] for position in event["selection"]["rows"] if position < len(runs)]


def _row(run, queued: list[str], sizes: dict[str, int]) -> dict:
    """One row of the table."""
    scores = _scores(run.id, run.ended) if run.status in ("done", "stopped") else {}
    status = widgets.status(run)[2]
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Status": f"{status}, number {queued.index(run.id) + 1}" if run.id in queued else status,
        "Data": str(run.dataset.get("name", "")),
        "Samples": run.samples,
        "K": run.clusters,
        "ACC": scores.get("acc"),
        "NMI": scores.get("nmi"),
        "Preset": knobs.preset_of(run.config) or "custom",
        "Created": pd.Timestamp(run.created, unit="s", tz="UTC").tz_convert(st.context.timezone or "UTC"),
        "Time": formatting.duration(_seconds(run.id, run.ended) if run.finished else None),
        "Disk": formatting.size(sizes[run.id]),
        "Note": run.note,
    }


@st.cache_data(show_spinner=False, max_entries=2000)
def _scores(run_id: str, ended: float | None) -> dict:
    """The summary of a finished run, {} where it has none."""
    try:
        return read_json(state.store().folder(run_id) / "summary.json")
    except RunError:
        return {}


@st.cache_data(show_spinner=False, max_entries=2000)
def _seconds(run_id: str, ended: float | None) -> float | None:
    """Seconds that the run trained, pauses left out, over all its attempts; None before its first event."""
    event = state.store().last_event(run_id)
    return event.seconds if event else None


def signature(runs) -> tuple:
    """What the table depends on."""
    return tuple((run.id, run.phase, run.name, run.starred) for run in runs)

"""The table of all runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core.runs.artifacts.summary import FILE as SUMMARY
from dsc_core.runs.artifacts.summary import readable_summary
from dsc_core.runs.files import state_of
from dsc_core.runs.run import DAMAGED
from pages.shared import formatting, knobs, run_time, widgets

HEADER, ROW, MAX_HEIGHT = 38, 35, 560  # pixels


def draw(runs, queued: list[str], sizes: dict[str, int]) -> list:
    """The table, the newest run first; returns the selected runs."""
    frame = pd.DataFrame([_row(run, queued, sizes) for run in runs])
    frame = frame.astype({"Samples": "Int64", "K": "Int64"})  # whole numbers beside what is not known
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
            "Created": st.column_config.DatetimeColumn(format=_date_format(frame["Created"])),
            "Note": st.column_config.TextColumn(width="medium"),
        },
    )
    return [runs[position] for position in event["selection"]["rows"] if position < len(runs)]


def _row(run, queued: list[str], sizes: dict[str, int]) -> dict:
    """One row of the table."""
    scores = _scores(run.id, state_of(run.folder / SUMMARY), run)
    status = widgets.status(run)[2]
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Status": f"{status}, number {queued.index(run.id) + 1}" if run.id in queued else status,
        **_facts(run),
        "ACC": scores.get("acc"),
        "NMI": scores.get("nmi"),
        "Preset": None if run.status == DAMAGED else knobs.preset_of(run.config) or "custom",
        "Created": pd.Timestamp(run.created, unit="s", tz="UTC").tz_convert(st.context.timezone or "UTC"),
        run_time.TITLE: formatting.duration(run_time.seconds(run)),
        "Disk": formatting.size(sizes[run.id]),
        "Note": run.note,
    }


def _facts(run) -> dict:
    """The data and the size of a run; nothing is known of a damaged one."""
    if run.status == DAMAGED:
        return {"Data": None, "Samples": None, "K": None}
    return {"Data": str(run.dataset.get("name", "")), "Samples": run.samples, "K": run.clusters}


def _date_format(created: pd.Series) -> str:
    """How the dates are shown: with the year, unless all are of this year."""
    this_year = pd.Timestamp.now(tz=created.dt.tz).year
    return "D MMM, HH:mm" if (created.dt.year == this_year).all() else "D MMM YYYY, HH:mm"


@st.cache_data(show_spinner=False, max_entries=2000)
def _scores(run_id: str, state: tuple, _run) -> dict:
    """The summary of a finished run, {} where it has none that can be read."""
    return readable_summary(_run)


def signature(runs) -> tuple:
    """What the table depends on."""
    return tuple((run.id, run.phase, run.name, run.starred) for run in runs)

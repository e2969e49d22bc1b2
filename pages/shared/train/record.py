"""What a run was trained with and what it wrote: settings, events and the log."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core.runs.artifacts import event_table
from dsc_core.runs.folder import slug
from pages.shared import knobs, state
from pages.shared.train import steering

LOG_LINES = 200  # the newest ones that are shown
EVENT_FILES = {"csv": ("CSV", event_table.events_csv), "parquet": ("Parquet", event_table.events_parquet)}


def draw(run) -> None:
    """The run's settings, its events as files, and its log."""
    with st.expander("Settings", icon=":material/tune:", key="settings_used"):
        name, changed = knobs.nearest_preset(run.config)
        st.caption(f"Preset {name}" + (f", except: {', '.join(changed)}." if changed else "."))
        rows = knobs.settings_rows(run.config, steering.without_effect(run))
        st.dataframe(pd.DataFrame(rows), hide_index=True, height=340)
    _event_downloads(run)
    section = st.expander("Log", icon=":material/description:", key="log", on_change="rerun")
    if section.open:
        with section:
            st.code(_log_text(run), language=None, wrap_lines=True, height=320)


def _event_downloads(run) -> None:
    """The events as tables; a file is made when its button is pressed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for suffix, (title, write) in EVENT_FILES.items():
            st.download_button(
                f"Events as {title}",
                lambda write=write: write(state.store().events(run.id)),
                f"{slug(run.name)}-events.{suffix}",
                icon=":material/download:",
                key=f"events_{suffix}",
                on_click="ignore",
                help="One row per event: losses, scores, changed settings and notes, by step.",
            )


def _log_text(run) -> str:
    """The end of the run's log file, the newest line first, since the box opens at its top."""
    try:
        lines = (state.store().folder(run.id) / "log.txt").read_text(errors="replace").splitlines()
    except OSError:
        return "This run has no log file."
    return "\n".join(lines[: -LOG_LINES - 1 : -1]) or "The log is empty."

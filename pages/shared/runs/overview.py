"""The totals of the workspace, and how many runs train at once."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from dsc_core.runs import queue
from dsc_core.runs.files import size_of
from pages.shared import formatting, state, widgets


def draw(runs, queued: list[str], sizes: dict[str, int], deleted) -> None:
    """Runs by status, disk use, and the number of concurrent runs."""
    home = state.store().home
    in_runs, in_data = sum(sizes.values()), size_of(home / "data") + size_of(home / "uploads")
    in_trash = sum(run.size for run in deleted)
    st.session_state["at_a_time"] = queue.concurrent_runs(state.store())
    phases = Counter(run.phase for run in runs)
    with st.grid(5, min_column_width=130, vertical_alignment="bottom"):
        st.metric("Runs", len(runs))
        for phase in ("running", "paused", "silent"):
            if phases[phase] or phase == "running":
                st.metric(widgets.STATUS[phase][2], phases[phase])
        st.metric("Queued", len(queued))
        st.metric(
            "Disk use",
            formatting.size(in_runs + in_data + in_trash),
            help=f"Runs {formatting.size(in_runs)}, data sets and uploads {formatting.size(in_data)}, "
            f"trash {formatting.size(in_trash)}.",
        )
        st.number_input(
            "Concurrent runs",
            1,
            queue.MAX_RUNS,
            key="at_a_time",
            on_change=_set_concurrent,
            help="When a run ends, the next queued run starts automatically, even while this page is closed.",
        )


def _set_concurrent() -> None:
    """Save the number of concurrent runs, which may start queued ones."""
    with widgets.errors_as_toasts():
        queue.set_concurrent_runs(state.store(), int(st.session_state["at_a_time"]))


def disk_use(run) -> int:
    """Bytes of the run's folder."""
    return _disk_use(run.id, run.started, run.ended) if run.finished else size_of(run.folder)


@st.cache_data(show_spinner=False, max_entries=2000)
def _disk_use(run_id: str, started: float | None, ended: float | None) -> int:
    return size_of(state.store().folder(run_id))

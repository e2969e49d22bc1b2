"""Runs: all runs of the workspace, the queue, disk use and the trash."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs import queue, trash
from pages.shared import links, state, widgets
from pages.shared.runs import overview, selected, table, trash_bin


def page() -> None:
    """Totals, the table of runs, actions on the selected ones, and the trash."""
    runs = state.store().list()
    deleted = trash.trashed(state.store())
    if not runs and not deleted:
        no_runs()
        return
    queued = [run.id for run in queue.waiting(state.store())]
    sizes = {run.id: overview.disk_use(run) for run in runs}
    overview.draw(runs, queued, sizes, deleted)
    if runs:  # above the table, whose tools would else cover the field above it
        st.caption("Select a run in the table to open, rename, star, annotate or delete it.")
    rows = table.draw(runs, queued, sizes) if runs else []
    if len(rows) == 1:
        selected.draw_one(rows[0], sizes)
    elif rows:
        selected.draw_several(rows, sizes)
    trash_bin.draw(deleted)
    if any(not run.finished for run in runs):
        st.fragment(rerun_on_change, run_every=2.0)(table.signature(runs))


def no_runs() -> None:
    """The empty state."""
    widgets.empty(":material/list_alt:", "No runs yet", "Choose data, then start the first run.")
    if st.button("Choose data", type="primary", icon=":material/arrow_back:"):
        st.switch_page(links.DATA)


def rerun_on_change(drawn: tuple) -> None:
    """Draw the page again when a run starts or ends. The table itself is not polled, or its selection would be lost."""
    if table.signature(state.store().list()) != drawn:
        st.rerun()


page()

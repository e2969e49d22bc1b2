"""The buttons above a run, by its status."""

from __future__ import annotations

import streamlit as st

from dsc_core.presets import DEFAULT_PRESET
from dsc_core.runs.artifacts.labels import has_results
from pages.shared import knobs, links, run_actions, state
from pages.shared.train import branching


def draw(run, requests: frozenset[str]) -> None:
    """The actions that the run's status allows. While it trains the row is always the same: no button moves."""
    run_actions.queue_button(run, type="primary" if run.status == "created" else "secondary")
    if run.status == "running":
        run_actions.pause_button(run, requests)
        run_actions.stop_button(run, "stop" in requests)
    again = run.status == "failed" or (run.status == "stopped" and not has_results(run))
    run_actions.resume_button(run, type="primary" if again else "secondary")
    if has_results(run) and st.button(
        "Show results", type="primary", icon=":material/scatter_plot:", key="to_results"
    ):
        st.switch_page(links.RESULTS, query_params={"run": run.id})
    branching.button(run)
    st.button("New run", icon=":material/add:", key="another", on_click=new_run_like, args=(run,))


def new_run_like(run) -> None:
    """Go back to the form, filled in with this run's data set and settings."""
    state.choose("run", None)
    key = run.dataset.get("key")
    if key:
        state.choose("data", key)
        st.session_state["knobs_for"] = key
    knobs.set_all(run.config)
    st.session_state["preset"] = knobs.preset_of(run.config) or st.session_state.get("preset", DEFAULT_PRESET)
    st.session_state["run_name"] = ""

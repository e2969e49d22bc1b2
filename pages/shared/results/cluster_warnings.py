"""Warnings about clusters that are collapsed, empty, tiny, mixed or loose."""

from __future__ import annotations

import streamlit as st

from dsc_core.analysis import cluster_warnings
from dsc_core.errors import RunError
from dsc_core.runs.artifacts.arrays import read_spectral
from dsc_core.runs.artifacts.graph import load_graph
from pages.shared import formatting, jobs

ICONS = {
    "collapsed": ":material/error:",
    "empty": ":material/do_not_disturb_on:",
    "tiny": ":material/warning:",
    "mixed": ":material/join:",
    "loose": ":material/grain:",
}


def graph_job(run) -> str:
    """The key of the job that builds the graph; a resumed run has another one."""
    return f"graph_{run.id}_{int(run.ended or 0)}"


def draw(run, results) -> None:
    """One sentence per warning, or that there is none."""
    st.markdown("**Cluster warnings**", help="Rules that need no labels: sizes, silhouettes and the graph.")
    key = graph_job(run)
    job = jobs.get(key)
    if job is None:
        job = jobs.start(key, lambda report: load_graph(run, report))
        jobs.rerun_if_started()
    if job.problem or job.stopped:
        message = job.problem or "The graph was not built, so overlaps between clusters are not checked."
        st.warning(formatting.plain(message), icon=":material/warning:")
        st.button("Retry", key="graph_again", icon=":material/refresh:", on_click=jobs.forget, args=(key,))
    try:
        warnings = _find_warnings(run.id, results.version, job.result is not None, results, job.result)
    except RunError as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return
    if not warnings:
        st.success("No cluster is collapsed, empty, tiny, mixed or loose.", icon=":material/check:")
    for warning in warnings:
        st.markdown(f"{ICONS[warning.kind]} {formatting.plain(warning.message)}")


@st.cache_data(show_spinner="Checking the clusters", max_entries=16)
def _find_warnings(run_id: str, version: tuple, with_graph: bool, _results, _affinity) -> list:
    """The warnings of a run; RunError where its spectral coordinates cannot be read."""
    clusters = _results.labels["cluster"].to_numpy()
    spectral = read_spectral(_results.run)
    config = _results.run.config
    signs = cluster_warnings.diagnose(clusters, _results.run.clusters, spectral, _affinity, config.seed)
    return cluster_warnings.find_warnings(signs)

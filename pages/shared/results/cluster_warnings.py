"""Warnings about clusters that are collapsed, empty or tiny, that may hold several groups, or may be one."""

from __future__ import annotations

import streamlit as st

from dsc_core.analysis import cluster_warnings
from dsc_core.runs.artifacts.graph import load_graph
from pages.shared import formatting, jobs

ICONS = {
    "collapsed": ":material/error:",
    "empty": ":material/do_not_disturb_on:",
    "tiny": ":material/warning:",
    "several": ":material/call_split:",
    "one": ":material/join:",
}
NONE = "No cluster is collapsed, empty or tiny, none seems to hold several groups, and no two seem to be one."
NONE_BY_SIZE = "No cluster is collapsed, empty or tiny."
SHOWN = 12  # warnings; with many clusters too many, most pairs may be one


def graph_job(run) -> str:
    """The key of the job that builds the graph; a resumed run has another one."""
    return f"graph_{run.id}_{int(run.ended or 0)}"


def draw(run, results) -> None:
    """One sentence per warning, or that there is none."""
    st.markdown(
        "**Cluster warnings**", help="Rules that need no labels: sizes, and what it costs to cut the graph."
    )
    key = graph_job(run)
    job = jobs.get(key)
    if job is None:
        job = jobs.start(key, lambda report: load_graph(run, report))
        jobs.rerun_if_started()
    if job.problem or job.stopped:
        message = job.problem or "The graph was not built, so only the sizes are checked."
        st.warning(formatting.plain(message), icon=":material/warning:")
        st.button("Retry", key="graph_again", icon=":material/refresh:", on_click=jobs.forget, args=(key,))
    warnings = _find_warnings(run.id, results.version, job.result is not None, results, job.result)
    if not warnings:
        st.success(NONE if job.result is not None else NONE_BY_SIZE, icon=":material/check:")
    _list(warnings[:SHOWN])
    if more := warnings[SHOWN:]:
        with st.expander(f"{len(more)} more"):
            _list(more)


def _list(warnings: list) -> None:
    for warning in warnings:
        st.markdown(f"{ICONS[warning.kind]} {formatting.plain(warning.message)}")


@st.cache_data(show_spinner="Checking the clusters", max_entries=16)
def _find_warnings(run_id: str, version: tuple, with_graph: bool, _results, _affinity) -> list:
    """The warnings of a run; without a graph those that sizes tell."""
    clusters = _results.labels["cluster"].to_numpy()
    config = _results.run.config
    signs = cluster_warnings.diagnose(clusters, _results.run.clusters, _affinity, config.seed)
    return cluster_warnings.find_warnings(signs)

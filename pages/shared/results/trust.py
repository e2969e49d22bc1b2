"""What can I trust? Warnings about clusters, calibration, and agreement with other runs."""

from __future__ import annotations

import streamlit as st

from pages.shared import jobs
from pages.shared.results import cluster_warnings, confidence_check, other_seeds


def draw(run, results) -> None:
    """The section, closed at first."""
    section = st.expander("What can I trust?", icon=":material/verified:", key="trust", on_change="rerun")
    if section.open:
        with section:
            if not jobs.show_progress(cluster_warnings.graph_job(run)):
                st.fragment(_section)(run, results)


def _section(run, results) -> None:
    jobs.rerun_if_started()
    cluster_warnings.draw(run, results)
    if "label" in results.labels:
        confidence_check.draw(results)
    other_seeds.draw(run, results)

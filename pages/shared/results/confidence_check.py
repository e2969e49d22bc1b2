"""How far the confidence can be trusted: the reliability diagram."""

from __future__ import annotations

import streamlit as st

from dsc_core.analysis import calibration, metrics
from dsc_core.plots.reliability import reliability_diagram
from pages.shared import widgets

NEGLIGIBLE = 0.02  # difference of mean confidence and accuracy


def draw(results) -> None:
    """The reliability diagram, its calibration error and a summary, for evaluation only."""
    frame = results.labels
    st.markdown(
        "**Is the confidence calibrated?** :gray-badge[evaluation only]",
        help="Samples by confidence, and the share of them whose cluster is matched with their label.",
    )
    correct = metrics.correct(frame["label"].to_numpy(), frame["cluster"].to_numpy())
    result = calibration.calibrate(correct, frame["confidence"].to_numpy())
    with st.grid(2, min_column_width=320, vertical_alignment="center"):
        with st.container(border=True):
            chart = reliability_diagram(result.edges, result.confidence, result.accuracy, result.counts)
            about = f"Reliability diagram; expected calibration error {result.error:.3f}"
            widgets.echart(chart, height=260, key="reliability", alt=about)
        with st.container():
            st.metric(
                "Expected calibration error",
                f"{result.error:.3f}",
                help="Mean difference between confidence and accuracy over ten bins; 0 is perfectly calibrated.",
            )
            st.metric(
                "Area under the risk-coverage curve",
                f"{result.risk:.4f}",
                help="Mean share of errors among the most confident samples, over all numbers of them: small where "
                "errors have the lowest confidence.",
            )
            st.markdown(summary(result, len(frame)))


def summary(result: calibration.Calibration, count: int) -> str:
    """The calibration in two sentences."""
    confident = result.counts[-1]
    text = f"{confident:,} of {count:,} samples have a confidence above {result.edges[-2]:.1f}"
    text += f"; {result.accuracy[-1]:.1%} of them are correct. " if confident else ". "
    if abs(result.overconfidence) < NEGLIGIBLE:
        return text + "Overall, the confidence matches the accuracy."
    direction = "overconfident" if result.overconfidence > 0 else "underconfident"
    return text + f"Overall, the run is **{direction}** by {abs(result.overconfidence):.1%}."

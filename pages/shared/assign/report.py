"""The result of an assignment: figures, charts, and samples unlike the training data."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.plots.bars import bars
from dsc_core.plots.image_sheets import image_sheet
from pages.shared import formatting, widgets
from pages.shared.assign import task
from pages.shared.data import preview

DECIMALS = ("confidence", "latent_x", "latent_y", "spectral_x", "spectral_y", "distance", "error")
COLUMN_FORMATS = {name: st.column_config.NumberColumn(format="%.3f") for name in DECIMALS}


def draw(job: task.Assignment) -> None:
    """Everything about the assigned samples, and the file to download."""
    result = job.result
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(getattr(job.source, "name", job.source)), anchor=False, width="content")
        st.space("stretch")
        st.download_button(
            task.FILE_NAME,
            data=lambda: job.path.open("rb"),
            file_name=task.FILE_NAME,
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
            key="download_assigned",
            help="One row per sample, in input order.",
            disabled=not result.samples,
        )
    if result.stopped:
        total = f" of {result.total:,}" if result.total else ""
        text = f"Stopped after {result.samples:,}{total} samples; the file holds these."
        st.warning(text, icon=":material/stop_circle:")
    if not result.samples:
        return
    _metrics(result)
    if job.skipped:
        preview.skipped(job.skipped, "assign_skipped")
    for note in job.notes:
        st.caption(formatting.plain(note))
    _charts(result)
    _outliers(result)
    st.markdown("**First rows**")
    st.dataframe(
        result.first_rows, hide_index=True, height=320, key="first_rows", column_config=COLUMN_FORMATS
    )


def _metrics(result) -> None:
    """Samples, outliers, confident samples, and accuracy where there are labels."""
    with st.grid(4, min_column_width=140):
        st.metric("Samples", f"{result.samples:,}")
        st.metric("Unlike training data", f"{result.unseen:,}", help=_outlier_rule(result.novelty))
        confident = result.confidences[len(result.confidences) // 2 :].sum() / result.samples
        st.metric("Confident", f"{confident:.1%}", help="Share of samples with a confidence of 0.5 or more.")
        if result.acc is not None:
            st.metric("ACC", f"{result.acc:.3f}", help="Measured against the labels of the new data.")


def _outlier_rule(limits) -> str:
    """When a sample counts as unlike the training data."""
    error = (
        ""
        if np.isinf(limits.error_limit)
        else f", or whose reconstruction error is above {limits.error_limit:.3g}"
    )
    return (
        f"Samples farther than {limits.limit:.3g} from their tenth nearest training code{error}. About 1 % of the "
        "training data exceed these limits, and so does about 1 % of similar new data."
    )


def _charts(result) -> None:
    """Samples by confidence and by cluster."""
    with st.grid(2, min_column_width=320):
        with st.container(border=True):
            edges = np.arange(len(result.confidences)) / len(result.confidences)
            names = [f"{edge:.2f}" for edge in edges]
            chart = bars(names, result.confidences, title="Samples by confidence", first_colour=None)
            widgets.echart(chart, height=220, key="confidence", alt="Histogram of confidence")
        with st.container(border=True):
            names = [str(cluster) for cluster in range(len(result.sizes))]
            chart = bars(names, result.sizes, title="Samples by cluster")
            widgets.echart(chart, height=220, key="assigned_sizes", alt="Samples by cluster")


def _outliers(result) -> None:
    """The samples that are most unlike the training data."""
    st.markdown(
        "**Unlike the training data**",
        help="The model was not trained on anything similar, so their clusters are guesses, whatever the confidence.",
    )
    if not result.unseen:
        st.caption(
            "No new sample lies farther from the training data than the training samples lie from one another."
        )
        return
    share = result.unseen / result.samples
    st.caption(
        f"{result.unseen:,} of {result.samples:,} samples ({share:.1%}). The {len(result.farthest)} most unusual "
        "ones are shown first."
    )
    if result.kind == "image":
        sheet = image_sheet(result.farthest_values, 12, tile=56)
        st.image(sheet, width="stretch", alt="The samples most unlike the training data")
    columns = ["id", "distance", "error", "cluster", "confidence"]
    columns += ["label"] if "label" in result.farthest else []
    st.dataframe(
        result.farthest[columns], hide_index=True, height=180, key="farthest", column_config=COLUMN_FORMATS
    )

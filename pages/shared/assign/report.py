"""The result of an assignment: figures, charts, and samples unlike the training data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.plots.bars import bars
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.runs.annotations.edited import Edited
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
            "Download labels",
            data=lambda: job.path.open("rb"),
            file_name=task.FILE_NAME,
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
            key="download_assigned",
            help=_about_file(job),
            disabled=not result.samples,
        )
    if result.stopped:
        total = f" of {result.total:,}" if result.total else ""
        text = f"Stopped after {result.samples:,}{total} samples; the file holds these."
        st.warning(text, icon=":material/stop_circle:")
    if not result.samples:
        return
    _metrics(result)
    _notes(job)
    if job.skipped:
        preview.skipped(job.skipped, "assign_skipped")
    _charts(job)
    _outliers(job)
    st.markdown("**First samples**")
    columns = [name for name in result.first_rows if name not in ("edited_cluster", "edited_name")]
    st.dataframe(
        shown(result.first_rows[columns], job.edited, result.clusters),
        hide_index=True,
        height=320,
        key="first_rows",
        column_config=COLUMN_FORMATS,
    )


def _about_file(job: task.Assignment) -> str:
    """What the file holds."""
    text = "One row per sample, in input order."
    if job.edited.changed:
        text += (
            f" The clusters of the run are edited ({job.edited.count_text()}): the columns edited_cluster and "
            "edited_name hold what merged clusters became and are called."
        )
    return text


def _notes(job: task.Assignment) -> None:
    """What was read otherwise than it stands; what makes the clusters doubtful comes first."""
    result = job.result
    if result.unassigned:
        text = f"{formatting.count(result.unassigned, 'sample')} could not be assigned: see the list below."
        st.warning(text, icon=":material/warning:")
    for note in job.notes:
        if note.is_warning and note.kind != "not_finite":  # said above
            st.warning(formatting.plain(note), icon=":material/warning:")
    for note in job.notes:
        if not note.is_warning:
            st.caption(formatting.plain(note))
    kinds = {note.kind for note in job.notes}
    if "other_range" in kinds:
        _again(job, "Rescale to the range of the training data", True)
    elif "rescaled" in kinds:
        _again(job, "Read on the scale of the training data", False)


def _again(job: task.Assignment, title: str, rescale: bool) -> None:
    """A button that assigns the same data on another scale."""
    options = job.options | {"rescale": rescale}
    st.button(
        title,
        icon=":material/contrast:",
        key="assign_rescale",
        on_click=task.start,
        args=(job.trained, job.source, options),
    )


def shown(rows: pd.DataFrame, edited: Edited, clusters: int) -> pd.DataFrame:
    """Rows of the file as the page shows them: clusters by name."""
    rows, now = rows.copy(), edited.merged(clusters)
    rows["cluster"] = ["–" if pd.isna(own) else edited.title(now[int(own)]) for own in rows["cluster"]]
    return rows


def _metrics(result) -> None:
    """Samples, those without a cluster, outliers, confident samples, and accuracy where there are labels."""
    with st.grid(5, min_column_width=140):
        st.metric("Samples", f"{result.samples:,}")
        if result.unassigned:
            about = "Samples with values that are missing, infinite or too large."
            st.metric("Without a cluster", f"{result.unassigned:,}", help=about)
        st.metric("Unlike training data", f"{result.unseen:,}", help=_outlier_rule(result.novelty))
        confident = result.confidences[len(result.confidences) // 2 :].sum() / result.samples
        about = "Share of samples that are like the training data and have a confidence of 0.5 or more."
        st.metric("Confident", f"{confident:.1%}", help=about)
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


def _charts(job: task.Assignment) -> None:
    """Samples by confidence and by cluster."""
    result = job.result
    with st.grid(2, min_column_width=320):
        with st.container(border=True):
            edges = np.arange(len(result.confidences)) / len(result.confidences)
            names = [f"{edge:.2f}" for edge in edges]
            title = (
                "Samples like the training data, by confidence" if result.unseen else "Samples by confidence"
            )
            chart = bars(names, result.confidences, title=title, first_colour=None)
            widgets.echart(chart, height=220, key="confidence", alt="Histogram of confidence")
        with st.container(border=True):
            now = job.edited.merged(result.clusters)
            sizes = dict.fromkeys(sorted(set(now.values())), 0)
            for own, size in enumerate(result.sizes.tolist()):
                sizes[now[own]] += size
            names = [job.edited.title(cluster) for cluster in sizes]
            chart = bars(names, list(sizes.values()), title="Samples by cluster", clusters=list(sizes))
            widgets.echart(chart, height=220, key="assigned_sizes", alt="Samples by cluster")


def _outliers(job: task.Assignment) -> None:
    """The samples that are most unlike the training data."""
    result = job.result
    st.markdown(
        "**Unlike the training data**",
        help="The model was not trained on anything similar, so their clusters are guesses and their confidence means "
        "nothing.",
    )
    if not result.unseen:
        st.caption(
            "No new sample lies farther from the training data than the training samples lie from one another."
        )
        return
    share = result.unseen / result.samples
    st.caption(
        f"{result.unseen:,} of {result.samples:,} samples ({share:.1%}). The {len(result.farthest)} most unusual "
        "ones are shown first, without a confidence."
    )
    if result.kind == "image":
        sheet = image_sheet(result.farthest_values, 12, tile=56)
        st.image(sheet, width="stretch", alt="The samples most unlike the training data")
    columns = ["id", "distance", "error", "cluster"]
    columns += ["label"] if "label" in result.farthest else []
    st.dataframe(
        shown(result.farthest, job.edited, result.clusters)[columns],
        hide_index=True,
        height=180,
        key="farthest",
        column_config=COLUMN_FORMATS,
    )

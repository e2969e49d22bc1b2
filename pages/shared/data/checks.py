"""Checks of a data set before training: duplicates, missing values, a PCA plot and class counts."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.data.inspection import inspect_dataset, pca
from dsc_core.plots import maps, palette
from dsc_core.plots.bars import bars
from dsc_core.plots.image_sheets import image_sheet
from pages.shared import formatting, widgets

IMAGES = 60  # near-constant ones that are shown
BARS = 60  # above this many classes a table is shown


def draw(dataset, key: str) -> None:
    """Counts of suspicious samples with details, a PCA plot, and samples per class."""
    report = _inspect(key, dataset)
    with st.container(border=True):
        st.markdown("**Data checks**")
        with st.grid(3, min_column_width=140):
            st.metric(
                "Duplicates", f"{report.duplicates:,}", help="Samples that are identical to an earlier one."
            )
            if dataset.kind == "image":
                about = "Images whose values span 2 % of the range or less."
                st.metric("Near-constant", f"{report.flat:,}", help=about)
            else:
                missing = sum(count for _, count in report.missing)
                st.metric("Missing values", f"{missing:,}", help="Filled in when the table was imported.")
        _details(dataset, report)
        _pca_plot(dataset, key)
    if report.classes is not None:
        _class_counts(report.classes)


@st.cache_data(show_spinner="Checking the data", max_entries=20)
def _inspect(key: str, _dataset):
    """Duplicates, near-constant images, missing values and class counts."""
    return inspect_dataset(_dataset)


def _details(dataset, report) -> None:
    """The duplicates, the near-constant images, and the columns with missing values, where there are any."""
    if report.duplicates:
        with st.expander("Duplicate samples", key="duplicates"):
            pairs = {"id": dataset.ids[report.repeats[:, 0]], "same as": dataset.ids[report.repeats[:, 1]]}
            st.dataframe(pairs, hide_index=True, height=220)
    if report.flat:
        with st.expander("Near-constant images", key="near_constant"):
            rows = report.flat_rows[:IMAGES]
            st.image(image_sheet(dataset.values(rows), 15, tile=56), width="stretch")
            st.caption(formatting.plain(", ".join(dataset.ids[rows].tolist())[:2000]))
    if report.missing:
        with st.expander("Missing values by column", key="missing"):
            columns = {
                "column": [name for name, _ in report.missing],
                "missing": [n for _, n in report.missing],
            }
            st.dataframe(columns, hide_index=True)


def _pca_plot(dataset, key: str) -> None:
    """A two-dimensional PCA, coloured by class where there are labels."""
    pca = _pca(key, dataset)
    labels = None if dataset.labels is None else dataset.labels[pca.rows].astype(str)
    names = [] if labels is None else sorted(set(labels.tolist()), key=lambda name: (len(name), name))
    if not 1 < len(names) <= len(palette.PALETTE):
        labels, names = np.full(len(pca.rows), "samples"), ["samples"]
    hover = [f"{name}: {label}" for name, label in zip(dataset.ids[pca.rows], labels, strict=True)]
    figure = maps.group_map(pca.points, labels, {name: name for name in names}, hover)
    st.plotly_chart(figure, key="pca", config={"displaylogo": False})
    first, second = pca.explained
    colours = " Colours show the classes, for evaluation only." if len(names) > 1 else ""
    st.caption(
        f"The first two principal components of {len(pca.rows):,} samples, with {first:.0%} and {second:.0%}"
        f" of the variance.{colours}"
    )


@st.cache_data(show_spinner=False, max_entries=20)
def _pca(key: str, _dataset):
    """A two-dimensional PCA of a subset of the samples."""
    return pca(_dataset)


def _class_counts(classes: tuple[tuple[str, int], ...]) -> None:
    """How many samples each class has."""
    names, counts = [name for name, _ in classes], [count for _, count in classes]
    with st.container(border=True):
        st.markdown("**Samples per class**", help="Labels are used for scores only, never for training.")
        if len(names) > BARS:
            st.dataframe({"class": names, "samples": counts}, hide_index=True, height=260)
        else:
            chart = bars(names, np.array(counts), first_colour=None)
            widgets.echart(chart, height=220, key="label_counts", alt="Samples per class")

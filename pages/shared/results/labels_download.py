"""The labels as a file: one button for the clusters as the page shows them, and a menu with the others."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs.artifacts import export
from dsc_core.runs.folder import slug
from pages.shared.results import exports, run_view

NAME = "labels"  # of the export


def draw(run, results) -> None:
    """The button, with the number of edits that its file holds, and what else there is."""
    view = run_view.view(run, results)
    edited, kind = view.edited.changed, export.choose(run, "labels.csv", NAME)[0]
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="labels_download"
    ):
        if edited:
            st.caption(f"with {view.edited.count_text()}", width="content")
        about = "One row per sample, in input order."
        if edited:
            about += " The column cluster is the run's own; edited_cluster and edited_name are as shown on this page."
        _button("Download labels", run, kind, ".csv", edited, "download", about=about, primary=True)
        with st.popover("More", key="more_labels", help="The same labels in another format."):
            _button("Labels as Parquet", run, kind, ".parquet", edited, "download_parquet")
            if edited:
                st.caption("As the run ended, without edits:")
                _button("Original labels", run, kind, ".csv", False, "download_original")
                _button(
                    "Original labels as Parquet", run, kind, ".parquet", False, "download_original_parquet"
                )


def _button(
    title: str,
    run,
    kind,
    suffix: str,
    edited: bool,
    key: str,
    *,
    about: str | None = None,
    primary: bool = False,
) -> None:
    st.download_button(
        title,
        data=exports.writer(run.id, kind, suffix, edited),
        file_name=f"{slug(run.name)}-{NAME}{'-edited' * edited}{suffix}",
        mime=kind.mime(suffix),
        on_click="ignore",
        icon=":material/download:",
        type="primary" if primary else "secondary",
        key=key,
        help=about,
    )

"""The data sets that are ready to use, as cards, and the public ones that can be downloaded."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.data import describe_sample, fetchable_names, open_dataset, sample_names
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.sampling import sample_rows
from pages.shared import formatting
from pages.shared.data import importing

WITH_THUMBNAILS = ("digits", "mnist-test")  # quick enough to open for a strip of thumbnails


def draw(columns: int) -> None:
    """One card per data set that is ready to use."""
    st.subheader("Ready to use", anchor=False)
    with st.grid(columns, min_column_width=280):
        for name in sample_names():
            with st.container(border=True, gap="small", height="stretch", vertical_alignment="distribute"):
                _card(name)
    _openml()


def _card(name: str) -> None:
    """Thumbnails where the data set opens quickly, its name, and a button."""
    if name in WITH_THUMBNAILS:
        st.image(_thumbnails(name), alt=f"Some images of {name}", width="stretch")
    description = describe_sample(name)
    # The button stands below: beside the text it would wrap below long texts only, and the cards would differ.
    st.markdown(f"**{formatting.plain(name)}**  \n:small[{description}]", width="stretch")
    if st.button("Use", key=f"use_{name}"):
        _use(name)


def _openml() -> None:
    """The public data sets that are not stored here yet; downloading one takes a network and some minutes."""
    names = fetchable_names()
    if not names:
        return
    with st.expander("More from OpenML", icon=":material/cloud_download:", key="from_openml"):
        name = st.selectbox("Data set", names, key="to_fetch", label_visibility="collapsed")
        st.caption(
            f"{describe_sample(name)} Downloaded once and stored in the workspace. Without a network, put {name}.npz "
            "into the folder that the environment variable DSC_DATA names."
        )
        if st.button("Download", key="fetch", icon=":material/cloud_download:"):
            _use(name)


def _use(name: str) -> None:
    """Import the data set of this name."""
    st.session_state["source"] = None
    importing.import_source(name)
    st.rerun()


@st.cache_data(show_spinner=False)
def _thumbnails(name: str) -> np.ndarray:
    """A row of thumbnails of a built-in data set."""
    dataset = open_dataset(name)
    rows = sample_rows(len(dataset), 10, 3)
    return image_sheet(dataset.values(rows), 10, tile=40)

"""Data: choose a data set or bring your own images or table, and check it before training."""

from __future__ import annotations

import streamlit as st

from pages.shared import formatting, state, untrained
from pages.shared.data import catalog, checks, image_options, importing, preview, source_options, transforms


def welcome() -> None:
    """Before a data set is chosen: what the app does, and all the ways to begin."""
    if source_options.is_open():
        opening()
        return
    st.title("Choose data", anchor=False)
    st.markdown(
        "Choose images or a table. A dual autoencoder and a spectral network then find the clusters. "
        "You can check the data before training, and nothing leaves this machine."
    )
    catalog.draw(columns=3)
    with st.container(width=760):
        bring_your_own()


def opening() -> None:
    """The options of an uploaded file alone, so that they are in view wherever the uploader stood."""
    st.title("Open data", anchor=False)
    with st.container(width=760):
        problem()
        source_options.panel()
        st.button(
            "Choose other data",
            key="close_source",
            icon=":material/arrow_back:",
            on_click=source_options.close,
        )


def bring_your_own() -> None:
    """What is wrong with an uploaded file, its options, and the uploader."""
    problem()
    source_options.panel()
    source_options.upload()


def problem() -> None:
    """What is wrong with the file that was chosen last."""
    if st.session_state.get("data_problem") is not None:
        st.error(formatting.plain(st.session_state["data_problem"]), icon=":material/error:")


def chosen(dataset, key: str) -> None:
    """The chosen data set from top to bottom."""
    preview.draw(dataset, key, next_step=not source_options.is_open())
    untrained.on_data(dataset, key)
    image_options.adjust(dataset, key)
    transforms.draw(dataset, key)
    checks.draw(dataset, key)


def page() -> None:
    """The chosen data set, and beside it the ways to choose another."""
    if importing.finish():
        st.rerun()
    dataset = state.dataset()
    if dataset is None:
        welcome()
        return
    main, side = st.columns([2, 1], gap="large")
    with main:
        chosen(dataset, state.current("data"))
    with side:
        bring_your_own()
        catalog.draw(columns=1)


page()

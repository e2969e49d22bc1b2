"""The chosen data set: its figures, what was left out, and some of its images or rows."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.data.image_files import NO_IMAGE_NAME
from dsc_core.method.networks.sizes import describe_network
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.sampling import sample_rows
from pages.shared import formatting, links

COUNT = 60  # images or rows that are shown


def draw(dataset, key: str, next_step: bool = True) -> None:
    """Name and figures of the data set, notes of its import, and a sample of it.

    next_step: whether training is the next step, rather than a form beside it.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(formatting.plain(dataset.name), anchor=False, width="content")
        st.space("stretch")
        kind = "primary" if next_step else "secondary"
        if st.button("Continue to training", type=kind, icon=":material/arrow_forward:", key="continue"):
            st.switch_page(links.TRAIN, query_params={"data": key})
    _metrics(dataset, key)
    if dataset.skipped:
        skipped(dataset.skipped, "skipped")
    for note in sorted(dataset.notes, key=lambda note: not note.is_warning):
        if note.is_warning:
            st.warning(formatting.plain(note), icon=":material/warning:")
        else:
            st.caption(formatting.plain(note))
    if dataset.kind == "image":
        _images(dataset, key)
    else:
        _table(dataset)


def _metrics(dataset, key: str) -> None:
    """Samples, shape, values and classes."""
    low, high = _value_range(key, dataset)
    if dataset.kind == "image":
        about = "As read. Images are scaled to the range 0 to 1 for training."
    else:
        about = "As the network gets them: numbers are standardized, categories become columns."
    with st.grid(4, min_column_width=140):
        st.metric("Samples", f"{len(dataset):,}")
        shape = "Channels × height × width, or the number of columns."
        st.metric("Shape", " × ".join(map(str, dataset.shape)), help=shape)
        st.metric("Values", f"{low:.4g} to {high:.4g}", help=about)
        st.metric("Classes", dataset.classes or "No labels")


def skipped(files: list[tuple[str, str]], key: str) -> None:
    """A warning about files that could not be read, the number of those that are no images, and the list of both."""
    others = sum(reason == NO_IMAGE_NAME for _, reason in files)
    unread = len(files) - others
    if unread:
        text = f"{formatting.count(unread, 'file')} could not be read and {'was' if unread == 1 else 'were'} skipped."
        st.warning(text, icon=":material/warning:")
    if others:
        be = "is not an image and was" if others == 1 else "are not images and were"
        st.caption(f"{formatting.count(others, 'file')} {be} skipped.")
    with st.expander("Skipped files and reasons", key=key):
        columns = {"file": [name for name, _ in files], "reason": [reason for _, reason in files]}
        st.dataframe(columns, hide_index=True)


@st.cache_data(show_spinner=False, max_entries=20)
def _value_range(key: str, _dataset) -> tuple[float, float]:
    """The smallest and the largest value as read."""
    return float(np.min(_dataset.samples)), float(np.max(_dataset.samples))


def _images(dataset, key: str) -> None:
    """A random sheet of images; the button changes the seed."""
    seed = st.session_state.setdefault("preview_seed", 0)
    with st.container(border=True):
        st.image(_sheet(key, seed, dataset), width="stretch", alt=f"Random images of {dataset.name}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Shuffle", icon=":material/shuffle:", key="reshuffle", on_click=_shuffle)
            st.caption(
                f"{min(COUNT, len(dataset))} of {len(dataset):,} images, drawn at random (seed {seed})."
            )
        st.caption(f"As the network gets them. {describe_network(dataset.shape)}")


@st.cache_data(show_spinner=False, max_entries=30)
def _sheet(key: str, seed: int, _dataset) -> np.ndarray:
    """The sheet of images as one picture."""
    rows = sample_rows(len(_dataset), COUNT, seed)
    return image_sheet(_dataset.values(rows), 15, tile=56)


def _table(dataset) -> None:
    """Random rows as the network gets them."""
    rows = sample_rows(len(dataset), COUNT, st.session_state.setdefault("preview_seed", 0))
    import pandas as pd  # imported late: it takes longer to load than the first page takes without it

    frame = pd.DataFrame(dataset.values(rows), columns=dataset.column_titles)
    frame.insert(0, "id", dataset.ids[rows])
    st.markdown("**Random rows as the network gets them**")
    st.dataframe(frame, hide_index=True, height=320)
    about = describe_network(dataset.shape)
    if all(title.isdecimal() for title in dataset.column_titles):  # a matrix, whose columns have no names
        about += (
            " If the rows are embeddings of a pretrained model, set the encoder to none on the Train page: the graph"
            " is then built from the embeddings themselves."
        )
    st.caption(about)
    st.button("Shuffle", icon=":material/shuffle:", key="reshuffle", on_click=_shuffle)


def _shuffle() -> None:
    """Draw other samples."""
    st.session_state["preview_seed"] += 1

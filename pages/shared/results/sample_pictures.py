"""Samples as pictures in the colours of their clusters; a click opens the sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dsc_core.plots import palette
from dsc_core.plots.image_sheets import image_sheet
from pages.shared import pictures
from pages.shared.results import run_view

# In the session: the open sample, its run, and where on the page it was opened.
KEY, RUN, PLACE = "looked_at", "looked_in", "looked_from"
SAMPLES, CLUSTERS = "samples", "clusters"  # places
BAND = 12  # pixels of the bar in the cluster's colour
CAPTION = 9  # letters of an id that fit below a picture


def open_sample(row: int | None, place: str = SAMPLES) -> None:
    """Open the sample at `row` in a place of the page; None closes it."""
    st.session_state[KEY], st.session_state[PLACE] = row, place


def draw(
    view: run_view.View,
    key: str,
    rows: np.ndarray,
    tile: int,
    captions: Mapping[int, str] | None = None,
    place: str = SAMPLES,
) -> None:
    """The samples at `rows` (m,), `tile` pixels large; place: where on the page the sample opens.

    captions: {row: text below it}; by default none.
    """
    values = view.results.dataset.values(rows)
    shown = [
        pictures.Picture(
            int(row),
            image_sheet(value[None], 1, tile=tile, band=palette.colour(view.clusters[row])),
            (captions or {}).get(int(row), ""),
            f"Open sample {view.frame['id'].iloc[row]}, cluster {view.edited.title(view.clusters[row])}",
        )
        for row, value in zip(rows, values, strict=True)
    ]
    pictures.draw(key, shown, tile + BAND, lambda row: open_sample(row, place))


def shortened(text: str) -> str:
    """An id that fits below a picture; its end tells more than its beginning."""
    return text if len(text) <= CAPTION else f"…{text[1 - CAPTION :]}"

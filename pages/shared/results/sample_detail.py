"""One sample in detail: probabilities, decodings, and nearest neighbours in both spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.data.table_units import comparison_table
from dsc_core.errors import InputError, RunError
from dsc_core.plots.bars import bars
from dsc_core.plots.image_sheets import image_sheet
from pages.shared import formatting, noise_explorer, widgets
from pages.shared.results import run_view, sample_pictures
from pages.shared.results.sample_pictures import KEY, PLACE, RUN, SAMPLES, open_sample

NEIGHBOURS = 12
LARGE, SMALL = 168, 64  # pixels of an image's longer side
NOISY = 3  # decodings


def draw(view: run_view.View, place: str) -> None:
    """The open sample, if any is open in this place."""
    row = st.session_state.get(KEY)
    same_run = st.session_state.get(RUN) in (None, view.run.id)
    st.session_state[RUN] = view.run.id
    if row is None or not same_run or row >= len(view.frame):
        st.session_state.pop(KEY, None)
        return
    if st.session_state.get(PLACE, SAMPLES) != place:
        return
    with st.container(border=True, key="large"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_heading(view, row), width="content")
            st.space("stretch")
            st.button("Close", icon=":material/close:", key="close_large", on_click=open_sample, args=(None,))
        _sample(view, row)
        _neighbours(view, row, place)


def _heading(view: run_view.View, row: int) -> str:
    """Id, cluster, confidence and label."""
    sample = view.frame.iloc[row]
    parts = [
        f"**{formatting.plain(sample['id'])}**",
        f"cluster {formatting.plain(view.edited.title(view.clusters[row]))}",
        f"confidence {sample['confidence']:.2f}",
    ]
    if "label" in sample:
        parts.append(f"label {formatting.plain(sample['label'])}")
    return " · ".join(parts)


def _sample(view: run_view.View, row: int) -> None:
    """The sample, its decodings with and without noise, and the probabilities of the clusters."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        try:
            clean, noisy, level, probabilities = decode(view.run, row)
        except (InputError, RunError) as problem:
            st.caption(formatting.plain(problem))
            clean = noisy = probabilities = None
            level = 0.0
        if view.results.dataset.kind == "image":
            _decodings(view.results.dataset.values([row]), clean, noisy, level)
        else:
            _columns(view.results.dataset, row, clean, noisy, view.run.config.encoder == "network")
    with right:
        if probabilities is not None:
            names = [str(cluster) for cluster in range(len(probabilities))]
            title = "Probability of each cluster"
            chart = bars(names, np.round(probabilities, 4), title=title, maximum=1)
            widgets.echart(chart, key="likely", height=200, alt=title)


def decode(run, row: int) -> tuple:
    """(clean decoding, NOISY noisy ones, noise level, probabilities of the clusters) of a sample."""
    model = noise_explorer.model_of(run)
    modified = (run.folder / "model" / "model.json").stat().st_mtime_ns
    return _decode(run.id, modified, row, model)


@st.cache_data(show_spinner=False, max_entries=64)
def _decode(run_id: str, modified: int, row: int, _model) -> tuple:
    from dsc_core.analysis import noise

    fitted = _model.fitted
    level = fitted.config.noise_level
    result = noise.explore(fitted.latent[[row]], level, 0, fitted.decode, fitted.decode_noisy, decoded=NOISY)
    probabilities = fitted.assign_training(np.array([row])).probabilities[0]
    return result.clean[0], result.noisy[0], level, probabilities


def _decodings(original, clean, noisy, level: float) -> None:
    """The image, and the decodings of its clean and noisy codes."""
    images = [("Sample", original)]
    if clean is not None:
        images += [("Decoding of z", clean[None])]
        images += [(f"of ψ(z), s {level:g}", value[None]) for value in noisy]
    with st.container(horizontal=True, gap="small"):
        for position, (title, value) in enumerate(images):
            tile = LARGE if not position else LARGE // 2
            with st.container(gap="xxsmall", width="content"):
                st.image(image_sheet(value, 1, tile=tile), width=tile, alt=title)
                st.caption(title)


def _columns(dataset, row: int, clean, noisy, has_decoder: bool) -> None:
    """The row, and the decodings of its clean and noisy codes; without a decoder, the noisy code."""
    rows = {"value": dataset.values([row])[0]}
    if clean is not None and has_decoder:
        rows |= {"decoding of z": clean, "of ψ(z)": noisy[0]}
    elif noisy is not None:
        rows["ψ(z)"] = noisy[0]
    st.dataframe(comparison_table(rows, dataset.preprocessing), hide_index=True, height=220)


def _neighbours(view: run_view.View, row: int, place: str) -> None:
    """The nearest samples in each space; a click opens one."""
    for space in run_view.SPACES:
        rows, distances = selection.nearest_samples(view.coordinates(space), row, NEIGHBOURS)
        st.caption(f"Nearest neighbours in the {space} space, with their distances")
        if view.results.dataset.kind == "table":
            frame = view.frame.iloc[rows][["id", "cluster", "confidence"]].assign(distance=distances)
            frame["cluster"] = [view.edited.title(cluster) for cluster in frame["cluster"]]
            frame = pd.concat([frame.reset_index(drop=True), view.results.dataset.table(rows)], axis=1)
            st.dataframe(frame.loc[:, ~frame.columns.duplicated()], hide_index=True, height=180)
        else:
            captions = {int(near): f"{distance:.2f}" for near, distance in zip(rows, distances, strict=True)}
            sample_pictures.draw(view, f"near_{space}", rows, SMALL, captions, place)

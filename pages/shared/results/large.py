"""One sample, large: its clusters' probabilities, its decodings, and its neighbours in both spaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.data.preprocessing import side_by_side
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from pages.shared import explorer, widgets
from pages.shared.results.opening import SPACES, View

KEY = "looked_at"
NEAR = 12
LARGE, SMALL = 168, 64  # pixels of a picture's longer side
DECODED = 3  # noisy codes


def look(row: int | None) -> None:
    """Open the large view of a sample; None closes it."""
    st.session_state[KEY] = row


def draw(view: View) -> None:
    """The sample that was touched last, if any."""
    row = st.session_state.get(KEY)
    if row is None or st.session_state.get("looked_in") not in (None, view.run.id) or row >= len(view.frame):
        st.session_state.pop(KEY, None)
        st.session_state["looked_in"] = view.run.id
        return
    st.session_state["looked_in"] = view.run.id
    one = view.frame.iloc[row]
    with st.container(border=True, key="large"):
        with st.container(horizontal=True, vertical_alignment="center"):
            label = f" · class {widgets.plain(one['label'])}" if "label" in one else ""
            st.markdown(
                f"**{widgets.plain(one['id'])}** · cluster {widgets.plain(view.edited.title(view.clusters[row]))} · "
                f"confidence {one['confidence']:.2f}{label}",
                width="content",
            )
            st.space("stretch")
            st.button("Close", icon=":material/close:", key="close_large", on_click=look, args=(None,))
        _itself(view, row)
        _neighbours(view, row)


def _itself(view: View, row: int) -> None:
    """The sample, what the decoder makes of its code, with and without noise, and its clusters' probabilities."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        try:
            clean, noisy, level, likely = decoded(view.run, row)
        except (InputError, RunError) as problem:
            st.caption(widgets.plain(problem))
            clean = noisy = likely = None
            level = 0.0
        if view.found.dataset.kind == "image":
            _decodings(view.found.dataset.values([row]), clean, noisy, level)
        else:
            _columns(view.found.dataset, row, clean, noisy, view.run.config.encoder == "network")
    with right:
        if likely is not None:
            names = [str(cluster) for cluster in range(len(likely))]
            title = "Probability of each of the run's clusters"
            option = interactive.bars(names, np.round(likely, 4), title=title, most=1)
            widgets.echart(option, key="likely", height=200, alt=title)


@st.cache_data(show_spinner=False, max_entries=64)
def _decoded(run_id: str, stamp: int, row: int, _model) -> tuple:
    from dsc_core.analysis import noise

    level = _model.fitted.config.noise_level
    found = noise.explore(_model.fitted, np.array([row]), level, 0, decoded=DECODED)
    likely = _model.fitted.assign_known(np.array([row])).probabilities[0]
    return found.clean[0], found.noisy[0], level, likely


def decoded(run, row: int) -> tuple:
    """The clean decoding, DECODED noisy ones, the noise level, and the probabilities of the clusters."""
    model = explorer.model_of(run)
    return _decoded(run.id, (run.folder / "model" / "model.json").stat().st_mtime_ns, row, model)


def _decodings(own, clean, noisy, level: float) -> None:
    parts = [("Sample", own)]
    if clean is not None:
        parts += [("Decoding of z", clean[None])]
        parts += [(f"of ψ(z), s {level:g}", one[None]) for one in noisy]
    with st.container(horizontal=True, gap="small"):
        for place, (word, value) in enumerate(parts):
            tile = LARGE if not place else LARGE // 2
            with st.container(gap="xxsmall", width="content"):
                st.image(interactive.image_sheet(value, 1, tile=tile), width=tile, alt=word)
                st.caption(word)


def _columns(dataset, row: int, clean, noisy, decodes: bool) -> None:
    rows = {"value": dataset.values([row])[0]}
    if clean is not None and decodes:
        rows |= {"decoding of z": clean, "of ψ(z)": noisy[0]}
    elif noisy is not None:  # the row is its own code, and nothing is decoded
        rows["ψ(z)"] = noisy[0]
    st.dataframe(side_by_side(rows, dataset.preprocessing), hide_index=True, height=220)


def _neighbours(view: View, row: int) -> None:
    """The NEAR samples nearest to it in each space; touching one opens it."""
    for space in SPACES:
        near, away = selection.neighbours(view.coordinates(space), row, NEAR)
        st.caption(f"Nearest in the {space} space")
        if view.found.dataset.kind == "table":
            frame = view.frame.iloc[near][["id", "cluster", "confidence"]].assign(distance=away)
            frame = pd.concat([frame.reset_index(drop=True), view.found.dataset.table(near)], axis=1)
            st.dataframe(frame.loc[:, ~frame.columns.duplicated()], hide_index=True, height=180)
            continue
        values = view.found.dataset.values(near)
        with st.grid(12, min_column_width=72, gap="small"):
            for place, one in enumerate(near):
                with st.container(gap="xxsmall", horizontal_alignment="center"):
                    band = interactive.colour(view.clusters[one])
                    sheet = interactive.image_sheet(values[place][None], 1, tile=SMALL, band=band)
                    st.image(sheet, width=SMALL + 12, alt=f"Neighbour {place + 1}")
                    st.button(
                        f"{away[place]:.2f}",
                        key=f"near_{space}_{place}",
                        type="tertiary",
                        on_click=look,
                        args=(int(one),),
                        help=widgets.plain(view.frame["id"].iloc[one]),
                    )

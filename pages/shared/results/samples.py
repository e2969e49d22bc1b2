"""The selected samples as pages of pictures or rows of a table, sorted; each opens in detail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.data.table_units import source_columns
from dsc_core.errors import InputError, RunError
from pages.shared import formatting, noise_explorer
from pages.shared.results import run_view, sample_detail, sample_pictures, selected

IMAGES_PER_PAGE, ROWS_PER_PAGE = 24, 200
COLUMNS = 8  # in which a selection of rows differs most
TILE = 64  # pixels
CAPTIONED = 5000  # samples that get the value they are sorted by
INPUT_ORDER = "Input order"
CONFIDENCE = "Lowest confidence first"
DISTANCE = "Farthest from centre first"
ERROR = "Largest reconstruction error first"


def draw(view: run_view.View) -> None:
    """The selected samples, or all."""
    picked = selected.current(view.run)
    rows = picked.rows if picked else np.arange(len(view.frame))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Samples", anchor=False, width="content")
        st.space("stretch")
        orders = [INPUT_ORDER, CONFIDENCE, DISTANCE]
        if view.run.config.encoder == "network" and noise_explorer.available(view.run):
            orders.append(ERROR)
        order = st.selectbox("Sort", orders, key="sample_order", label_visibility="collapsed", width=290)
    count = formatting.count(len(rows), "sample")
    st.caption(f"{count} selected." if picked else f"No selection: showing all {count}.")
    try:
        sorted_rows, captions = ordered(view, rows, order)
        with st.container(border=True, key="samples"):
            sample_detail.draw(view, sample_pictures.SAMPLES)
            if view.results.dataset.kind == "image":
                _images(view, sorted_rows, captions)
            else:
                _table(view, sorted_rows, rows if picked else None)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")


def ordered(view: run_view.View, rows: np.ndarray, order: str) -> tuple[np.ndarray, dict[int, str]]:
    """(sorted rows, the value each is sorted by as text)."""
    if order == CONFIDENCE:
        values, form = view.frame["confidence"].to_numpy()[rows], "{:.2f}"
    elif order == DISTANCE:
        values, form = -run_view.centre_distance(view.grouping_key, view)[rows], "{:.2f}"
    elif order == ERROR:
        values, form = -run_view.reconstruction_errors(view, rows), "{:.1f}"
    else:
        return rows, {}
    positions = np.argsort(values, kind="stable")
    captions = {int(rows[i]): form.format(abs(values[i])) for i in positions[:CAPTIONED]}
    return rows[positions], captions


def _current_page(rows: np.ndarray, size: int) -> np.ndarray:
    """The rows on the open page, with the page numbers above them."""
    pages = max(-(-len(rows) // size), 1)
    if st.session_state.get("sample_page", 1) > pages:
        st.session_state["sample_page"] = 1
    page = st.pagination(pages, key="sample_page") if pages > 1 else 1
    return rows[(page - 1) * size : page * size]


def _images(view: run_view.View, rows: np.ndarray, captions: dict[int, str]) -> None:
    """Pictures of the samples, with their ids or what they are sorted by; a click opens one."""
    page = _current_page(rows, IMAGES_PER_PAGE)
    ids = view.frame["id"]
    below = {
        int(row): captions.get(int(row)) or sample_pictures.shortened(str(ids.iloc[row])) for row in page
    }
    sample_pictures.draw(view, "sample_grid", page, TILE, below)


def _table(view: run_view.View, rows: np.ndarray, picked: np.ndarray | None) -> None:
    """Samples of a table; those of a selection with the columns in which it differs most from the rest."""
    dataset, titles = view.results.dataset, view.results.dataset.column_titles
    columns = np.arange(len(titles)) if picked is None else _differing_columns(dataset, titles, picked)
    page = _current_page(rows, ROWS_PER_PAGE)
    original = source_columns(dataset.preprocessing, len(titles))
    frame = view.frame.iloc[page]
    facts = {
        name: frame[name].to_numpy() for name in ("id", "cluster", "confidence", "label") if name in frame
    }
    facts["cluster"] = [view.edited.title(cluster) for cluster in frame["cluster"]]
    table = pd.DataFrame(facts).rename(columns=lambda name: f"{name} (run)" if name in original else name)
    values = dataset.table(page)[list(dict.fromkeys(original[column] for column in columns))]
    st.dataframe(
        pd.concat([table, values], axis=1),
        hide_index=True,
        height=320,
        key="sample_rows",
        on_select=lambda: _on_row_select(page),
        selection_mode="single-row",
    )


def _differing_columns(dataset, titles: list[str], picked: np.ndarray) -> np.ndarray:
    """The columns in which the selection differs most from the other samples, with a caption; all if in none."""
    columns, differences = cluster_stats.distinctive_columns(dataset.values(), picked)
    if not len(columns):
        return np.arange(len(titles))
    pairs = list(zip(columns, differences, strict=True))[:COLUMNS]
    text = ", ".join(f"{formatting.plain(titles[column])} {size:+.1f}" for column, size in pairs)
    st.caption(
        f"The selection differs most from the other samples in: {text} (difference of means in standard deviations)."
    )
    return columns


def _on_row_select(page: np.ndarray) -> None:
    positions = (st.session_state.get("sample_rows") or {}).get("selection", {}).get("rows") or []
    if positions and positions[0] < len(page):
        sample_pictures.open_sample(int(page[positions[0]]))

"""The samples of the selection: pages of pictures or rows, sorted, each leading to a large view."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.data.preprocessing import own_columns
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from pages.shared import explorer, widgets
from pages.shared.results import chosen, large
from pages.shared.results.opening import View, centre_distance, surprise

PAGE = 24  # pictures on a page
ROWS = 200  # rows of a table on a page
COLUMNS = 8  # in which a selection of rows differs most
TILE = 64
ORDER, SURE, FAR, ODD = (
    "Input order",
    "Least sure first",
    "Farthest from the centre first",
    "Most surprising first",
)


def draw(view: View) -> None:
    """The samples that are selected, or all."""
    kept = chosen.current(view.run)
    rows = kept.rows if kept else np.arange(len(view.frame))
    decodes = view.run.config.encoder == "network"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Samples",
            anchor=False,
            width="content",
            help="Surprising is a sample that the decoder cannot rebuild: a large squared error of its reconstruction."
            if decodes
            else None,
        )
        st.space("stretch")
        known = [ORDER, SURE, FAR] + ([ODD] if decodes and explorer.available(view.run) else [])
        way = st.selectbox("Sort", known, key="sample_order", label_visibility="collapsed", width=260)
    st.caption(
        f"The {len(rows):,} selected." if kept else f"Nothing is selected: all {len(rows):,} are shown."
    )
    try:
        order, told = ordered(view, rows, way)
        with st.container(border=True, key="samples"):
            large.draw(view)
            if view.found.dataset.kind == "image":
                _pictures(view, order, told)
            else:
                _table(view, order, rows, bool(kept))
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")


def ordered(view: View, rows: np.ndarray, way: str) -> tuple[np.ndarray, dict[int, str]]:
    """The samples as `way` sorts them, and what each is sorted by, in a few letters."""
    if way == SURE:
        values, form = view.frame["confidence"].to_numpy()[rows], "{:.2f}"
    elif way == FAR:
        values, form = -centre_distance(view.key, view)[rows], "{:.2f}"
    elif way == ODD:
        values, form = -surprise(view, rows), "{:.1f}"
    else:
        return rows, {}
    order = np.argsort(values, kind="stable")
    return rows[order], {int(rows[i]): form.format(abs(values[i])) for i in order[:5000]}


def _page_of(order: np.ndarray, size: int) -> np.ndarray:
    """The samples on the page that is open, with the pages' numbers below what follows."""
    pages = max(-(-len(order) // size), 1)
    if st.session_state.get("sample_page", 1) > pages:
        st.session_state["sample_page"] = 1
    page = st.pagination(pages, key="sample_page") if pages > 1 else 1
    return order[(page - 1) * size : page * size]


def _pictures(view: View, order: np.ndarray, told: dict[int, str]) -> None:
    rows = _page_of(order, PAGE)
    values, frame = view.found.dataset.values(rows), view.frame
    with st.grid(12, min_column_width=84, gap="small", key="sample_grid"):
        for place, row in enumerate(rows):
            identity = str(frame["id"].iloc[row])
            with st.container(gap="xxsmall", horizontal_alignment="center"):
                picture(view, row, values[place], identity)
                st.button(
                    widgets.plain(told.get(int(row)) or short(identity)),
                    key=f"look_{place}",
                    type="tertiary",
                    on_click=large.look,
                    args=(int(row),),
                    help=widgets.plain(f"Look at {identity}"),
                )


def picture(view: View, row: int, value: np.ndarray, identity: str) -> None:
    """One sample with its cluster's colour at its side."""
    band = interactive.colour(view.clusters[row])
    st.image(
        interactive.image_sheet(value[None], 1, tile=TILE, band=band),
        width=TILE + 12,
        alt=f"Sample {identity}",
    )


def short(text: str) -> str:
    """A name that fits below a picture: its end tells more than its beginning."""
    return text if len(text) <= 9 else f"…{text[-8:]}"


def _table(view: View, order: np.ndarray, rows: np.ndarray, some: bool) -> None:
    """Rows of a table; of a selection first the columns in which it differs most from the rest."""
    dataset, titles = view.found.dataset, view.found.dataset.column_titles
    columns = np.arange(len(titles))
    if some:
        columns, size = selection.differing_columns(dataset.values(), rows)
        if len(columns):
            words = [f"{widgets.plain(titles[c])} {d:+.1f}" for c, d in zip(columns, size, strict=True)][
                :COLUMNS
            ]
            st.caption(
                "The selection differs most from the other rows in: "
                + ", ".join(words)
                + " (difference of the means, in standard deviations)."
            )
        else:
            columns = np.arange(len(titles))
    page = _page_of(order, ROWS)
    came_from = own_columns(dataset.preprocessing, len(titles))
    frame = view.frame.iloc[page]
    facts = {
        name: frame[name].to_numpy() for name in ("id", "cluster", "confidence", "label") if name in frame
    }
    table = pd.DataFrame(facts).rename(columns=lambda name: f"its {name}" if name in came_from else name)
    values = dataset.table(page)[list(dict.fromkeys(came_from[c] for c in columns))]
    st.dataframe(
        pd.concat([table, values], axis=1),
        hide_index=True,
        height=320,
        key="sample_rows",
        on_select=lambda: _row_touched(page),
        selection_mode="single-row",
    )


def _row_touched(page: np.ndarray) -> None:
    touched = (st.session_state.get("sample_rows") or {}).get("selection", {}).get("rows") or []
    if touched and touched[0] < len(page):
        large.look(int(page[touched[0]]))

"""The clusters of a cut one below the other: pictures of their samples, and buttons that split or close a branch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.errors import InputError, RunError
from dsc_core.plots import palette
from dsc_core.plots.image_sheets import image_sheet
from pages.shared import formatting, widgets
from pages.shared.results import run_view

PER_PAGE = 10
PICTURES, TILE = 8, 40  # of the most typical samples of a cluster; pixels


def draw(view: run_view.View, tree, cut, choose: Callable) -> None:
    """The list, the largest cluster first, in pages. choose: takes the run and the nodes of another cut."""
    st.markdown(
        "**Clusters of the cut**", help="Split a cluster, or merge it back with those in its branch, alone."
    )
    nodes = sorted(cut.numbers, key=lambda node: (-int(tree.sizes[node]), node))
    pages = -(-len(nodes) // PER_PAGE)
    key = f"cut_page_{view.run.id}"
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = 1
    page = st.pagination(pages, key=key) if pages > 1 else 1
    try:
        dataset = view.results.dataset
    except (InputError, RunError) as problem:
        st.caption(formatting.plain(problem))
        dataset = None
    for node in nodes[(page - 1) * PER_PAGE : page * PER_PAGE]:
        _row(view, tree, cut, node, dataset, choose)


def _row(view: run_view.View, tree, cut, node: int, dataset, choose: Callable) -> None:
    """One cluster."""
    number = cut.numbers[node]
    with st.container(horizontal=True, vertical_alignment="center", key=f"cut_row_{node}"):
        rows = cluster_stats.members(cut.clusters, number, view.frame["confidence"].to_numpy())
        typical(dataset, number, cut.titles[number], rows)
        st.space("stretch")
        for label, icon, change, possible in (
            ("Split", "call_split", tree.split, node >= tree.count),
            ("Merge back", "merge", tree.merge_back, len(cut.numbers) > 2),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"cut_{change.__name__}_{node}",
                on_click=_change,
                args=(choose, view.run, change, cut.nodes, node),
                disabled=not possible,
            )


def typical(dataset, number: int, title: str, rows: np.ndarray) -> None:
    """Title, size and, of images, the first of a cluster's samples at `rows` (m,), the most typical first.

    dataset: None where it is gone.
    """
    st.markdown(f"**{formatting.plain(title)}** · {formatting.count(len(rows), 'sample')}", width=160)
    if dataset is not None and dataset.kind == "image":
        values = dataset.values(rows[:PICTURES])
        sheet = image_sheet(values, PICTURES, tile=TILE, band=palette.colour(number))
        st.image(sheet, alt=f"Typical samples of cluster {title}")


def _change(choose: Callable, run, change, nodes: frozenset, node: int) -> None:
    """Split a branch further, or close it, and no other."""
    with widgets.errors_as_toasts():
        changed = change(nodes, node)
        if len(changed) < 2:
            raise InputError("One cluster of all samples is left out: it says nothing.")
        choose(run, changed)

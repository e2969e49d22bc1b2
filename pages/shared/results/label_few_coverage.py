"""How far the names reach: figures, a map and a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.plots import maps, palette
from dsc_core.sampling import sample_rows

MAP_POINTS = 5_000  # the map is drawn again with every name
UNNAMED_COLOUR = "#b8c0cb"
HEADER, ROW, MAX_HEIGHT = 38, 35, 360  # pixels of the table


def draw(run, results, named, spread) -> float:
    """Figures, map and table at the chosen threshold of certainty; returns the threshold."""
    from dsc_core.analysis import label_spreading

    key = f"few_least_{run.id}"
    st.session_state.setdefault(key, 0.8)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        threshold = st.slider(
            "Minimum certainty",
            0.5,
            1.0,
            step=0.05,
            key=key,
            width=220,
            persist_state="session",
            help="The share of a name among everything that reaches a sample, including no name. Samples below the "
            "minimum stay unnamed.",
        )
    covered = spread.covered(threshold)
    with st.grid(4, min_column_width=130):
        st.metric("Named samples", f"{covered.mean():.1%}", help=f"{covered.sum():,} of {len(covered):,}.")
        st.metric("Names", len(spread.names))
        mean = f"{spread.certainty[covered].mean():.0%}" if covered.any() else "–"
        st.metric("Mean certainty", mean, help="Of the named samples.")
        if "label" in results.labels:
            agreement = label_spreading.agreement(spread, results.labels["label"].to_numpy(), threshold)
            if agreement is not None:
                about = (
                    "For evaluation only: share of the samples not named by hand whose name is their label."
                )
                st.metric("Agreement with labels", f"{agreement:.1%}", help=about)
    if spread.names:
        with st.grid(2, min_column_width=320):
            with st.container(border=True):
                _map(results, spread, threshold)
            _table(named, spread, threshold)
    return threshold


def _map(results, spread, threshold: float) -> None:
    """The latent map, coloured by name."""
    rows = sample_rows(len(spread.index), MAP_POINTS, 0)
    groups = np.where(spread.covered(threshold), spread.index, -1)[rows]
    names = dict(enumerate(spread.names)) | {-1: "no name"}
    colours = {index: palette.colour(index) for index in range(len(spread.names))} | {-1: UNNAMED_COLOUR}
    hover = [
        f"sample {row}\n{word or 'no name'}, certainty {certainty:.0%}"
        for row, word, certainty in zip(rows, spread.labels()[rows], spread.certainty[rows], strict=True)
    ]
    points = np.asarray(results.latent_map)[rows]
    figure = maps.group_map(points, groups, names, hover, colours=colours)
    figure.update_layout(height=360)
    st.markdown("**Names on the latent map**")
    st.plotly_chart(
        figure, key="few_map", alt="The latent map, coloured by the names", config={"displaylogo": False}
    )


def _table(named, spread, threshold: float) -> None:
    """One row per name."""
    counts, covered = spread.counts(threshold), spread.covered(threshold)
    by_hand = [*named.clusters.values(), *named.samples.values()]
    rows = []
    for index, name in enumerate(spread.names):
        own = covered & (spread.index == index)
        rows.append(
            {
                "Name": name,
                "Samples": counts[name],
                "Given by hand": by_hand.count(name),
                "Mean certainty": float(spread.certainty[own].mean()) if own.any() else None,
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="few_table",
        height=min(HEADER + ROW * len(rows), MAX_HEIGHT),
        alt="Samples of each name",
        column_config={
            "Samples": st.column_config.NumberColumn(format="localized"),
            "Given by hand": st.column_config.NumberColumn(
                help="Clusters and samples that you gave this name."
            ),
            "Mean certainty": st.column_config.NumberColumn(format="percent"),
        },
    )

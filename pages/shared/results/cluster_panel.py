"""The cluster panel: a table of all clusters, and one of them in detail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.data.table_units import comparison_table
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.sampling import sample_rows
from pages.shared import choices
from pages.shared.results import cluster_edits, run_view, sample_detail, sample_pictures

MEMBERS = 10  # typical and least certain ones that are shown
MEAN_MEMBERS = 500  # at most, in the mean image
HEADER, ROW, MAX_HEIGHT = 38, 35, 400  # pixels of the table


def draw(view: run_view.View) -> None:
    """The table, the chosen cluster, and its edits."""
    st.subheader(
        "Clusters",
        anchor=False,
        help="Edits are stored beside the run and never change it. You can undo all of them.",
    )
    table = overview(view.grouping_key, view)
    titles = choices.labels((int(cluster) for cluster in table["cluster"]), view.edited.title)
    empty = sorted(set(range(view.run.clusters)) - set(view.results.labels["cluster"].tolist()))
    if empty:
        plural = "s"[: len(empty) != 1]
        st.caption(f"Cluster{plural} without samples: {', '.join(map(str, empty))}.")
    with st.container(border=True, key="cluster_panel"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            cluster = _choose(titles)
            _table(table, titles)
        with right:
            _metrics(table.set_index("cluster").loc[cluster], titles)
            _members(view, cluster, titles[cluster])
        if view.results.dataset.kind == "image":
            sample_detail.draw(view, sample_pictures.CLUSTERS)
        cluster_edits.draw(view, cluster, titles)
        cluster_edits.draw_history(view)


@st.cache_data(show_spinner="Measuring the clusters", max_entries=8)
def overview(key: tuple, _view: run_view.View) -> pd.DataFrame:
    """Size, confidence, silhouette and nearest cluster of each edited cluster. key: the view's grouping_key."""
    return cluster_stats.overview(
        _view.coordinates("latent"),
        _view.coordinates("spectral"),
        _view.clusters,
        _view.frame["confidence"].to_numpy(),
        _view.run.config.seed,
    )


def _choose(titles: dict[int, str]) -> int:
    chosen = st.session_state.get("cluster")
    # Set at every run: the browser knows an option by its title, which a rename changes.
    st.session_state["cluster"] = chosen if chosen in titles else next(iter(titles))
    return st.selectbox("Cluster", list(titles), key="cluster", format_func=titles.get)


def _table(table: pd.DataFrame, titles: dict[int, str]) -> None:
    shown = pd.DataFrame(
        {
            "cluster": [titles[cluster] for cluster in table["cluster"]],
            "size": table["size"],
            "confidence": table["confidence"].round(3),
            "latent silhouette": table["silhouette"].round(3),
            "nearest": [titles.get(cluster, "–") for cluster in table["nearest"]],
        }
    )
    height = min(HEADER + ROW * len(shown), MAX_HEIGHT)
    st.dataframe(shown, hide_index=True, height=height, key="cluster_table")


def _metrics(row, titles: dict[int, str]) -> None:
    """Size, confidence, silhouette and nearest cluster."""
    silhouette = "–" if np.isnan(row["silhouette"]) else f"{row['silhouette']:z.3f}"
    with st.grid(4, min_column_width=110):
        st.metric("Size", f"{int(row['size']):,}", help=f"{row['share']:.1%} of all samples.")
        st.metric("Confidence", f"{row['confidence']:.3f}", help="Mean of its samples, as given by the run.")
        about = "Mean of its samples in the latent space, measured on a random subset of about 2,000 samples."
        st.metric("Latent silhouette", silhouette, help=about)
        nearest = titles.get(int(row["nearest"]), "–")
        st.metric("Nearest", nearest, help="The cluster with the nearest centre in the spectral space.")


def _members(view: run_view.View, cluster: int, title: str) -> None:
    """The mean and some members as images; for tables, how the columns differ from the whole table."""
    rows = cluster_stats.members(view.clusters, cluster, view.frame["confidence"].to_numpy())
    dataset = view.results.dataset
    if dataset.kind == "table":
        columns = typical_columns(dataset, rows, _mean_of_all(view.run.id, dataset))
        st.dataframe(columns, hide_index=True, height=240)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(gap="xxsmall", width="content"):
            subset = rows[sample_rows(len(rows), MEAN_MEMBERS, 0)]
            mean = cluster_stats.mean_sample(dataset.values(subset))
            st.image(image_sheet(mean[None], 1, tile=104), width=104, alt=f"Mean of cluster {title}")
            st.caption("Mean" if len(subset) == len(rows) else f"Mean of {len(subset)}")
        with st.container(gap="xxsmall"):
            half = min(MEMBERS, -(-len(rows) // 2))
            least = rows[half:][::-1][:MEMBERS]
            for caption, part in (("Most typical", rows[:half]), ("Least certain", least)):
                if len(part):
                    st.caption(caption)
                    key = f"members_{caption.split()[0].lower()}"
                    sample_pictures.draw(view, key, part, 40, place=sample_pictures.CLUSTERS)


def typical_columns(dataset, rows: np.ndarray, mean_of_table: np.ndarray) -> pd.DataFrame:
    """A cluster of a table's samples, `rows` (m,) with the most typical first, as text: one line per column.

    mean: of these samples, for a category the most frequent one. all: `mean_of_table`, (F,), likewise.
    """
    first, last = dataset.values(rows[[0, -1]])
    means = {"mean": cluster_stats.mean_sample(dataset.values(rows)), "all": mean_of_table}
    return comparison_table(means | {"most typical": first, "least certain": last}, dataset.preprocessing)


@st.cache_data(show_spinner=False, max_entries=20)
def _mean_of_all(run_id: str, _dataset) -> np.ndarray:
    """The mean of the whole table, cached since it takes a pass over all rows."""
    return _dataset.mean()

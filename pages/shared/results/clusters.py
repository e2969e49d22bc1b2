"""The cluster panel: what each cluster is, and its edits: name, merge, split, move, undo, redo.

Edits are a layer beside the run. A change is made in a callback; the page then draws itself anew as a whole, since
the scores outside of this part go by the edits too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.plots import interactive
from dsc_core.runs.annotations import edits as run_edits
from dsc_core.runs.annotations.edits import sentence
from pages.shared import widgets
from pages.shared.results import chosen
from pages.shared.results.opening import View

CHANGED = "edits_changed"
NEW = "a new cluster"
SHOWN = 10  # typical and least certain members
MEAN = 500  # members at most whose mean picture is made
HISTORY = 8


def draw(view: View) -> None:
    """All clusters in a table, one of them in full, and what can be done with it."""
    st.subheader(
        "Clusters",
        anchor=False,
        help="Edits are kept beside the run and never change it: everything can be undone.",
    )
    table = overview(view.key, view)
    titles = {int(cluster): view.edited.title(cluster) for cluster in table["cluster"]}
    empty = sorted(set(range(view.run.clusters)) - set(view.found.labels["cluster"].tolist()))
    if empty:
        st.caption(f"No sample fell into cluster {', '.join(map(str, empty))}.")
    with st.container(border=True, key="cluster_panel"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            cluster = _choose(titles)
            _table(table, titles, view)
        with right:
            _card(view, cluster, table.set_index("cluster").loc[cluster], titles)
        _actions(view, cluster, titles)
        _history(view)


@st.cache_data(show_spinner="Measuring the clusters", max_entries=8)
def overview(key: tuple, _view: View) -> pd.DataFrame:
    """`clusters.overview` of the clusters as edited."""
    return cluster_stats.overview(
        _view.coordinates("latent"),
        _view.coordinates("spectral"),
        _view.clusters,
        _view.frame["confidence"].to_numpy(),
        _view.run.config.seed,
    )


def _choose(titles: dict[int, str]) -> int:
    if st.session_state.get("cluster") not in titles:
        st.session_state["cluster"] = next(iter(titles))
    return st.selectbox("Cluster", list(titles), key="cluster", format_func=titles.get)


def _table(table: pd.DataFrame, titles: dict[int, str], view: View) -> None:
    shown = pd.DataFrame(
        {
            "cluster": [titles[cluster] for cluster in table["cluster"]],
            "size": table["size"],
            "confidence": table["confidence"].round(3),
            "silhouette": table["silhouette"].round(3),
            "nearest": [titles.get(near, "–") for near in table["nearest"]],
        }
    )
    st.dataframe(shown, hide_index=True, height=min(38 + 35 * len(shown), 400), key="cluster_table")


def _card(view: View, cluster: int, facts, titles: dict[int, str]) -> None:
    """One cluster: how large, how dense, next to which, and who is in it."""
    shape = "–" if np.isnan(facts["silhouette"]) else f"{facts['silhouette']:z.3f}"
    with st.grid(4, min_column_width=110):
        st.metric("Size", f"{int(facts['size']):,}", help=f"{facts['share']:.1%} of all samples.")
        st.metric("Confidence", f"{facts['confidence']:.3f}", help="Its samples' mean, as the run gave it.")
        st.metric(
            "Silhouette",
            shape,
            help="Of its samples, in the latent space, on a seeded sample of about 2,000.",
        )
        near = titles.get(int(facts["nearest"]), "–")
        st.metric("Nearest", near, help="The cluster whose centre is nearest in the spectral space.")
    rows = cluster_stats.members(view.clusters, cluster, view.frame["confidence"].to_numpy())
    dataset = view.found.dataset
    if dataset.kind == "table":
        shown = cluster_stats.columns_of(dataset, rows, _mean_of_all(view.run.id, dataset))
        st.dataframe(shown, hide_index=True, height=240)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(gap="xxsmall", width="content"):
            some = rows[interactive.seeded_choice(len(rows), MEAN, 0)]
            mean = cluster_stats.mean_of(dataset.values(some))
            st.image(
                interactive.image_sheet(mean[None], 1, tile=104),
                width=104,
                alt=f"Mean of cluster {titles[cluster]}",
            )
            st.caption("Mean" if len(some) == len(rows) else f"Mean of {len(some)}")
        with st.container(gap="xxsmall"):
            half = min(SHOWN, -(-len(rows) // 2))
            for word, part in (("Most typical", rows[:half]), ("Least certain", rows[half:][::-1][:SHOWN])):
                if len(part):
                    st.caption(word)
                    st.image(
                        interactive.image_sheet(dataset.values(part), SHOWN, tile=40),
                        width="content",
                        alt=f"{word} of cluster {titles[cluster]}",
                    )


@st.cache_data(show_spinner=False, max_entries=20)
def _mean_of_all(run_id: str, _dataset) -> np.ndarray:
    """The mean of the run's whole table: a pass over all of it, which a look at one cluster need not repeat."""
    return cluster_stats.mean_of_all(_dataset)


# Changing -------------------------------------------------------------------------------------------------


def _do(change, *args) -> None:
    """One edit; what is wrong with it is said in passing."""
    with widgets.telling():
        change(*args)
        st.session_state[CHANGED] = True


def _actions(view: View, cluster: int, titles: dict[int, str]) -> None:
    edits, kept = view.edits, chosen.current(view.run)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cluster_actions"):
        rows = np.flatnonzero(view.clusters == cluster)
        st.button(
            "Select its samples",
            icon=":material/select_all:",
            key="select_cluster",
            on_click=chosen.choose,
            args=(view.run, rows, "cluster", f"cluster {titles[cluster]}"),
        )
        with st.popover("Name", icon=":material/edit:", key="name_cluster"):
            key = f"cluster_name_{view.run.id}_{cluster}"
            st.session_state.setdefault(key, view.edited.names.get(cluster, ""))
            name = st.text_input("Name of this cluster", key=key, max_chars=60)
            st.button(
                "Keep the name",
                key="name_now",
                on_click=_do,
                args=(edits.name, cluster, name),
                type="primary",
            )
        with st.popover("Merge", icon=":material/merge:", disabled=len(titles) < 2, key="merge_cluster"):
            others = [other for other in titles if other != cluster]
            into = st.selectbox("Into", others, format_func=titles.get, key="merge_into")
            st.button(
                "Merge", key="merge_now", on_click=_do, args=(edits.merge, cluster, into), type="primary"
            )
        with st.popover("Split", icon=":material/call_split:", key="split_cluster"):
            parts = st.number_input(
                "Parts", 2, 12, 2, key="split_parts", help="By spectral clustering inside it."
            )
            st.button("Split", key="split_now", on_click=_split, args=(view, cluster, parts), type="primary")
        with st.popover(
            "Move the selected", icon=":material/move_item:", disabled=not kept, key="move_selected"
        ):
            target = st.selectbox(
                "Into", [*titles, NEW], format_func=lambda t: titles.get(t, t), key="move_into"
            )
            into = None if target == NEW else target
            word = f"Move {len(kept.rows):,} sample{'s'[: len(kept.rows) != 1]}"
            st.button(word, key="move_now", on_click=_do, args=(edits.move, kept.rows, into), type="primary")
        st.space("stretch")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            on_click=_do,
            args=(edits.undo,),
            disabled=not view.edited.done,
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            key="redo",
            on_click=_do,
            args=(edits.redo,),
            disabled=not view.edited.undone,
        )


def _split(view: View, cluster: int, parts: int) -> None:
    def change() -> None:
        rows = np.flatnonzero(view.clusters == cluster)
        latent = np.asarray(view.coordinates("latent")[rows])
        config = view.run.config
        made = cluster_stats.split(latent, int(parts), config.seed, config.neighbours, config.damping)
        view.edits.split(cluster, rows, made)

    _do(change)


def _history(view: View) -> None:
    """The edits in force, the last one first."""
    done = view.edited.done
    if not done:
        return
    st.download_button(
        "Edited labels.csv",
        data=lambda: run_edits.edited_csv(view.found.labels, view.edited),
        file_name="labels-edited.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="download_edited",
        help="All samples, the edited clusters and their names beside the run's. More under Export.",
    )
    with st.expander(f"{len(done)} edit{'s'[: len(done) != 1]} in force", key="edit_history"):
        for edit in done[::-1][:HISTORY]:
            st.caption(widgets.plain(sentence(edit)))
        if len(done) > HISTORY:
            st.caption(f"and {len(done) - HISTORY} before")

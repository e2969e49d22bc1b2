"""Results: scores, two maps, the confusion matrix, samples of each cluster, and the labels to take away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core import figures
from dsc_core.errors import InputError, RunError
from dsc_core.runs import results as run_results
from pages.shared import explorer, exports, state, widgets

TRAIN, DATA = "pages/views/train.py", "pages/views/data.py"
SCORES = {
    "acc": ("ACC", "Share of samples whose cluster, matched one to one with the classes, is their class."),
    "nmi": (
        "NMI",
        "Normalised mutual information of clusters and classes, arithmetic mean. 1 is perfect, 0 chance.",
    ),
    "ari": ("ARI", "Adjusted Rand index: agreement on pairs of samples, 0 by chance."),
}
LABEL_FREE = {
    "silhouette_latent": (
        "Silhouette, latent",
        "How much nearer samples are to their own cluster than to the next.",
    ),
    "silhouette_spectral": (
        "Silhouette, spectral",
        "The same in the spectral space, which is made to separate.",
    ),
    "eigengap": (
        "Eigengap",
        "Drop of the graph's eigenvalues after the K-th: large where K clusters are natural.",
    ),
}
SHOWN = 12  # samples of a cluster on its card
CARDS = 12  # clusters on a screen of cards


# Reading --------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=4, show_spinner="Opening the run")
def opened(run_id: str, ended: float | None):
    """The results of a finished run; `ended` makes a run that was resumed be read again."""
    return run_results.load_results(state.store().get(run_id))


def csv_of(run_id: str):
    """A callable that makes labels.csv when it is asked for."""
    return lambda: run_results.labels_csv(state.store().get(run_id))


# Showing --------------------------------------------------------------------------------------------------


def show(run) -> None:
    """The whole page for one finished run."""
    found = opened(run.id, run.ended)
    frame = found.labels
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(widgets.plain(run.name), anchor=False, width="content")
        widgets.status_badge(run)
        st.space("stretch")
        st.download_button(
            "labels.csv", data=csv_of(run.id), file_name="labels.csv", mime="text/csv", on_click="ignore",
            icon=":material/download:", type="primary", key="download",
            help="One row a sample, in the input's order.",
        )  # fmt: skip
    scores(run, found)
    maps(run, frame, found)
    if "label" in frame:
        confusion(found)
    cards(run, frame, found)
    exports.draw(run, found)
    explore(run)


def explore(run) -> None:
    """The noise explorer, last on the page: it loads the model."""
    if explorer.available(run):
        st.subheader(
            "Noise explorer", anchor=False,
            help="What the noise transformer ψ(z) = z ⊙ (1 + s·ε) does to single samples.",
        )  # fmt: skip
        with st.container(border=True):
            explorer.draw(run)


def scores(run, found) -> None:
    """Accuracy and its kin where labels exist; else figures without labels, called so."""
    known = SCORES if any(found.scores.get(name) is not None for name in SCORES) else LABEL_FREE
    if known is LABEL_FREE:
        st.caption(
            "Without labels there is no accuracy: these figures only say how well the clusters hold together."
        )
    with st.grid(6, min_column_width=140):
        for name, (title, text) in known.items():
            if found.scores.get(name) is not None:
                st.metric(title, f"{found.scores[name]:z.3f}", help=text)
        st.metric("Samples", f"{run.samples:,}")
        st.metric("Clusters", f"{run.clusters}")
        if run.started and run.ended:
            st.metric(
                "Time", widgets.duration(run.ended - run.started), help=f"On {widgets.plain(run.device)}."
            )


def maps(run, frame: pd.DataFrame, found) -> None:
    """The latent and the spectral map, side by side, in the same colours."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Maps", anchor=False, width="content", help="UMAP of the latent and of the spectral space."
        )
        st.space("stretch")
        ways = ["Cluster", "Label", "Confidence"] if "label" in frame else ["Cluster", "Confidence"]
        way = st.segmented_control(
            "Colour by", ways, default="Cluster", required=True, key="colour_by", label_visibility="collapsed"
        )
    rows = figures.drawn(len(frame))
    if len(rows) < len(frame):
        st.caption(f"A random sample of {len(rows):,} of the {len(frame):,} samples is drawn (seed 0).")
    with st.grid(2, min_column_width=360):
        for space, points in (("latent", found.latent_map), ("spectral", found.spectral_map)):
            with st.container(border=True):
                figure = map_figure(run.id, run.ended, space, way, points, frame)
                st.plotly_chart(
                    figure, key=f"map_{space}", alt=f"Map of the {space} space, coloured by {way.lower()}",
                    config={"scrollZoom": True, "displaylogo": False},
                )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=12)
def map_figure(
    run_id: str, ended: float | None, space: str, way: str, _points: np.ndarray, _frame: pd.DataFrame
):
    """The figure of one map, the same for the same run, so that a rerun leaves the browser's view alone."""
    rows = figures.drawn(len(_frame))
    some, points = _frame.iloc[rows], np.asarray(_points)[rows]
    hover = [
        f"{identity}\ncluster {cluster}, confidence {sure:.2f}"
        for identity, cluster, sure in zip(some["id"], some["cluster"], some["confidence"], strict=True)
    ]
    title = {"latent": "Latent space z", "spectral": "Spectral space Y"}[space]
    if way == "Confidence":
        return figures.value_map(points, some["confidence"].to_numpy(), hover, title=title, name="confidence")
    if way == "Label":
        names = {label: str(label) for label in sorted(_frame["label"].unique(), key=natural)}
        return figures.group_map(points, some["label"].to_numpy(), names, hover, title=title)
    names = {cluster: f"{cluster}" for cluster in sorted(_frame["cluster"].unique())}
    colours = {cluster: figures.colour(cluster) for cluster in names}
    return figures.group_map(points, some["cluster"].to_numpy(), names, hover, title=title, colours=colours)


def natural(label) -> tuple:
    """A sort key that puts 2 before 10, and numbers before words."""
    text = str(label)
    return (0, int(text), text) if text.isdecimal() else (1, 0, text)


def confusion(found) -> None:
    """Classes against clusters, the columns in the order of their matched classes."""
    matrix, classes, order = found.confusion
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Confusion matrix", anchor=False, width="content",
            help="The clusters stand in the order of the classes they are matched with.",
        )  # fmt: skip
        st.space("stretch")
        way = st.segmented_control(
            "Cells",
            ["Counts", "Shares"],
            default="Counts",
            required=True,
            key="cells",
            label_visibility="collapsed",
        )
    dark = st.context.theme.type == "dark"
    chart = figures.confusion_chart(matrix, classes, order, shares=way == "Shares", dark=dark)
    with st.container(border=True):
        st.altair_chart(chart, key="confusion", alt="Confusion matrix of classes and clusters")


def cards(run, frame: pd.DataFrame, found) -> None:
    """A card a cluster: its size, its surest and its least sure samples."""
    st.subheader("Samples of each cluster", anchor=False)
    clusters = list(range(run.clusters))
    pages = -(-len(clusters) // CARDS)
    page = st.pagination(pages, key="cluster_page") if pages > 1 else 1
    with st.grid(2, min_column_width=340):
        for cluster in clusters[(page - 1) * CARDS : page * CARDS]:
            with st.container(border=True, gap="small"):
                card(run, frame, found, cluster)


def card(run, frame: pd.DataFrame, found, cluster: int) -> None:
    """One cluster's card."""
    members = frame[frame["cluster"] == cluster]
    match = members["matched_label"].iloc[0] if "matched_label" in frame and len(members) else None
    known = match is not None and pd.notna(match) and match != ""
    matched = f" · matched with class {widgets.plain(match)}" if known else ""
    st.markdown(f"**Cluster {cluster}** · {len(members):,} sample{'s'[: len(members) != 1]}{matched}")
    if not len(members):
        st.caption("No sample fell into this cluster.")
        return
    order = members["confidence"].sort_values(ascending=False, kind="stable").index.to_numpy()
    surest = order[: min(SHOWN, -(-len(order) // 2))]  # no sample stands in both rows
    for word, rows in (("Surest", surest), ("Least sure", order[: len(surest) - 1 : -1][:SHOWN])):
        if not len(rows):
            continue
        span = frame.loc[rows, "confidence"]
        st.caption(f"{word} · confidence {span.min():.2f} to {span.max():.2f}")
        if found.dataset.kind == "image":
            picture = sheet(run.id, run.ended, cluster, word, found.dataset, rows)
            st.image(picture, width="stretch", alt=f"{word} samples of cluster {cluster}")
        else:
            table = pd.DataFrame(found.dataset.values(rows), columns=state.column_titles(found.dataset))
            table.insert(0, "id", frame.loc[rows, "id"].to_numpy())
            st.dataframe(table, hide_index=True, height=150)


@st.cache_data(show_spinner=False, max_entries=400)
def sheet(
    run_id: str, ended: float | None, cluster: int, word: str, _dataset, _rows: np.ndarray
) -> np.ndarray:
    """A row of a cluster's samples."""
    return figures.image_sheet(_dataset.values(_rows), SHOWN, tile=48, band=figures.colour(cluster))


# When there is nothing to show ----------------------------------------------------------------------------


def nothing(run) -> None:
    """Why there are no results, and what to do next."""
    if run is None:
        if state.store().list():
            widgets.empty(":material/history:", "No run chosen", "Choose a run above, or train a new one.")
        else:
            widgets.empty(
                ":material/scatter_plot:", "No results yet",
                "Results appear here once a run has been trained: choose data, then start a run.",
            )  # fmt: skip
        page, word = (TRAIN, "Go to Train") if state.current("data") else (DATA, "Choose data")
    elif run.status == "failed":
        widgets.empty(
            ":material/error:", "This run failed", widgets.plain(run.reason or "It ended without results.")
        )
        page, word = TRAIN, "See its log"
    elif run.status in ("created", "queued"):
        waits = "waits in the queue" if run.status == "queued" else "has not been started"
        widgets.empty(
            ":material/hourglass_empty:", f"{widgets.plain(run.name)} {waits}",
            "Its results appear here when it has been trained.",
        )  # fmt: skip
        page, word = TRAIN, "See the run"
    else:
        widgets.empty(
            ":material/hourglass_top:", f"{widgets.plain(run.name)} is still training",
            "Its results appear here when it ends. Stop it on the Train page to get them sooner.",
        )  # fmt: skip
        page, word = TRAIN, "Watch it train"
    if run is not None and not run.finished:
        st.fragment(wait, run_every=2.0)(run.id, run.status)
    forward = ":material/arrow_back:" if page == DATA else ":material/arrow_forward:"
    with st.container(horizontal=True):
        if st.button(word, type="primary", icon=forward, key="next_step"):
            st.switch_page(page)
        if run is None:
            widgets.newest_run("Open", "done", "stopped")


def wait(run_id: str, status: str) -> None:
    """Draw the page anew when the run has begun or ended."""
    try:
        now = state.store().get(run_id).status
    except InputError:  # deleted from elsewhere
        now = None
    if now != status:
        st.rerun()


run = state.run()
if run is not None and run.status in ("done", "stopped"):
    try:
        show(run)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
else:
    nothing(run)

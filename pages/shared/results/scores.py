"""The scores of the run, and those of its edited clusters."""

from __future__ import annotations

import streamlit as st

from dsc_core.analysis import metrics
from dsc_core.runs.annotations import edits as run_edits
from pages.shared import formatting, run_time
from pages.shared.results import parts, run_view

WITH_LABELS = {
    "acc": (
        "ACC",
        "Share of samples whose cluster is matched with their label, in the best one-to-one matching.",
    ),
    "nmi": (
        "NMI",
        "Normalized mutual information of clusters and labels (arithmetic mean): 1 is perfect, 0 is chance.",
    ),
    "ari": ("ARI", "Adjusted Rand index, the agreement on pairs of samples: 1 is perfect, 0 is chance."),
}
WITHOUT_LABELS = {
    "silhouette_latent": (
        "Silhouette, latent",
        "How much closer samples are to their own cluster than to the next one, from −1 to 1.",
    ),
    "silhouette_spectral": (
        "Silhouette, spectral",
        "The silhouette in the spectral space, which training makes separable.",
    ),
    "eigengap": (
        "Eigengap",
        "Drop between the K-th and the next eigenvalue of the graph. A large drop supports K clusters.",
    ),
}


def draw(run, results) -> None:
    """The section, as a fragment."""
    parts.draw("scores", _scores, run, results)


def _scores(run, results) -> None:
    """Scores against the labels; without labels, scores that need none."""
    labelled = "label" in results.labels
    shown = WITH_LABELS if labelled else WITHOUT_LABELS
    if not labelled:
        st.caption(
            "The data have no labels, so there is no accuracy. These scores measure how compact and separate the "
            "clusters are."
        )
    with st.grid(6, min_column_width=140):
        for name, (title, about) in shown.items():
            if results.scores.get(name) is not None:
                st.metric(title, f"{results.scores[name]:z.3f}", help=about)
        st.metric("Samples", f"{run.samples:,}")
        st.metric("Clusters", f"{run.clusters}")
        seconds = run_time.seconds(run)
        if seconds is not None:
            about = f"{run_time.HELP}, on {formatting.plain(run.device)}."
            st.metric(run_time.TITLE, formatting.duration(seconds), help=about)
    view = run_view.view(run, results)
    if view.regrouped:  # a name changes no score
        _edited(view, shown)


def _edited(view: run_view.View, shown: dict) -> None:
    """The same scores of the edited clusters, with their difference from the run's."""
    st.caption(f"After {view.edited.count_text()}. Above: the run as it ended.")
    scores = edited_scores(view.grouping_key, view)
    with st.grid(6, min_column_width=140, key="edited_scores"):
        for name, (title, about) in shown.items():
            if name in scores:
                before = view.results.scores.get(name)
                change = None if before is None else f"{scores[name] - before:+.3f}"
                st.metric(f"{title}, edited", f"{scores[name]:z.3f}", change, help=about)
        st.metric("Clusters, edited", f"{len(set(view.clusters.tolist()))}")


@st.cache_data(show_spinner=False, max_entries=8)
def edited_scores(key: tuple, _view: run_view.View) -> dict[str, float]:
    """The scores of the edited clusters. key: the view's grouping_key."""
    if "label" in _view.frame:  # then no others are shown
        return metrics.scores(_view.frame["label"].to_numpy(), _view.clusters)
    return run_edits.edited_scores(
        _view.frame, _view.coordinates("latent"), _view.coordinates("spectral"), _view.run.config.seed
    )

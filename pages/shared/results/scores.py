"""The scores of the run, and those of its clusters as edited, side by side."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs.annotations import edits as run_edits
from pages.shared import widgets
from pages.shared.results.opening import View, view

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


def draw(run, found) -> None:
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
    looked = view(run, found)
    if looked.edited.changed:
        _edited(looked, known)


def _edited(looked: View, known: dict) -> None:
    """The same scores of the clusters as edited, each with its difference from the run's."""
    count = len(looked.edited.done)
    st.caption(f"As edited ({count} edit{'s'[: count != 1]}); above, the run as it ended.")
    scores = edited_scores(looked.key, looked)
    with st.grid(6, min_column_width=140, key="edited_scores"):
        for name, (title, text) in known.items():
            if name in scores:
                before = looked.found.scores.get(name)
                change = None if before is None else f"{scores[name] - before:+.3f}"
                st.metric(f"{title}, edited", f"{scores[name]:z.3f}", change, help=text)
        st.metric("Clusters, edited", f"{len(set(looked.clusters.tolist()))}")


@st.cache_data(show_spinner=False, max_entries=8)
def edited_scores(key: tuple, _looked: View) -> dict[str, float]:
    """The scores of the clusters as edited."""
    return run_edits.edited_scores(
        _looked.frame, _looked.coordinates("latent"), _looked.coordinates("spectral"), _looked.run.config.seed
    )

"""Cards on which clusters and single samples are named."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.plots import palette
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.runs.annotations import names
from pages.shared import formatting, widgets
from pages.shared.results import parts, run_view

TYPICAL = 6  # samples on a cluster's card
SINGLE_WIDTH = 112  # pixels of a single sample
CARDS_PER_PAGE = 12
SUGGESTED = 8  # samples


def _name_field(run, results, kind: str, number: int, name: str, label: str) -> None:
    """A field for the name of one cluster or sample; it shows the saved name."""
    key = f"few_{kind}_{number}_{run.id}"
    st.session_state[key] = name
    st.text_input(
        label,
        key=key,
        max_chars=names.MAX_LENGTH,
        placeholder="No name",
        on_change=_save_name,
        args=(results, kind, number, key),
    )


def _save_name(results, kind: str, number: int, key: str) -> None:
    """Save the name, or show why it is refused."""
    saved = False
    with widgets.errors_as_toasts():
        names.give_name(results, kind, [number], st.session_state[key])
        saved = True
    if saved and kind == "clusters":
        parts.redraw()


def draw_clusters(view: run_view.View, dataset, named) -> None:
    """A card for each cluster, as edited: its size, its most confident samples and its name."""
    st.markdown("**Clusters**")
    run, results, present = view.run, view.results, view.edited.present
    pages = -(-len(present) // CARDS_PER_PAGE)
    if st.session_state.get("few_page", 1) > pages:
        st.session_state["few_page"] = 1
    page = st.pagination(pages, key="few_page") if pages > 1 else 1
    frame = view.frame
    with st.grid(3, min_column_width=250):
        for cluster in present[(page - 1) * CARDS_PER_PAGE : page * CARDS_PER_PAGE]:
            members = frame.index[frame["cluster"] == cluster]
            order = frame.loc[members, "confidence"].sort_values(ascending=False, kind="stable").index
            with st.container(border=True, gap="small"):
                about = f"Typical samples of cluster {cluster}"
                _samples(run, dataset, order[:TYPICAL].to_numpy(), about, cluster)
                label = f"Cluster {cluster} · {formatting.count(len(members), 'sample')}"
                _name_field(run, results, "clusters", cluster, named.clusters.get(cluster, ""), label)


def _samples(run, dataset, rows: np.ndarray, about: str, cluster: int | None = None) -> None:
    """Samples as a strip of images, or as rows of a table."""
    if dataset.kind == "image":
        band = None if cluster is None else palette.colour(cluster)
        strip = _strip(run.id, run.ended, tuple(rows.tolist()), band, dataset)
        st.image(strip, width=SINGLE_WIDTH if len(rows) == 1 else "stretch", alt=about)
    else:
        st.dataframe(dataset.table(rows), hide_index=True, height=110 if len(rows) > 1 else 73, alt=about)


@st.cache_data(show_spinner=False, max_entries=400)
def _strip(run_id: str, ended: float | None, rows: tuple[int, ...], band: str | None, _dataset) -> np.ndarray:
    return image_sheet(_dataset.values(np.array(rows)), len(rows), tile=48, band=band)


def draw_samples(view: run_view.View, dataset, named, spread) -> None:
    """A card for each sample that is named, was added by its number, or is suggested."""
    from dsc_core.analysis import label_spreading

    run, results, frame = view.run, view.results, view.frame
    clusters, confidence = frame["cluster"].to_numpy(), frame["confidence"].to_numpy()
    key = f"few_asked_{run.id}"
    if key not in st.session_state:
        suggested = label_spreading.suggest(spread, clusters, confidence, SUGGESTED).tolist()
        st.session_state[key] = list(dict.fromkeys([*named.samples, *suggested]))
    _sample_controls(run, key, len(frame))
    labels = spread.labels()
    with st.grid(4, min_column_width=190):
        for sample in st.session_state[key]:
            with st.container(border=True, gap="small", key=f"few_card_{sample}"):
                _samples(run, dataset, np.array([sample]), f"Sample {sample}")
                if spread.by_hand[sample]:
                    st.caption("Named by hand")
                elif labels[sample]:
                    st.caption(
                        f"“{formatting.plain(labels[sample])}”, certainty {spread.certainty[sample]:.0%}"
                    )
                else:
                    st.caption("No name yet")
                label = f"Sample {sample} · cluster {view.edited.title(clusters[sample])}"
                _name_field(run, results, "samples", sample, named.samples.get(sample, ""), label)


def _sample_controls(run, key: str, count: int) -> None:
    """Headline, a field that adds a sample, and a button for other suggestions."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        about = "Names of these samples help most: they are typical of a cluster, or uncertain."
        st.markdown("**Samples**", width="content", help=about)
        st.space("stretch")
        field = f"few_number_{run.id}"
        st.text_input(
            "Add sample number",
            key=field,
            width=150,
            placeholder=f"0 to {count - 1:,}",
            on_change=_add_sample,
            args=(key, field, count),
        )
        st.button(
            "Suggest others",
            icon=":material/lightbulb:",
            key="few_others",
            on_click=_suggest_others,
            args=(key,),
        )


def _add_sample(key: str, field: str, count: int) -> None:
    """Put the sample with this number first."""
    text = st.session_state[field].strip()
    if not (text.isascii() and text.isdigit() and int(text) < count):
        st.toast(f"Sample numbers range from 0 to {count - 1:,}.", icon=":material/error:")
        return
    st.session_state[key] = list(dict.fromkeys([int(text), *st.session_state[key]]))
    st.session_state[field] = ""


def _suggest_others(key: str) -> None:
    """Make new suggestions, given the present names."""
    st.session_state.pop(key, None)

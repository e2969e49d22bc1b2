"""Clusters that were found without training: scores, pictures or rows, a map, and the labels as a file."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import streamlit as st

from dsc_core.analysis import cluster_stats
from dsc_core.analysis.untrained import SOURCES
from dsc_core.plots import colourings, linked_maps, palette
from dsc_core.runs import untrained as answers
from pages.shared import formatting
from pages.shared.results import cut_list, scores

COLUMNS = 12  # of a table, at most, in the list of clusters
LIST_HEIGHT = 420  # pixels
HEADER, ROW = 38, 35  # pixels of the list of a table
OWN = ("cluster", "size")  # columns of that list beside those of the table
AGAINST = ("acc", "nmi")  # scores against labels that are shown


def draw(dataset, key: str, answer: answers.Answer, train: bool) -> bool:
    """All of it. train: with a button that leads to training; whether it was pressed."""
    _scores(answer)
    pressed = _actions(dataset, answer, train)
    with st.grid(2, min_column_width=320, gap="medium"):
        with st.container(gap="small"):
            if dataset.kind == "image":
                _pictures(dataset, answer)
            else:
                _rows(dataset, answer)
        with st.container():
            st.plotly_chart(
                _map(_of(key, answer), dataset, answer),
                key="untrained_map",
                config={"displaylogo": False},
                alt="Map of the diffusion coordinates of the graph, coloured by cluster",
            )
    st.caption(
        f"Found {SOURCES[answer.source]} in {formatting.duration(answer.seconds)}; nothing was trained. The map lays "
        "out the diffusion coordinates of the graph by UMAP's objective, as the maps of runs are made."
    )
    return pressed


def _actions(dataset, answer: answers.Answer, train: bool) -> bool:
    """The labels as a file, and the way to training; whether that was pressed."""
    with st.container(horizontal=True):
        pressed = train and st.button(
            f"Train with {answer.clusters} clusters",
            icon=":material/arrow_forward:",
            key="untrained_train",
            help="Opens the form for training with this number of clusters; it learns its own ones.",
        )
        st.download_button(
            "labels.csv",
            data=lambda: answers.labels_csv(dataset, answer),
            file_name="labels.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="untrained_labels",
            help="One row per sample, in the form of the labels of a run; the column training says none.",
        )
    return bool(pressed)


def _of(key: str, answer: answers.Answer) -> tuple:
    """What tells one answer from others."""
    return key, answer.clusters, answer.seed


def _scores(answer: answers.Answer) -> None:
    """Scores without labels, and those against labels, which nothing else has seen."""
    against, found = (
        {name: answer.scores[name] for name in AGAINST if name in answer.scores},
        answer.label_free,
    )
    with st.grid(4, min_column_width=160):
        for name, value in against.items():
            title, about = scores.WITH_LABELS[name]
            st.metric(
                title,
                f"{value:z.3f}",
                help=f"{about} Evaluation only: no label was used to find the clusters.",
            )
        for name, value in found.items():
            title, about = scores.WITHOUT_LABELS[name]
            st.metric(title, f"{value:z.3f}", help=about)
    if against:
        names = " and ".join(scores.WITH_LABELS[name][0] for name in against)
        st.caption(f"{names}: evaluation only, against the labels of the data.")


def _order(answer: answers.Answer) -> list[tuple[int, np.ndarray]]:
    """The clusters, the largest first, each with its samples, the most typical first."""
    sizes = answers.sizes(answer)
    numbers = sorted(sizes, key=lambda number: (-sizes[number], number))
    found = answer.found
    return [(number, cluster_stats.members(found.clusters, number, -found.distances)) for number in numbers]


def _pictures(dataset, answer: answers.Answer) -> None:
    """Typical images of each cluster, in pages."""
    order = _order(answer)
    pages = -(-len(order) // cut_list.PER_PAGE)
    page = st.pagination(pages, key="untrained_page") if pages > 1 else 1
    for number, rows in order[(page - 1) * cut_list.PER_PAGE : page * cut_list.PER_PAGE]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            cut_list.typical(dataset, number, str(number), rows)


def free_names(names: Iterable[object]) -> list[str]:
    """The names of a table's columns, each once and none of OWN: "column cluster" where one is called "cluster"."""
    taken, found = set(OWN), []
    for name in map(str, names):
        while name in taken:
            name = f"column {name}"
        taken.add(name)
        found.append(name)
    return found


def _rows(dataset, answer: answers.Answer) -> None:
    """The most typical row of each cluster, in its own units, and the sizes."""
    order = _order(answer)
    typical = dataset.table(np.array([rows[0] for _, rows in order]))
    more = typical.shape[1] > COLUMNS
    typical = typical.iloc[:, :COLUMNS]
    typical.columns = free_names(typical.columns)
    typical.insert(0, OWN[0], [number for number, _ in order])
    typical.insert(1, OWN[1], [len(rows) for _, rows in order])
    st.markdown("**The most typical row of each cluster**")
    height = min(HEADER + ROW * len(typical), LIST_HEIGHT)
    st.dataframe(typical, hide_index=True, height=height, key="untrained_rows")
    if more:
        st.caption(f"The first {COLUMNS} columns.")


@st.cache_resource(show_spinner=False, max_entries=4)
def _map(key: tuple, _dataset, _answer: answers.Answer):
    """The map in the colours of the clusters."""
    found = _answer.found
    names = {number: str(number) for number in answers.sizes(_answer)}
    colours = {number: palette.colour(number) for number in names}
    drawn = linked_maps.draw(
        found.map,
        colourings.Colouring(found.clusters, names, colours),
        _dataset.ids,
        found.clusters.astype(str),
        found.agreement,
    )
    return drawn.figure.update_layout(dragmode="pan", height=LIST_HEIGHT)

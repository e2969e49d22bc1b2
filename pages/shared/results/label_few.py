"""Label a few: names for some clusters or samples, how far they spread along the graph, and labels to take away."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.errors import RunError
from dsc_core.plots import interactive
from dsc_core.runs import questions
from dsc_core.runs.artifacts.results import csv_bytes
from pages.shared import jobs, widgets

TYPICAL = 6  # samples on a cluster's card
ALONE = 112  # pixels of a single sample's width
CARDS = 12  # clusters on a screen
SUGGESTED = 8  # samples worth naming
DRAWN = 5_000  # points of the map, which is drawn anew with every name
NOBODY = "#b8c0cb"  # the colour of samples without a name
ABOUT = (
    "Name what you recognise: a cluster, or single samples. A cluster's surest samples carry its name, and names "
    "spread along the graph until they meet another name or a cluster that has none. Names are kept with the run."
)


def draw(run, found) -> None:
    """The section, closed at first."""
    place = st.expander("Label a few", icon=":material/label:", key="label_few", on_change="rerun")
    if not place.open:
        return
    with place:
        st.caption(ABOUT)
        key = job_of(run)
        if not jobs.show(key):
            st.fragment(_section)(run, found)


def job_of(run) -> str:
    """The key of the section's job: a run that was trained on is another one."""
    return f"label_few_{run.id}_{int(run.ended or 0)}"


def prepared(found, tell):
    """The Spreader of a run; for the job."""
    from dsc_core.analysis.label_spreading import Spreader

    frame = found.labels
    affinity = questions.graph_of(found.run, tell)
    clusters, confidence = frame["cluster"].to_numpy(), frame["confidence"].to_numpy()
    return Spreader(affinity, clusters, confidence, found.run.clusters).prepare(tell)


def _section(run, found) -> None:
    jobs.follow()
    key = job_of(run)
    job = jobs.known(key)
    if job is None:
        job = jobs.begin(key, lambda tell: prepared(found, tell))
        jobs.follow()
    if job.result is None:
        told = job.problem or "Stopped: names cannot spread without the graph."
        st.warning(widgets.plain(told), icon=":material/warning:")
        st.button("Try again", key="few_again", icon=":material/refresh:", on_click=jobs.forget, args=(key,))
        return
    try:
        named, dataset = questions.read_named(found), found.dataset
    except RunError as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        if (run.folder / questions.NAMED).is_file():
            st.button("Set the file aside and begin anew", key="few_anew", on_click=forget, args=(run, found))
        return
    _names(run, found, dataset, named, job.result)


def _names(run, found, dataset, named, spreader) -> None:
    """Everything, once the graph is there and the names can be read."""
    from dsc_core.analysis import label_spreading as naming

    if named.outdated:
        st.warning(
            "The run was trained on since its clusters were named; the names of clusters are laid aside, those of "
            "samples still hold.",
            icon=":material/warning:",
        )
    result = naming.spread(spreader, named.clusters, named.samples)
    top = st.container()
    _clusters(run, found, dataset, named)
    _samples(run, found, dataset, named, result, naming)
    with top:
        least = _coverage(run, found, named, result, naming)
    _take_away(run, found, named, result, least)


# Naming -----------------------------------------------------------------------------------------------------


def name_field(run, found, kind: str, number: int, name: str, label: str) -> None:
    """A field for the name of one cluster or sample; what the run's folder holds is what it shows."""
    key = f"few_{kind}_{number}_{run.id}"
    st.session_state[key] = name
    st.text_input(
        label,
        key=key,
        max_chars=questions.LONGEST_NAME,
        placeholder="no name",
        on_change=name_it,
        args=(found, kind, number, key),
    )


def name_it(found, kind: str, number: int, key: str) -> None:
    """Keep the name that was written, or say why not."""
    with widgets.telling():
        questions.give_name(found, kind, [number], st.session_state[key])


def forget(run, found) -> None:
    """Take all names away."""
    with widgets.telling():
        questions.forget_names(found)
    st.session_state.pop(f"few_asked_{run.id}", None)


def _clusters(run, found, dataset, named) -> None:
    """A card for each cluster: its size, its surest samples and its name."""
    st.markdown("**Clusters**")
    pages = -(-run.clusters // CARDS)
    page = st.pagination(pages, key="few_page") if pages > 1 else 1
    frame = found.labels
    with st.grid(3, min_column_width=250):
        for cluster in range(run.clusters)[(page - 1) * CARDS : page * CARDS]:
            members = frame.index[frame["cluster"] == cluster]
            order = frame.loc[members, "confidence"].sort_values(ascending=False, kind="stable").index
            with st.container(border=True, gap="small"):
                if len(members):
                    _picture(
                        run,
                        dataset,
                        order[:TYPICAL].to_numpy(),
                        f"typical samples of cluster {cluster}",
                        cluster,
                    )
                label = f"Cluster {cluster} · {len(members):,} sample{'s'[: len(members) != 1]}"
                name_field(run, found, "clusters", cluster, named.clusters.get(cluster, ""), label)


def _picture(run, dataset, rows: np.ndarray, about: str, cluster: int | None = None) -> None:
    """Samples as a strip of pictures, or as rows of a table."""
    if dataset.kind == "image":
        band = None if cluster is None else interactive.colour(cluster)
        st.image(
            sheet(run.id, run.ended, tuple(rows.tolist()), band, dataset),
            width=ALONE if len(rows) == 1 else "stretch",
            alt=about.capitalize(),
        )
    else:
        st.dataframe(
            dataset.table(rows), hide_index=True, height=110 if len(rows) > 1 else 73, alt=about.capitalize()
        )


@st.cache_data(show_spinner=False, max_entries=400)
def sheet(run_id: str, ended: float | None, rows: tuple[int, ...], band: str | None, _dataset) -> np.ndarray:
    """A strip of samples."""
    return interactive.image_sheet(_dataset.values(np.array(rows)), len(rows), tile=48, band=band)


def _samples(run, found, dataset, named, result, naming) -> None:
    """Single samples: those that have a name, those asked for by number, and those worth naming."""
    frame = found.labels
    clusters, confidence = frame["cluster"].to_numpy(), frame["confidence"].to_numpy()
    asked = f"few_asked_{run.id}"
    if asked not in st.session_state:
        worth = naming.worth_naming(result, clusters, confidence, SUGGESTED)
        st.session_state[asked] = [
            *named.samples,
            *(int(one) for one in worth if int(one) not in named.samples),
        ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(
            "**Samples**", width="content", help="Naming these tells most: they are typical, or least sure."
        )
        st.space("stretch")
        number = f"few_number_{run.id}"
        st.text_input(
            "Add by number",
            key=number,
            width=150,
            placeholder=f"0 to {len(frame) - 1:,}",
            on_change=add,
            args=(asked, number, len(frame)),
        )
        st.button(
            "Suggest others", icon=":material/lightbulb:", key="few_others", on_click=others, args=(asked,)
        )
    words = result.words()
    with st.grid(4, min_column_width=190):
        for sample in st.session_state[asked]:
            with st.container(border=True, gap="small", key=f"few_card_{sample}"):
                _picture(run, dataset, np.array([sample]), f"sample {sample}")
                known = (
                    f"“{widgets.plain(words[sample])}”, {result.sure[sample]:.0%} sure"
                    if words[sample]
                    else "no name yet"
                )
                st.caption("named by hand" if result.given[sample] else known)
                label = f"Sample {sample} · cluster {clusters[sample]}"
                name_field(run, found, "samples", sample, named.samples.get(sample, ""), label)


def add(asked: str, number: str, count: int) -> None:
    """Put a sample asked for by its number first."""
    text = st.session_state[number].strip()
    if not (text.isascii() and text.isdigit() and int(text) < count):
        st.toast(f"The samples are numbered from 0 to {count - 1:,}.", icon=":material/error:")
        return
    st.session_state[asked] = list(dict.fromkeys([int(text), *st.session_state[asked]]))
    st.session_state[number] = ""


def others(asked: str) -> None:
    """Have the suggestions made anew, by the names that there are now."""
    st.session_state.pop(asked, None)


# What came of it --------------------------------------------------------------------------------------------


def _coverage(run, found, named, result, naming) -> float:
    """How many samples have a name and how sure it is, on the map and in a table; the certainty asked for."""
    key = f"few_least_{run.id}"
    st.session_state.setdefault(key, 0.8)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        least = st.slider(
            "Sure enough from",
            0.5,
            1.0,
            step=0.05,
            key=key,
            width=220,
            persist_state="session",
            help="A name's share of all that reaches a sample, no name included. Below it a sample stays unnamed.",
        )
    covered = result.covered(least)
    with st.grid(4, min_column_width=130):
        st.metric(
            "Samples with a name", f"{covered.mean():.1%}", help=f"{covered.sum():,} of {len(covered):,}."
        )
        st.metric("Names", len(result.names))
        mean = f"{result.sure[covered].mean():.0%}" if covered.any() else "–"
        st.metric("Mean certainty", mean, help="Of the samples with a name.")
        if "label" in found.labels:
            right = naming.agreement(result, found.labels["label"].to_numpy(), least)
            if right is not None:
                st.metric(
                    "Agrees with the labels",
                    f"{right:.1%}",
                    help="For evaluation only: of the samples that were not named by hand. Labels take no part.",
                )
    if result.names:
        with st.grid(2, min_column_width=320):
            with st.container(border=True):
                _map(found, result, least)
            _table(named, result, least)
    return least


def _map(found, result, least: float) -> None:
    """The latent map, coloured by name."""
    rows = interactive.drawn(len(result.name), DRAWN)
    groups = np.where(result.covered(least), result.name, -1)[rows]
    names = dict(enumerate(result.names)) | {-1: "no name"}
    colours = {place: interactive.colour(place) for place in range(len(result.names))} | {-1: NOBODY}
    words = result.words()[rows]
    hover = [
        f"sample {row}\n{word or 'no name'}, {sure:.0%} sure"
        for row, word, sure in zip(rows, words, result.sure[rows], strict=True)
    ]
    figure = interactive.group_map(
        np.asarray(found.latent_map)[rows],
        groups,
        names,
        hover,
        title="Names on the latent map",
        colours=colours,
    )
    figure.update_layout(height=360)
    st.plotly_chart(
        figure, key="few_map", alt="The latent map, coloured by the names", config={"displaylogo": False}
    )


def _table(named, result, least: float) -> None:
    """A row a name."""
    counts, covered = result.counts(least), result.covered(least)
    rows = []
    for place, name in enumerate(result.names):
        own = covered & (result.name == place)
        by_hand = sum(word == name for word in [*named.clusters.values(), *named.samples.values()])
        rows.append(
            {
                "Name": name,
                "Samples": counts[name],
                "Given by hand": by_hand,
                "Mean certainty": float(result.sure[own].mean()) if own.any() else None,
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="few_table",
        height=min(38 + 35 * len(rows), 360),
        alt="How far each name reaches",
        column_config={
            "Samples": st.column_config.NumberColumn(format="localized"),
            "Given by hand": st.column_config.NumberColumn(help="Clusters and samples that you called so."),
            "Mean certainty": st.column_config.NumberColumn(format="percent"),
        },
    )


def _take_away(run, found, named, result, least: float) -> None:
    """The labels as files, and a way to begin anew."""
    nothing = not result.names
    with st.container(horizontal=True):
        st.download_button(
            "named.csv",
            data=lambda: named_csv(found, named, result, least),
            file_name="named.csv",
            mime="text/csv",
            icon=":material/download:",
            key="few_csv",
            disabled=nothing,
            on_click="ignore",
            help="id, label, certainty and where the label comes from; one row a sample, in the input's order.",
        )
        st.download_button(
            "labels.npy",
            data=lambda: labels_npy(result, least),
            file_name="labels.npy",
            mime="application/octet-stream",
            icon=":material/download:",
            key="few_npy",
            disabled=nothing,
            on_click="ignore",
            help='The labels alone as a NumPy array of words, to be the labels of this data; "" without a name.',
        )
        st.button(
            "Forget all names",
            icon=":material/delete:",
            key="few_forget",
            disabled=not (named.clusters or named.samples),
            on_click=forget,
            args=(run, found),
        )


def named_csv(found, named, result, least: float) -> bytes:
    """named.csv: id, label ("" below `least`), certainty, and source ("sample", "cluster", "spread" or "")."""
    return csv_bytes(questions.named_frame(found, named, result, least))


def labels_npy(result, least: float) -> bytes:
    """The labels, (n,) of words, as a NumPy file without pickles."""
    content = io.BytesIO()
    np.save(content, result.words(least), allow_pickle=False)
    return content.getvalue()

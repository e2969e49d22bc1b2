"""Clusters without training, on the Data and the Train page: a first answer, computed in a thread of the server.

The answers belong to the server, by data set, number of clusters and seed, so that both pages, and a page that was left
and opened again, show the same ones. The graph of the newest data set is kept too: another number of clusters needs
only another cut of it.
"""

from __future__ import annotations

import threading

import streamlit as st

from dsc_core.analysis.untrained import SOURCES, source_of
from dsc_core.config import KNOBS
from dsc_core.runs import untrained as answers
from pages.shared import formatting, jobs, knobs, links, state
from pages.shared.train import time_here

TITLE = "Clusters without training"
ABOUT = (
    "A first answer: the graph of a fixed description of the samples is cut as a run cuts the graph of its latent "
    "codes. Nothing is learned. A run takes longer; it found better clusters of most image sets that were measured, "
    "and not always of small tables."
)
ICON = ":material/bolt:"
WAITING, WAIT = "Waiting for another graph to be built", 0.3  # seconds between two looks
KEY = "untrained_clusters"  # of the number of clusters on the Data page


def on_data(dataset, key: str) -> None:
    """The section of the Data page: the number of clusters, the button, and what was found."""
    if st.session_state.get("untrained_for") != key:
        st.session_state["untrained_for"] = key
        chosen = st.session_state.get(knobs.key_of("clusters"))
        known = chosen is not None and st.session_state.get("knobs_for") == key
        st.session_state[KEY] = int(chosen) if known else knobs.offered_clusters(dataset)
    knob = KNOBS["clusters"]
    with st.container(border=True, key="untrained"):
        st.markdown(f"**{TITLE}**", help=ABOUT)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            clusters = st.number_input(
                knob.title, int(knob.low), int(knob.high), key=KEY, width=140, persist_state="session"
            )
            asked = _seeded(key, int(clusters))
            _button(dataset, *asked)
        _answer(dataset, *asked, train=True)


def on_train(dataset, key: str) -> None:
    """The same in the form of the Train page, closed at first, for its number of clusters and its seed."""
    clusters = st.session_state.get(knobs.key_of("clusters"), KNOBS["clusters"].default)
    asked = _seeded(key, int(clusters))
    section = st.expander(
        TITLE,
        icon=ICON,
        key="untrained_section",
        on_change="rerun",
        expanded=jobs.running(_prefix(key)) is not None,
    )
    if section.open:
        with section:
            _button(dataset, *asked)
            _answer(dataset, *asked, train=False)


def _seeded(key: str, clusters: int) -> tuple[str, int, int]:
    """What is asked: the key of the data set, the number of clusters, and the seed of the form for training."""
    return key, clusters, int(st.session_state.get(knobs.key_of("seed"), KNOBS["seed"].default))


def _prefix(key: str) -> str:
    """How the keys of the jobs of a data set begin."""
    return f"untrained_{key}_"


def job_of(key: str, clusters: int, seed: int) -> str:
    """The key of the job that finds these clusters."""
    return f"{_prefix(key)}{clusters}_{seed}"


def _asked_by(name: str, key: str) -> str:
    """What a job finds, in words, by its key."""
    clusters, seed = name.removeprefix(_prefix(key)).split("_")
    return f"{clusters} of them, seed {seed}"


def _button(dataset, key: str, clusters: int, seed: int) -> None:
    """The button that starts, and what it will take; nothing while it works, or once the clusters are there."""
    job = jobs.get(job_of(key, clusters, seed))
    if job is not None and (job.is_alive() or job.result is not None):
        return
    expected = expect(dataset, key, clusters, seed)
    st.button(TITLE, icon=ICON, key="find_untrained", on_click=start, args=(dataset, key, clusters, seed))
    how = f"{SOURCES[source_of(dataset.shape)]}; nothing is trained"
    words = f"{expected.words[0].upper()}{expected.words[1:]} here, {how}."
    st.caption(formatting.plain(words), width="stretch")


def expect(dataset, key: str, clusters: int, seed: int):
    """How long it takes on this computer, from what is known of it at present."""
    store = state.store()
    known = time_here.finished(store.home)
    return answers.expect(store.home, dataset, clusters, known, (key, seed) not in _graphs())


@st.cache_resource(show_spinner=False)
def _graphs() -> dict[tuple[str, int], answers.Graph]:
    """The graph of the newest data set, by its key and the seed."""
    return {}


@st.cache_resource(show_spinner=False)
def _building() -> threading.Lock:
    """Held while a graph is built: one at a time, in all sessions."""
    return threading.Lock()


def start(dataset, key: str, clusters: int, seed: int) -> None:
    """Start to find clusters. While another session builds the graph of these data, it waits for that graph."""
    plan, graphs, lock = expect(dataset, key, clusters, seed).plan, _graphs(), _building()

    def work(report) -> answers.Answer:
        answers.check(dataset, clusters)
        progress = answers.Progress(plan, report)
        while not lock.acquire(timeout=WAIT):
            report(WAITING, 0, 0)
        try:
            graph = graphs.get((key, seed))
            if graph is None:
                graph = answers.find_graph(dataset, seed, progress)
                graphs.clear()
                graphs[key, seed] = graph
        finally:
            lock.release()
        return answers.find(dataset, clusters, seed, progress, graph)

    jobs.start(job_of(key, clusters, seed), work)


def _answer(dataset, key: str, clusters: int, seed: int, train: bool) -> None:
    """The progress, the problem, or the clusters. train: with the button that leads to the Train page."""
    name = job_of(key, clusters, seed)
    if jobs.show_progress(name, "Cancel"):
        return
    if other := jobs.running(
        _prefix(key)
    ):  # asked for with another number or seed, here or in another session
        st.caption(f"Clusters of these data are being found: {_asked_by(other, key)}.")
        jobs.show_progress(other, "Cancel")
    job = jobs.get(name)
    if job is None:
        return
    if job.problem:
        st.error(formatting.plain(job.problem), icon=":material/error:")
    if job.result is not None:
        from pages.shared import untrained_result  # imported late: pandas takes long to load

        if untrained_result.draw(dataset, key, job.result, train):
            train_from_here(dataset, key, clusters)


def train_from_here(dataset, key: str, clusters: int) -> None:
    """Go to the form for training with the same data and the same number of clusters."""
    state.choose("run", None)
    knobs.set_initial_values(dataset, key)
    st.session_state[knobs.key_of("clusters")] = clusters
    st.switch_page(links.TRAIN, query_params={"data": key})

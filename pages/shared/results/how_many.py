"""How many clusters? Eigenvalues, stability and silhouettes over a range of K, on the latent as it is."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from dsc_core.plots import questions as charts
from dsc_core.runs import questions, queue
from pages.shared import jobs, state, widgets

TRAIN = "pages/views/train.py"
TITLES = {
    "eigengap": "the largest gap of the eigenvalues",
    "stability": "stability",
    "silhouette_latent": "the silhouette in the latent space",
    "silhouette_spectral": "the silhouette in the spectral space",
}
ABOUT = (
    "Nothing is trained for this: the graph of the run's latent is cut into more and fewer clusters. "
    "The figures need no labels, and are not accuracy."
)


def draw(run, found) -> None:
    """The section, closed at first; opened, it shows what is kept, or what is under way."""
    place = st.expander(
        "How many clusters?", icon=":material/stacked_line_chart:", key="how_many", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        st.caption(ABOUT)
        if not jobs.show(job_of(run.id)):
            st.fragment(_section)(run)


def job_of(run_id: str) -> str:
    """The key of the section's job."""
    return f"how_many_{run_id}"


def _section(run) -> None:
    from dsc_core.analysis import (
        choose_k as sweep,  # scikit-learn and PyTorch take seconds to load: not before they are wanted
    )

    jobs.follow()
    try:
        lowest, highest = sweep.limits(run.samples)
    except InputError as problem:
        st.info(widgets.plain(problem), icon=":material/info:")
        return
    job, kept = jobs.known(job_of(run.id)), None
    try:
        kept = questions.kept_sweep(run)
        problem = job.problem if job else ""
    except RunError as damage:
        problem = str(damage)
    if problem:
        st.error(widgets.plain(problem), icon=":material/error:")
    _ask(run, kept, lowest, highest)
    if kept is not None and kept.rows:
        _answer(run, kept, sweep)


# Asking -----------------------------------------------------------------------------------------------------


def _ask(run, kept, lowest: int, highest: int) -> None:
    """The range, and the button that begins."""
    key = f"how_many_range_{run.id}"
    high = min(highest, max(2 * run.clusters, 12))
    st.session_state.setdefault(key, (lowest, high))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        low, high = st.slider(
            "Clusters to look at",
            lowest,
            highest,
            key=key,
            width=320,
            persist_state="session",
            help="Each number takes about as long as the next; the highest decides how many eigenvalues are needed.",
        )
        known = {row.clusters for row in kept.rows} if kept else set()
        missing = [number for number in range(low, high + 1) if number not in known]
        word = "Compute" if not known else f"Compute {len(missing)} more"
        if missing:
            st.button(
                word,
                icon=":material/calculate:",
                key="how_many_go",
                type="primary" if not known else "secondary",
                on_click=begin,
                args=(run, low, high),
            )
    if kept and kept.left:
        some = f"{kept.left[0]} to {kept.left[-1]}" if len(kept.left) > 1 else f"{kept.left[0]}"
        st.caption(f"Stopped before {some} clusters; what was found until then stands below.")


def begin(run, low: int, high: int) -> None:
    """Begin to compute what is missing."""
    jobs.begin(job_of(run.id), lambda tell: questions.how_many(run, low, high, tell))


# Answering --------------------------------------------------------------------------------------------------


def _answer(run, kept, sweep) -> None:
    """The curves, what they favour, and the way on."""
    numbers = [row.clusters for row in kept.rows]
    votes = sweep.favoured(kept.values, kept.rows)
    st.markdown(verdict(votes, run.clusters))
    with st.grid(3, min_column_width=300):
        for name, option, about in _curves(run, kept, votes, numbers):
            with st.container(border=True):
                widgets.echart(option, height=240, key=f"how_many_{name}", alt=about)
    st.caption(
        "Stability: the mean adjusted Rand index between clusterings by k-means with other seeds on other "
        f"subsamples, compared on the same samples. Computed in {widgets.duration(kept.seconds)}, kept with the run."
    )
    _use(run, sweep.advised(votes) or run.clusters)


def _curves(run, kept, votes: dict[str, int], numbers: list[int]) -> list[tuple[str, dict, str]]:
    """(key, chart, what it shows in words) of the eigenvalues, the stability and the silhouettes."""
    lowest = [row.lowest for row in kept.rows]
    stability = {
        "mean": ([row.stability for row in kept.rows], interactive.colour(0)),
        "least alike pair": (lowest, interactive.MUTED),
    }
    silhouettes = {
        "latent": ([row.silhouette_latent for row in kept.rows], interactive.colour(0)),
        "spectral": ([row.silhouette_spectral for row in kept.rows], interactive.colour(2)),
    }
    gap, stable, compact = (votes.get(name) for name in ("eigengap", "stability", "silhouette_spectral"))
    bounds = (min(0.0, np.floor(min(lowest) * 5) / 5), 1.0)
    shown = charts.eigenvalues(kept.values[: numbers[-1] + 2], gap, run.clusters)
    stable_by = charts.by_clusters(numbers, stability, stable, run.clusters, "Stability", bounds)
    compact_by = charts.by_clusters(numbers, silhouettes, compact, run.clusters, "Silhouette")
    return [
        ("eigenvalues", shown, f"Eigenvalues of the graph; the largest gap comes after {gap}"),
        ("stability", stable_by, f"Stability by number of clusters, best at {stable}"),
        (
            "silhouettes",
            compact_by,
            f"Silhouettes by number of clusters, best at {compact} in the spectral space",
        ),
    ]


def verdict(votes: dict[str, int], present: int) -> str:
    """What the figures favour, in a sentence."""
    by_number: dict[int, list[str]] = {}
    for name, number in votes.items():
        by_number.setdefault(number, []).append(TITLES[name])
    most_first = sorted(by_number.items(), key=lambda pair: -len(pair[1]))
    parts = [f"**{number}** by {' and '.join(names)}" for number, names in most_first]
    if not parts:
        return "None of the figures is known for these numbers."
    return f"Favoured: {'; '.join(parts)}. This run has {present}."


def _use(run, advised: int) -> None:
    """A run with another K that keeps the latent."""
    key = f"use_clusters_{run.id}"
    st.session_state.setdefault(key, advised)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        clusters = st.number_input(
            "Clusters",
            2,
            min(int(KNOBS["clusters"].high), run.samples),
            key=key,
            width=140,
            persist_state="session",
        )
        pressed = st.button(
            "Use this K",
            icon=":material/call_split:",
            key="use_k",
            type="primary",
            help="Starts a run that keeps this latent: only the spectral network is taught anew, without stage 2.",
        )
    if not pressed:
        return
    try:
        run_id = use(run, int(clusters))
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return
    state.choose("run", run_id)
    st.switch_page(TRAIN, query_params={"run": run_id})


def use(run, clusters: int) -> str:
    """Make and queue the run; its id."""
    from dsc_core.runs.regroup import regroup

    run_id = regroup(state.store(), run.id, clusters)
    queue.enqueue(state.store(), run_id)
    return run_id

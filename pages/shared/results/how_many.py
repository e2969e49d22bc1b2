"""How many clusters? A slider through the tree of the clusters, and figures for a range of K from the latent codes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.errors import InputError, RunError
from dsc_core.plots import palette
from dsc_core.plots.choose_k_curves import curve_by_clusters, eigenvalue_curve
from dsc_core.runs import queue
from pages.shared import formatting, jobs, links, state, widgets
from pages.shared.results import cluster_slider

TITLES = {
    "eigengap": "the largest eigengap",
    "stability": "stability",
    "silhouette_latent": "the silhouette in the latent space",
    "silhouette_spectral": "the silhouette in the spectral space",
}
ABOUT = (
    "Other numbers of clusters without training: the graph of the run's latent codes is cut into more and fewer. The "
    "figures need no labels and do not measure accuracy."
)
ABOUT_OTHERS = (
    "From k-means into each number of clusters, on eigenvectors of the graph. Each number takes its time."
)
MIN_HIGHEST = 12  # of the range at first


def draw(run, results) -> None:
    """The section, closed at first; it shows saved results, or the progress of a computation."""
    section = st.expander(
        "How many clusters?", icon=":material/stacked_line_chart:", key="how_many", on_change="rerun"
    )
    if section.open:
        with section:
            st.caption(ABOUT)
            try:
                cluster_slider.draw(run, results)
            except (InputError, RunError) as problem:
                st.error(formatting.plain(problem), icon=":material/error:")
                return
            st.markdown("**Other figures**", help=ABOUT_OTHERS)
            if not jobs.show_progress(job_of(run.id)):
                st.fragment(_section)(run)


def job_of(run_id: str) -> str:
    """The key of the section's job."""
    return f"how_many_{run_id}"


def _section(run) -> None:
    from dsc_core.analysis import choose_k  # imported late: scikit-learn and PyTorch take seconds to load
    from dsc_core.runs.artifacts import choose_k_sweep

    jobs.rerun_if_started()
    try:
        limits = choose_k.limits(run.samples)
    except InputError as problem:
        st.info(formatting.plain(problem), icon=":material/info:")
        return
    job, sweep = jobs.get(job_of(run.id)), None
    try:
        sweep = choose_k_sweep.read_sweep(run)
        problem = job.problem if job else ""
    except RunError as damage:
        problem = str(damage)
    if problem:
        st.error(formatting.plain(problem), icon=":material/error:")
    _form(run, sweep, *limits)
    if sweep is not None and sweep.rows:
        _results(run, sweep, choose_k)


# Computing ------------------------------------------------------------------------------------------------


def _form(run, sweep, lowest: int, highest: int) -> None:
    """The range of K, and the button that starts."""
    key = f"how_many_range_{run.id}"
    st.session_state.setdefault(key, (lowest, min(highest, max(2 * run.clusters, MIN_HIGHEST))))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        low, high = st.slider(
            "Numbers of clusters",
            lowest,
            highest,
            key=key,
            width=320,
            persist_state="session",
            help="Each number takes about the same time. The highest one decides how many eigenvalues are computed.",
        )
        computed = {row.clusters for row in sweep.rows} if sweep else set()
        missing = [number for number in range(low, high + 1) if number not in computed]
        if missing:
            st.button(
                f"Compute {len(missing)} more" if computed else "Compute",
                icon=":material/calculate:",
                key="how_many_go",
                type="secondary" if computed else "primary",
                on_click=start,
                args=(run, low, high),
            )
    if sweep and sweep.missing:
        numbers = (
            f"{sweep.missing[0]} to {sweep.missing[-1]}" if len(sweep.missing) > 1 else f"{sweep.missing[0]}"
        )
        st.caption(f"Stopped before {numbers} clusters. The results so far are shown below.")


def start(run, low: int, high: int) -> None:
    """Start to compute the missing numbers."""
    from dsc_core.runs.artifacts import choose_k_sweep

    jobs.start(job_of(run.id), lambda report: choose_k_sweep.compute_sweep(run, low, high, report))


# Results --------------------------------------------------------------------------------------------------


def _results(run, sweep, choose_k) -> None:
    """The curves, the numbers they favour, and a run with another K."""
    votes = choose_k.best_by_figure(sweep.values, sweep.rows)
    st.markdown(verdict(votes, run.clusters))
    with st.grid(3, min_column_width=300):
        for name, chart, about in _curves(run, sweep, votes):
            with st.container(border=True):
                widgets.echart(chart, height=240, key=f"how_many_{name}", alt=about)
    st.caption(
        "Stability is the mean adjusted Rand index between k-means clusterings with different seeds on different "
        f"subsets, compared on their common samples. Computed in {formatting.duration(sweep.seconds)} and saved with "
        "the run."
    )
    _use_number(run, choose_k.recommend(votes) or run.clusters)


def _curves(run, sweep, votes: dict[str, int]) -> list[tuple[str, dict, str]]:
    """(key, chart, alternative text) of the eigenvalues, the stability and the silhouettes."""
    rows = sweep.rows
    numbers, lowest = [row.clusters for row in rows], [row.lowest for row in rows]
    stability = {
        "mean": ([row.stability for row in rows], palette.colour(0)),
        "lowest pair": (lowest, palette.MUTED),
    }
    silhouettes = {
        "latent": ([row.silhouette_latent for row in rows], palette.colour(0)),
        "spectral": ([row.silhouette_spectral for row in rows], palette.colour(2)),
    }
    gap, stable, compact = (votes.get(name) for name in ("eigengap", "stability", "silhouette_spectral"))
    bounds = (min(0.0, np.floor(min(lowest) * 5) / 5), 1.0)
    current = run.clusters
    return [
        (
            "eigenvalues",
            eigenvalue_curve(sweep.values[: numbers[-1] + 2], gap, current),
            f"Eigenvalues of the graph; the largest gap follows number {gap}",
        ),
        (
            "stability",
            curve_by_clusters(numbers, stability, stable, current, "Stability", bounds),
            f"Stability by number of clusters, highest at {stable}",
        ),
        (
            "silhouettes",
            curve_by_clusters(numbers, silhouettes, compact, current, "Silhouette"),
            f"Silhouettes by number of clusters, highest at {compact} in the spectral space",
        ),
    ]


def verdict(votes: dict[str, int], current: int) -> str:
    """The favoured numbers of clusters in a sentence."""
    by_number: dict[int, list[str]] = {}
    for name, number in votes.items():
        by_number.setdefault(number, []).append(TITLES[name])
    most_first = sorted(by_number.items(), key=lambda pair: -len(pair[1]))
    parts = [f"**{number}** by {' and '.join(names)}" for number, names in most_first]
    if not parts:
        return "These numbers of clusters cannot be compared."
    return f"Favoured number of clusters: {'; '.join(parts)}. This run has {current}."


def _use_number(run, advised: int) -> None:
    """Start a run with another K from the same latent codes."""
    key = f"use_clusters_{run.id}"
    st.session_state.setdefault(key, advised)
    highest = min(int(KNOBS["clusters"].high), run.samples)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        clusters = st.number_input("Clusters", 2, highest, key=key, width=140, persist_state="session")
        pressed = st.button(
            "Use this number",
            icon=":material/call_split:",
            key="use_k",
            type="primary",
            help="Starts a run with the same latent codes. Only the spectral network is trained again, without "
            "stage 2.",
        )
    if pressed:
        try:
            run_id = queue_with_clusters(run, int(clusters))
        except (InputError, RunError) as problem:
            st.error(formatting.plain(problem), icon=":material/error:")
            return
        state.choose("run", run_id)
        st.switch_page(links.TRAIN, query_params={"run": run_id})


def queue_with_clusters(run, clusters: int) -> str:
    """Create and queue a run with the same latent codes and another K; its id."""
    from dsc_core.runs.regroup import regroup

    run_id = regroup(state.store(), run.id, clusters)
    queue.enqueue(state.store(), run_id)
    return run_id

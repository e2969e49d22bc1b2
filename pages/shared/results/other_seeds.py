"""Agreement with other runs on the same data set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import run_agreement
from dsc_core.errors import InputError, RunError
from dsc_core.plots.bars import bars
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.runs import queue, related_runs
from pages.shared import choices, formatting, state, widgets

SHOWN = 24  # of the least stable samples
RUNS_BY_DEFAULT = 8  # compared at first: more make the shares finer and the page slower
MORE_SEEDS = 2  # runs that the button adds


def draw(run, results) -> None:
    """A choice of other runs, and how far their clusters agree with this run's."""
    st.markdown(
        "**Do other runs find the same clusters?**",
        help="Clusters of other runs on the same data set are matched one to one with the clusters of this run.",
    )
    others = {other.id: other for other in related_runs.same_dataset(state.store(), run)}
    if not others:
        st.caption(
            "There are no other finished runs on this data set. Runs with other seeds show which clusters are stable."
        )
        _more_seeds_button(run, results)
        return
    chosen = _choose(run, others)
    _more_seeds_button(run, results)
    readable, clusters = [], []
    for run_id in chosen:
        try:
            clusters.append(related_runs.clusters_of(others[run_id], len(results.labels)))
            readable.append(others[run_id])
        except RunError as problem:
            st.error(formatting.plain(problem), icon=":material/error:")
    if readable:
        _agreement(results, readable, clusters)


def _choose(run, others: dict) -> list[str]:
    """The ids of the runs to compare with."""
    key = f"trust_runs_{run.id}"
    if key not in st.session_state:
        seeds = [run_id for run_id, other in others.items() if related_runs.same_but_seed(run, other)]
        # With another number of clusters most samples must change: such a run is compared on request only.
        same_count = [run_id for run_id, other in others.items() if other.clusters == run.clusters]
        st.session_state[key] = (seeds or same_count)[:RUNS_BY_DEFAULT]
    st.session_state[key] = [run_id for run_id in st.session_state[key] if run_id in others]
    titles = choices.labels(others, lambda run_id: _describe(run, others[run_id]))
    return st.multiselect(
        "Runs to compare",
        list(others),
        key=key,
        persist_state="session",
        placeholder="Select runs",
        format_func=lambda run_id: titles.get(run_id, run_id),
    )


def _describe(run, other) -> str:
    """Another run's name, and how it differs."""
    if related_runs.same_but_seed(run, other):
        return f"{other.name} (seed {other.config.seed})"
    difference = f"K = {other.clusters}" if other.clusters != run.clusters else f"seed {other.config.seed}"
    return f"{other.name} ({difference}, other settings)"


def _more_seeds_button(run, results) -> None:
    """A button that trains the same settings with other seeds."""
    if st.button(
        f"Train {MORE_SEEDS} more seeds",
        icon=":material/casino:",
        key="more_seeds",
        help="Queues runs with the same settings and other seeds.",
    ):
        try:
            seeds = ", ".join(str(seed) for seed in queue_more_seeds(run, results))
            st.success(f"Queued runs with seeds {seeds}. See the Runs page.", icon=":material/check:")
        except (InputError, RunError) as problem:
            st.error(formatting.plain(problem), icon=":material/error:")


def queue_more_seeds(run, results) -> list[int]:
    """Queue runs like this one with the smallest seeds that no run on the data set has yet; the seeds."""
    store = state.store()
    key = run.dataset.get("key")
    used = {run.config.seed, *(o.config.seed for o in store.list() if o.dataset.get("key") == key)}
    seeds = [seed for seed in range(len(used) + MORE_SEEDS) if seed not in used][:MORE_SEEDS]
    for seed in seeds:
        queue.enqueue(store, store.create(results.dataset, run.config.replace(seed=seed)))
    return seeds


def _agreement(results, others, clusters: list[np.ndarray]) -> None:
    """The share of samples that keep their cluster, by run, by cluster and by sample."""
    own = results.labels["cluster"].to_numpy()
    changed = run_agreement.changed(own, clusters)
    shares = changed.mean(0)
    runs = f"all {len(others)} runs" if len(others) > 1 else "the other run"
    st.markdown(
        f"**{(shares == 0).mean():.1%}** of the samples are in the same cluster in {runs}. "
        f"On average, a sample changes its cluster in {shares.mean():.1%} of the runs."
    )
    with st.grid(2, min_column_width=320):
        _runs_table(own, others, clusters, changed)
        by_cluster = pd.DataFrame({"cluster": own, "share": shares}).groupby("cluster")["share"].mean()
        with st.container(border=True):
            st.caption("Share of changes by cluster")
            names = [str(cluster) for cluster in by_cluster.index]
            chart = bars(names, by_cluster.round(4).to_numpy(), maximum=1)
            widgets.echart(chart, height=190, key="trust_clusters", alt="Share of changes by cluster")
    _least_stable(results, shares)


def _runs_table(own: np.ndarray, others, clusters: list[np.ndarray], changed: np.ndarray) -> None:
    """The agreement with each other run."""
    from dsc_core.analysis import metrics

    rows = [
        {
            "Run": other.name,
            "Seed": other.config.seed,
            "K": other.clusters,
            "Same cluster": 1 - moved.mean(),
            "ARI": metrics.scores(own, theirs)["ari"],
        }
        for other, moved, theirs in zip(others, changed, clusters, strict=True)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="trust_table",
        alt="Agreement with each other run",
        column_config={
            "Same cluster": st.column_config.NumberColumn(format="percent"),
            "ARI": st.column_config.NumberColumn(format="%.3f"),
        },
    )


def _least_stable(results, shares: np.ndarray) -> None:
    """The samples that change most often, as images or rows of a table."""
    frame = results.labels
    samples = run_agreement.least_stable(shares, frame["confidence"].to_numpy(), SHOWN)
    if not len(samples):
        return
    st.caption(f"The {len(samples)} least stable samples, with the share of runs in which each one changes")
    try:
        dataset = results.dataset
    except RunError as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return
    if dataset.kind == "image":
        with st.grid(12, min_column_width=64, gap="xsmall"):
            for sample, image in zip(samples, dataset.values(samples), strict=True):
                share = f"{shares[sample]:.0%}"
                about = f"Sample {sample}, cluster {frame['cluster'].iat[sample]}, changes in {share}"
                st.image(image_sheet(image[None], 1, tile=64), width="stretch", caption=share, alt=about)
    else:
        known = pd.DataFrame({"id": frame["id"].iloc[samples].to_numpy(), "changes": shares[samples]})
        table = pd.concat([known, dataset.table(samples)], axis=1)
        table = table.loc[:, ~table.columns.duplicated()]
        config = {"changes": st.column_config.NumberColumn(format="percent")}
        st.dataframe(table, hide_index=True, height=260, key="least_stable", column_config=config)

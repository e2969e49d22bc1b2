"""What can I trust? Calibration, samples that change cluster between runs, and warnings about clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.analysis import calibration
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from dsc_core.plots import questions as charts
from dsc_core.runs import questions, queue
from pages.shared import jobs, state, widgets

SHOWN = 24  # of the least stable samples
MOST_RUNS = 8  # compared by default: more make the shares finer and the page slower
MORE_SEEDS = 2  # runs that the button adds
SIGNS = {
    "collapsed": ":material/error:",
    "empty": ":material/do_not_disturb_on:",
    "tiny": ":material/warning:",
    "mixed": ":material/join:",
    "loose": ":material/grain:",
}


def draw(run, found) -> None:
    """The section, closed at first."""
    place = st.expander("What can I trust?", icon=":material/verified:", key="trust", on_change="rerun")
    if not place.open:
        return
    with place:
        key = graph_job(run)
        if not jobs.show(key):
            st.fragment(_section)(run, found)


def graph_job(run) -> str:
    """The key of the job that builds the graph: a run that was trained on is another one."""
    return f"graph_{run.id}_{int(run.ended or 0)}"


def _section(run, found) -> None:
    jobs.follow()
    _warnings(run, found)
    if "label" in found.labels:
        _calibration(found)
    _seeds(run, found)


# Warnings ---------------------------------------------------------------------------------------------------


def _warnings(run, found) -> None:
    """Plain sentences about clusters that are collapsed, empty, tiny, mixed or loose."""
    st.markdown(
        "**Clusters to look at**", help="Rules that need no labels: sizes, silhouettes and the graph."
    )
    key = graph_job(run)
    job = jobs.known(key)
    if job is None:
        job = jobs.begin(key, lambda tell: questions.graph_of(run, tell))
        jobs.follow()
    if job.problem or job.stopped:
        told = job.problem or "The graph of this run was not built, so that overlaps are not looked at."
        st.warning(widgets.plain(told), icon=":material/warning:")
        st.button(
            "Try again", key="graph_again", icon=":material/refresh:", on_click=jobs.forget, args=(key,)
        )
    try:
        told = warned(run.id, run.ended, job.result is not None, found, job.result)
    except RunError as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return
    if not told:
        st.success(
            "No cluster is collapsed, empty, tiny, mixed or loose by these rules.", icon=":material/check:"
        )
    for one in told:
        st.markdown(f"{SIGNS[one.kind]} {widgets.plain(one.sentence)}")


@st.cache_data(show_spinner="Looking at the clusters", max_entries=16)
def warned(run_id: str, ended: float | None, with_graph: bool, _found, _affinity) -> list[calibration.Warned]:
    """The warnings of a run; RunError where its spectral coordinates cannot be read."""
    clusters = _found.labels["cluster"].to_numpy()
    spectral = questions.spectral_of(_found.run)
    known = calibration.signs(clusters, _found.run.clusters, spectral, _affinity, _found.run.config.seed)
    return calibration.warnings(known)


# Calibration ------------------------------------------------------------------------------------------------


def _calibration(found) -> None:
    """The reliability diagram and what it says, for evaluation only."""
    frame = found.labels
    st.markdown(
        "**Is the confidence honest?** :gray-badge[evaluation only]",
        help="Samples by their confidence, and how many of them are in the cluster matched with their class.",
    )
    right = calibration.right_ones(frame["label"].to_numpy(), frame["cluster"].to_numpy())
    known = calibration.calibration(right, frame["confidence"].to_numpy())
    with st.grid(2, min_column_width=320, vertical_alignment="center"):
        with st.container(border=True):
            option = charts.reliability(known.edges, known.confidence, known.accuracy, known.counts)
            about = f"Reliability diagram; expected calibration error {known.error:.3f}"
            widgets.echart(option, height=260, key="reliability", alt=about)
        with st.container():
            st.metric(
                "Expected calibration error",
                f"{known.error:.3f}",
                help="The mean distance between confidence and the share that is right, over ten bins. 0 is honest.",
            )
            st.markdown(judged(known, len(frame)))


def judged(known: calibration.Calibration, count: int) -> str:
    """What the calibration says, in words."""
    sure, total = known.counts[-1], f"{known.counts[-1]:,} of {count:,} samples"
    told = f"In the last bin, confidence above {known.edges[-2]:.1f}, lie {total}"
    told += f", of which {known.accuracy[-1]:.1%} are right. " if sure else ". "
    if abs(known.lean) < 0.02:
        return told + "On the whole the confidence says how often it is right."
    much = f"{abs(known.lean):.1%}"
    return told + (
        f"On the whole it is **too sure** by {much}."
        if known.lean > 0
        else f"On the whole it is **too modest** by {much}."
    )


# Other runs -------------------------------------------------------------------------------------------------


def _seeds(run, found) -> None:
    """How samples fare in other runs of the same data set."""
    st.markdown(
        "**Do the clusters come back in other runs?**",
        help="Clusters of other runs on the same data set are matched one to one with these.",
    )
    others = {other.id: other for other in questions.siblings(state.store(), run)}
    if not others:
        st.caption(
            "There is no other run with results on this data set yet. Other seeds tell what is chance."
        )
        _more_seeds(run, found)
        return
    key = f"trust_runs_{run.id}"
    if key not in st.session_state:
        seeds = [one for one, other in others.items() if questions.same_but_seed(run, other)]
        # Of a run with another number of clusters most samples must change: it is compared when asked for.
        alike = [one for one, other in others.items() if other.clusters == run.clusters]
        st.session_state[key] = (seeds or alike)[:MOST_RUNS]
    st.session_state[key] = [one for one in st.session_state[key] if one in others]  # some may be deleted
    chosen = st.multiselect(
        "Runs to compare with",
        list(others),
        key=key,
        persist_state="session",
        placeholder="Choose runs",
        format_func=lambda one: described(run, others[one]) if one in others else one,
    )
    _more_seeds(run, found)
    clusters, read = [], []
    for one in chosen:
        try:
            clusters.append(questions.clusters_of(others[one], len(found.labels)))
            read.append(others[one])
        except RunError as problem:
            st.error(widgets.plain(problem), icon=":material/error:")
    if read:
        _compared(run, found, read, clusters)


def described(run, other) -> str:
    """Another run as a choice: its name, and how it differs."""
    if questions.same_but_seed(run, other):
        return f"{other.name} (seed {other.config.seed})"
    differs = f"K = {other.clusters}" if other.clusters != run.clusters else f"seed {other.config.seed}"
    return f"{other.name} ({differs}, other settings)"


def _more_seeds(run, found) -> None:
    """A button that trains the same with other seeds."""
    if st.button(
        f"Train {MORE_SEEDS} more seeds",
        icon=":material/casino:",
        key="more_seeds",
        help="Puts runs with these very settings and other seeds into the queue.",
    ):
        try:
            started = more_seeds(run, found)
            told = ", ".join(str(seed) for seed in started)
            st.success(f"In the queue: seeds {told}. See the Runs page.", icon=":material/check:")
        except (InputError, RunError) as problem:
            st.error(widgets.plain(problem), icon=":material/error:")


def more_seeds(run, found) -> list[int]:
    """Queue runs like this one with seeds that none like it has yet; the seeds."""
    store = state.store()
    taken = {run.config.seed}
    taken |= {
        other.config.seed for other in store.list() if other.dataset.get("key") == run.dataset.get("key")
    }
    seeds = [seed for seed in range(len(taken) + MORE_SEEDS) if seed not in taken][:MORE_SEEDS]
    for seed in seeds:
        queue.enqueue(store, store.create(found.dataset, run.config.replace(seed=seed)))
    return seeds


def _compared(run, found, others, clusters: list[np.ndarray]) -> None:
    """The share of changes, by run and by sample."""
    from dsc_core.analysis import metrics

    frame = found.labels
    own = frame["cluster"].to_numpy()
    moved = calibration.changed(own, clusters)
    shares = moved.mean(0)
    rows = [
        {
            "Run": other.name,
            "Seed": other.config.seed,
            "K": other.clusters,
            "Same cluster": 1 - away.mean(),
            "ARI": metrics.scores(own, them)["ari"],
        }
        for other, away, them in zip(others, moved, clusters, strict=True)
    ]
    always = (shares == 0).mean()
    st.markdown(
        f"**{always:.1%}** of the samples stay in their cluster in {'all' if len(others) > 1 else 'that'} "
        f"{len(others) if len(others) > 1 else ''} run{'s'[: len(others) != 1]}; "
        f"a sample changes in {shares.mean():.1%} of the runs on average."
    )
    with st.grid(2, min_column_width=320):
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
        by_cluster = pd.DataFrame({"cluster": own, "share": shares}).groupby("cluster")["share"].mean()
        names = [str(cluster) for cluster in by_cluster.index]
        with st.container(border=True):
            st.caption("Share of changes in each cluster")
            option = interactive.bars(names, by_cluster.round(4).to_numpy(), most=1)
            widgets.echart(option, height=190, key="trust_clusters", alt="Share of changes by cluster")
    _least_stable(found, shares)


def _least_stable(found, shares: np.ndarray) -> None:
    """The samples that change most, as pictures or rows."""
    frame = found.labels
    places = calibration.least_stable(shares, frame["confidence"].to_numpy(), SHOWN)
    if not len(places):
        return
    st.caption(f"The {len(places)} least stable samples, with the share of runs in which each changes")
    try:
        dataset = found.dataset
    except RunError as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return
    if dataset.kind == "image":
        with st.grid(12, min_column_width=64, gap="xsmall"):
            for place, picture in zip(places, dataset.values(places), strict=True):
                st.image(
                    interactive.image_sheet(picture[None], 1, tile=64),
                    width="stretch",
                    caption=f"{shares[place]:.0%}",
                    alt=f"Sample {place}, cluster {frame['cluster'].iat[place]}, changes in {shares[place]:.0%}",
                )
    else:
        facts = pd.DataFrame({"id": frame["id"].iloc[places].to_numpy(), "changes": shares[places]})
        table = pd.concat([facts, dataset.table(places)], axis=1)
        table = table.loc[:, ~table.columns.duplicated()]
        config = {"changes": st.column_config.NumberColumn(format="percent")}
        st.dataframe(table, hide_index=True, height=260, key="least_stable", column_config=config)

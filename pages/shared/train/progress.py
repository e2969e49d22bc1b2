"""What changes while a run trains: progress, curves, cluster sizes, scores and notes."""

from __future__ import annotations

import time
from itertools import groupby

import pandas as pd
import streamlit as st

from dsc_core.analysis.live_metrics import LIVE_METRICS, LiveMetric
from dsc_core.errors import InputError
from dsc_core.plots import palette
from dsc_core.plots.bars import bars
from dsc_core.plots.curves import curve
from pages.shared import formatting, noise_explorer, state, widgets
from pages.shared.train import branching, curves, figures, history, steering

# (age, seconds between two updates up to that age); age: seconds since the run started or was last steered. Drawing
# takes time from training.
INTERVALS = ((30, 2.0), (120, 5.0), (float("inf"), 10.0))
NOTES = 50  # the newest ones that are listed


def requests(run) -> frozenset[str]:
    """The requests in force for a running run: "pause", "stop"."""
    return state.store().requests_in_force(run.id) if run.status == "running" else frozenset()


def signature(run, requests: frozenset[str], past: history.History) -> tuple:
    """What the whole page depends on; where it changes, the page is drawn again."""
    branchable = run.status == "running" and bool(branching.branchable(run))
    begun = past.latest is not None
    return run.phase, run.started, requests, noise_explorer.available(run), branchable, begun, interval(run)


def interval(run) -> float | None:
    """Seconds until the next update, None once the run has ended."""
    if run.finished:
        return None
    age = time.time() - max(run.started or time.time(), st.session_state.get("steered", 0.0))
    return next(seconds for limit, seconds in INTERVALS if age < limit)


def live(run_id: str, metrics, badge, options: curves.CurveOptions, drawn: tuple) -> None:
    """The fragment that is drawn again every few seconds; the whole page is, where `drawn` is out of date.

    The figures go into `metrics` and the badge of the settings into `badge`: both stand above controls, which must
    not be part of what is drawn again.
    """
    try:
        run = state.store().get(run_id)
    except InputError:  # deleted in another session
        st.rerun()
    pending, past = requests(run), history.history(run)
    if signature(run, pending, past) != drawn:
        st.rerun()
    paused = "pause" in pending
    with metrics:
        figures.draw(run, past, paused)
    if badge is not None:
        steering.difference_badge(badge, run, past)
    if past.latest is None or run.status == "queued":
        st.caption(formatting.plain(figures.no_curves_yet(run, paused)))
    if past.latest is None:
        return
    warnings = [message for level, message in past.notes if level != "info"]
    if warnings and not run.finished:
        st.warning(formatting.plain(warnings[-1]), icon=":material/warning:")
    curves.draw(run, past, options)
    with st.grid(2, min_column_width=320):
        _cluster_sizes(past)
        _scores(past)
    _notes(past)


def _cluster_sizes(past) -> None:
    """Samples per cluster, as last evaluated."""
    if not past.sizes:
        return
    with st.container(border=True):
        st.markdown("**Cluster sizes**", help="Samples per cluster at the latest evaluation.")
        names = [str(cluster) for cluster in range(len(past.sizes))]
        widgets.echart(bars(names, past.sizes), height=230, key="sizes", alt="Samples per cluster")


def _scores(past) -> None:
    """The live metrics by epoch: one chart for each range of values, those that need labels apart."""
    frame = pd.DataFrame(past.scores)
    metrics = [metric for metric in LIVE_METRICS.values() if metric.name in frame]
    for position, (_, group) in enumerate(
        groupby(metrics, key=lambda metric: (metric.needs_labels, metric.bounds))
    ):
        _score_chart(frame, list(group), "scores" if position == 0 else f"scores_{position}")


def _score_chart(frame: pd.DataFrame, metrics: list[LiveMetric], key: str) -> None:
    with st.container(border=True):
        evaluation = metrics[0].needs_labels
        st.markdown(
            "**Scores** :gray-badge[evaluation only]" if evaluation else "**Scores without labels**",
            help="Labels are never used for training." if evaluation else None,
        )
        lines = {metric.title: palette.colour(position) for position, metric in enumerate(metrics)}
        columns = {"epoch": frame["epoch"], **{metric.title: frame[metric.name] for metric in metrics}}
        about = f"{', '.join(lines)} by epoch" + (", for evaluation only" if evaluation else "")
        chart = curve(columns, "epoch", lines, bounds=metrics[0].bounds)
        widgets.echart(chart, height=230, key=key, alt=about)


def _notes(past) -> None:
    """The newest notes of the run."""
    if not past.notes:
        return
    with st.expander(f"Notes ({len(past.notes)})", key="notes"):
        for level, message in past.notes[-NOTES:]:
            icon = ":material/warning:" if level != "info" else ":material/info:"
            st.markdown(f"{icon} {formatting.plain(message)}")

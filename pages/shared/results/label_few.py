"""Label a few: name some clusters or samples, spread the names along the graph, and download the labels."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st

from dsc_core.errors import RunError
from dsc_core.runs.annotations import names
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.graph import load_graph
from pages.shared import formatting, jobs, widgets
from pages.shared.results import label_few_cards, label_few_coverage, parts, run_view

ABOUT = (
    "Name clusters or single samples that you recognize. The most confident samples of a named cluster carry its name, "
    "and names spread along the graph until they meet another name or an unnamed cluster. Names are saved with the "
    "run; those of clusters are shown on the whole page."
)


def draw(run, results) -> None:
    """The section, closed at first."""
    section = st.expander("Label a few", icon=":material/label:", key="label_few", on_change="rerun")
    if section.open:
        with section:
            st.caption(ABOUT)
            if not jobs.show_progress(job_of(run_view.view(run, results))):
                parts.draw("label_few", _section, run, results)


def job_of(view: run_view.View) -> str:
    """The key of the section's job; a resumed run, and other clusters, have another one."""
    return "_".join(["label_few", *map(str, view.grouping_key)])


def prepare_spreader(results, report):
    """The Spreader of results, as edited; the task of the section's job."""
    from dsc_core.analysis.label_spreading import Spreader

    frame = results.labels
    affinity = load_graph(results.run, report)
    clusters, confidence = frame["cluster"].to_numpy(), frame["confidence"].to_numpy()
    count = max(results.run.clusters, int(clusters.max(initial=0)) + 1)
    return Spreader(affinity, clusters, confidence, count).prepare(report)


def _section(run, results) -> None:
    jobs.rerun_if_started()
    view = run_view.view(run, results)
    key = job_of(view)
    job = jobs.get(key)
    if job is None:
        job = jobs.start(key, lambda report: prepare_spreader(view.edited_results, report))
        jobs.rerun_if_started()
    if job.result is None:
        message = job.problem or "Stopped. Names cannot be spread without the graph."
        st.warning(formatting.plain(message), icon=":material/warning:")
        st.button("Retry", key="few_again", icon=":material/refresh:", on_click=jobs.forget, args=(key,))
        return
    try:
        names.hand_over(results)
        named, dataset = names.read_names(results), results.dataset
    except RunError as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        if (run.folder / names.FILE).is_file():
            st.button(
                "Discard the file and start over", key="few_anew", on_click=remove_names, args=(run, results)
            )
        return
    _names(view, dataset, named, job.result)


def _names(view: run_view.View, dataset, named, spreader) -> None:
    """Coverage, cards and downloads, once the graph and the names are available."""
    from dsc_core.analysis import label_spreading

    run, results, shown = view.run, view.results, view.edited_results
    if named.outdated:
        st.warning(
            "The run was resumed after its clusters were named. Names of clusters are ignored; names of samples are "
            "still used.",
            icon=":material/warning:",
        )
    spread = label_spreading.spread(spreader, named.clusters, named.samples)
    coverage = st.container()  # above the cards, but drawn after a card was added
    label_few_cards.draw_clusters(view, dataset, named)
    label_few_cards.draw_samples(view, dataset, named, spread)
    with coverage:
        threshold = label_few_coverage.draw(run, shown, named, spread)
    _downloads(run, results, shown, named, spread, threshold)


def remove_names(run, results) -> None:
    """Remove all names."""
    with widgets.errors_as_toasts():
        names.clear_names(results)
    st.session_state.pop(f"few_asked_{run.id}", None)
    parts.redraw()


def _downloads(run, results, shown, named, spread, threshold: float) -> None:
    """The labels as files, and a button that removes all names."""
    empty = not spread.names
    with st.container(horizontal=True):
        st.download_button(
            "named.csv",
            data=lambda: named_csv(shown, named, spread, threshold),
            file_name="named.csv",
            mime="text/csv",
            icon=":material/download:",
            key="few_csv",
            disabled=empty,
            on_click="ignore",
            help="Id, label, certainty and source of the label. One row per sample, in input order.",
        )
        st.download_button(
            "labels.npy",
            data=lambda: labels_npy(spread, threshold),
            file_name="labels.npy",
            mime="application/octet-stream",
            icon=":material/download:",
            key="few_npy",
            disabled=empty,
            on_click="ignore",
            help="A NumPy array of strings, for use as the labels of this data set; empty where there is no name.",
        )
        st.button(
            "Remove all names",
            icon=":material/delete:",
            key="few_forget",
            disabled=not (named.clusters or named.samples),
            on_click=remove_names,
            args=(run, results),
        )


def named_csv(results, named, spread, threshold: float) -> bytes:
    """named.csv: id, label ("" below the threshold), certainty, source ("sample", "cluster", "spread" or "")."""
    return csv_bytes(names.names_frame(results, named, spread, threshold))


def labels_npy(spread, threshold: float) -> bytes:
    """The labels, (n,) strings, as a NumPy file without pickles."""
    content = io.BytesIO()
    np.save(content, spread.labels(threshold), allow_pickle=False)
    return content.getvalue()

"""The clusters of a run as its answers have them: read from its graph, without training."""

from __future__ import annotations

import numpy as np

from dsc_core.method.answers import Marks
from dsc_core.runs.artifacts.graph import Report, load_graph
from dsc_core.runs.run import Run


def taught_clusters(run: Run, clusters: np.ndarray, marks: Marks, report: Report | None = None) -> np.ndarray:
    """The clusters (n,) that follow from answers; those of the run, (n,), keep their numbers, others get new ones.

    Without answers those of the run. RunError if the graph, or what it is built from, cannot be read.
    """
    clusters = np.asarray(clusters, np.int64)
    if not (marks.group >= 0).any():
        return clusters
    from dsc_core.method.taught import SampleField, believe, teach_graph

    affinity = teach_graph(load_graph(run, report), marks)
    return believe(SampleField(affinity), clusters, run.clusters, marks).labels

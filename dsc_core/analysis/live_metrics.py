"""Metrics shown while training runs: a registry that the training process and the Train page read.

To add a metric, write a function of a `Snapshot` here and decorate it with `live_metric`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsc_core.analysis import metrics


@dataclass(frozen=True)
class Snapshot:
    """The clusters at an evaluation. clusters: (n,) int. labels: (n,), the classes of the same samples, or None."""

    clusters: np.ndarray
    labels: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """The labels, for metrics that need them."""
        if self.labels is None:
            raise ValueError("These data have no labels.")
        return self.labels


@dataclass(frozen=True)
class LiveMetric:
    """A number computed at each evaluation.

    name: its key in the scores of an event. title: in charts. bounds: of the axis. needs_labels: computed only for
    data with labels, and shown as "evaluation only".
    """

    name: str
    title: str
    compute: Callable[[Snapshot], float]
    bounds: tuple[float, float] = (0.0, 1.0)
    needs_labels: bool = True


LIVE_METRICS: dict[str, LiveMetric] = {}


def live_metric(
    name: str, title: str, *, bounds: tuple[float, float] = (0.0, 1.0), needs_labels: bool = True
) -> Callable[[Callable[[Snapshot], float]], Callable[[Snapshot], float]]:
    """Register the decorated function as a live metric."""

    def register(compute: Callable[[Snapshot], float]) -> Callable[[Snapshot], float]:
        LIVE_METRICS[name] = LiveMetric(name, title, compute, bounds, needs_labels)
        return compute

    return register


@live_metric("acc", "ACC")
def _acc(snapshot: Snapshot) -> float:
    return metrics.accuracy(snapshot.classes, snapshot.clusters)


@live_metric("nmi", "NMI")
def _nmi(snapshot: Snapshot) -> float:
    return metrics.normalised_mutual_information(snapshot.classes, snapshot.clusters)


@live_metric("ari", "ARI")
def _ari(snapshot: Snapshot) -> float:
    return metrics.adjusted_rand_index(snapshot.classes, snapshot.clusters)


def measure(clusters: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
    """All metrics of `clusters` (n,) by name; clusters of -1 (samples that were left out) are ignored."""
    clustered = clusters >= 0
    snapshot = Snapshot(clusters[clustered], None if labels is None else labels[clustered])
    return {
        metric.name: metric.compute(snapshot)
        for metric in LIVE_METRICS.values()
        if labels is not None or not metric.needs_labels
    }

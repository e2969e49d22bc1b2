"""Clusters of a data set without training: checks, the time that it takes, progress with the time left, labels.csv."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.analysis import metrics, untrained
from dsc_core.analysis.untrained import Untrained
from dsc_core.config import KNOBS
from dsc_core.errors import InputError
from dsc_core.presets import DEFAULT_PRESET, preset
from dsc_core.runs.expectation import Expectation, Finished, known_speed
from dsc_core.training import allocation
from dsc_core.training.costs import UNTRAINED, UNTRAINED_PIECES, Job, UntrainedJob, plan_untrained
from dsc_core.training.countdown import Countdown, Plan

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sparse

    from dsc_core.data import Dataset

ACTIVITIES = {  # by the parts of the work
    "scattering": "Scattering transform of the images",
    "neighbours": "Finding neighbours",
    "cut": "Cutting the graph",
    "maps": "Drawing the map",
}
TRAINING, NONE = "training", "none"  # a column of labels.csv, and what it says in each row

Report = Callable[
    [str, int, int], object
]  # what is being done with the time left, how much of it, of how much


@dataclass(frozen=True, eq=False)
class Answer:
    """Clusters of a data set that nothing was trained for.

    found: clusters, map and label-free scores. source: from what, one of `untrained.SOURCES`. scores: acc, nmi and ari
    where there are labels, for evaluation only. seconds: of the graph and all else.
    """

    found: Untrained
    clusters: int
    seed: int
    source: str
    scores: dict[str, float]
    seconds: float

    @property
    def label_free(self) -> dict[str, float]:
        """The scores that need no labels, by the names that runs have for them."""
        named = {"silhouette_spectral": self.found.silhouette, "eigengap": self.found.eigengap}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Graph:
    """The graph of a data set, sparse (n, n): the same for every number of clusters. seconds: that it took."""

    affinity: sparse.csr_matrix
    seconds: float


class Progress:
    """Turns the parts of the work into one share of the whole, with the seconds that are left."""

    def __init__(self, plan: Plan, report: Report) -> None:
        self.countdown, self.report, self.part = Countdown(plan), report, ""
        self.began, self.pieces = time.monotonic(), 0

    def __call__(self, part: str, done: int, total: int) -> None:
        """So much of a part is done; whatever the receiver raises ends the work."""
        if part != self.part:
            self.part, self.pieces = part, 0
            self.countdown.enter(part, UNTRAINED)
        if total:
            reached = UNTRAINED_PIECES * done // total
            for _ in range(self.pieces, reached):
                self.countdown.count()
            self.pieces = max(self.pieces, reached)
        left = self.countdown.remaining()
        spent = time.monotonic() - self.began
        self.report(
            f"{ACTIVITIES[part]}, {_seconds(left)} left", round(1000 * spent), round(1000 * (spent + left))
        )


def _seconds(left: float) -> str:
    """A time that is left, in words."""
    return f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"


# Before -----------------------------------------------------------------------------------------------------


def expect(
    home: Path, dataset: Dataset, clusters: int, finished: Sequence[Finished] = (), graph: bool = True
) -> Expectation:
    """How long it takes here; by finished runs, or the calibration of one of this shape. graph: has yet to be built."""
    job = UntrainedJob(len(dataset), tuple(dataset.shape), untrained.settings(dataset.shape, clusters, 0))
    # A run of these data tells the speed, and is what is calibrated.
    speed = known_speed(home, Job(job.count, job.shape, preset(DEFAULT_PRESET)), finished)
    return Expectation(job, plan_untrained(job, speed, graph), "cut" in speed.factors)


def check(dataset: Dataset, clusters: int) -> None:
    """InputError where the data cannot be divided into so many clusters, with the sentences of training."""
    from dsc_core.data import check_trainable

    check_trainable(dataset, clusters)
    most = int(KNOBS["graph_samples"].default)
    if len(dataset) > most:
        raise InputError(
            f"There are {len(dataset):,} samples, and at most {most:,} are clustered without training: train instead."
        )


# The work ---------------------------------------------------------------------------------------------------


def find_graph(dataset: Dataset, seed: int, progress: Callable[[str, int, int], object]) -> Graph:
    """The graph of the samples. progress: a `Progress`; what it raises ends the work."""
    began, config = time.monotonic(), untrained.settings(dataset.shape, 2, seed)
    with allocation.blocks_kept():
        points = untrained.describe(dataset.samples, dataset.scaling, config, progress)
    affinity = untrained.build_graph(points, config, progress)
    return Graph(affinity, time.monotonic() - began)


def find(
    dataset: Dataset,
    clusters: int,
    seed: int,
    progress: Callable[[str, int, int], object] = lambda *_: None,
    graph: Graph | None = None,
) -> Answer:
    """Clusters of a data set without training; the same seed gives the same. graph: of `find_graph`, if it is built."""
    check(dataset, clusters)
    graph, began = graph or find_graph(dataset, seed, progress), time.monotonic()
    found = untrained.find_clusters(
        graph.affinity, untrained.settings(dataset.shape, clusters, seed), progress
    )
    scores = {} if dataset.labels is None else metrics.scores(dataset.labels, found.clusters)
    seconds = graph.seconds + time.monotonic() - began
    return Answer(found, clusters, seed, untrained.source_of(dataset.shape), scores, seconds)


# After ------------------------------------------------------------------------------------------------------


def labels_frame(dataset: Dataset, answer: Answer) -> pd.DataFrame:
    """The columns of a run's labels.csv, and the column TRAINING, which says that there was none.

    There is no latent code, so its map is empty. confidence: the share of the sample's neighbourhood in its cluster.
    """
    from dsc_core.runs.artifacts.labels import (
        MAP_COLUMNS,
        make_frame,
    )  # imported late: pandas takes long to load

    found = answer.found
    maps = np.full((len(dataset), len(MAP_COLUMNS)), np.nan, np.float32)
    maps[:, [name.startswith("spectral") for name in MAP_COLUMNS]] = found.map
    frame = make_frame(dataset.ids, found.clusters, found.agreement, maps, dataset.labels)
    frame[TRAINING] = NONE
    return frame


def labels_csv(dataset: Dataset, answer: Answer) -> bytes:
    """`labels_frame` as CSV, in the form of a run's labels.csv."""
    from dsc_core.runs.artifacts.csv_table import csv_bytes

    return csv_bytes(labels_frame(dataset, answer))


def sizes(answer: Answer) -> dict[int, int]:
    """The number of samples in each cluster that has any."""
    numbers, counts = np.unique(answer.found.clusters, return_counts=True)
    return {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}


def summary(dataset: Dataset, answer: Answer) -> dict[str, Any]:
    """The answer in types that JSON has, without the labels of single samples."""
    nothing: dict[str, float | None] = dict.fromkeys(("acc", "nmi", "ari", "silhouette_spectral", "eigengap"))
    return {
        "data": dataset.name,
        "samples": len(dataset),
        "clusters": answer.clusters,
        "seed": answer.seed,
        "trained": False,
        "source": answer.source,
        "from": untrained.SOURCES[answer.source],
        "sizes": sizes(answer),
        **nothing,
        **answer.scores,
        **answer.label_free,
        "seconds": round(answer.seconds, 3),
    }

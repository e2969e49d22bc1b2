"""Clusters read from the graph of the whole data set: several cuts of it, and which of them is taken."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph
from dsc_core.sampling import sample_rows

DIMS_A_CLUSTER = 4  # dimensions of the diffusion map that a readout looks at, for each cluster
LEAST_SURE = 0.25  # of every cluster
# k-means finds its best solution once in a hundred starts on some graphs, and no two others alike. Starts are cheap
# where they see a part of the samples; of many clusters fewer are made.
STARTS = 200
LOOKED_AT = 4000
CELLS = (2, 3, 4, 6, 8)  # a cluster, from which merged cuts begin
EVENNESS = (1.0, 1.5, 2.0)
POLISHED = 3  # of the merged cuts
BETTER = 0.95  # of the cost of k-means, below which a merged cut is taken

Asked = Callable[[], None]


@dataclass(frozen=True)
class Readout:
    """Clusters read from a graph of the whole data set. labels: (n,). coordinates: (n, dims). values: (dims,)."""

    labels: np.ndarray
    coordinates: np.ndarray
    values: np.ndarray


def read_out(affinity, config: Config, like: np.ndarray | None = None, asked: Asked | None = None) -> Readout:
    """Cuts the graph by its diffusion map at three scales (half, once and twice `damping`), side by side.

    Four dimensions a cluster, since a class may split before the last two separate; several scales, since a
    single one now and then merges two clusters. affinity: sparse (n, n). like: (n,) labels whose numbering
    is kept, and whose clusters too, where they are no worse than others (see `cut`). asked: called
    now and then; what it raises ends the work.
    """
    values, vectors = graph.diffusion_map(affinity, DIMS_A_CLUSTER * config.clusters, config.seed, asked)
    scales = at_scales(values, vectors, config.damping)
    return Readout(cut(affinity, np.hstack(scales), config, like, asked), scales[1], values)


def at_scales(values: np.ndarray, vectors: np.ndarray, damping: float) -> list[np.ndarray]:
    """A diffusion map, (dims,) and (n, dims), damped by half, once and twice `damping`: three of (n, dims)."""
    return [graph.damped(values, vectors, power) for power in (damping / 2, damping, 2 * damping)]


def cut(
    affinity, points: np.ndarray, config: Config, like: np.ndarray | None = None, asked: Asked | None = None
) -> np.ndarray:
    """Clusters (n,) of a graph, sparse (n, n), by a map of it, points (n, dims): of several cuts one of low `cost`.

    k-means finds clusters of nearly one size, and halves a large one before it parts two small. So cuts that merge
    small cells along the graph are looked at too, and taken where they are clearly better. like: (n,) labels to
    start from as well, whose numbering is kept, and which stay unless another cut costs less than `config.new_cut`
    of theirs: where several cuts are nearly as good, training would else jump from one to another at each look,
    and take a handful that has come apart from its class to another. asked: see `read_out`.
    """
    clusters, asked = config.clusters, asked or (lambda: None)

    def polished(labels: np.ndarray) -> tuple[float, np.ndarray]:
        labels = graph.refined(affinity, labels, clusters)
        return cost(affinity, labels, clusters), labels

    usual, before = [polished(k_means(points, config).labels_)], None
    if like is not None and not lost(like, clusters):
        means = np.stack([points[like == cluster].mean(0) for cluster in range(clusters)])
        before = polished(like)
        usual += [before, polished(KMeans(clusters, init=means, n_init=1).fit(points).labels_)]
    least, found = min(usual, key=itemgetter(0))
    merged = sorted(
        merged_cuts(affinity, points, config, asked), key=lambda labels: cost(affinity, labels, clusters)
    )
    if merged:
        less, other = min(map(polished, merged[:POLISHED]), key=itemgetter(0))
        least, found = (less, other) if less < BETTER * least else (least, found)
    if before and least > config.new_cut * before[0]:
        found = before[1]
    return found if like is None else aligned(found, like, clusters)


def cost(affinity, labels: np.ndarray, clusters: int) -> float:
    """Of a cut, labels (n,): its normalised cut, and how uneven it is: the KL divergence of its sizes to equal ones.

    The second, in nats, keeps a handful of odd samples from being a cluster of its own for the price of two classes
    in one: of small groups the normalised cut alone takes any that stands apart.
    """
    sizes = np.bincount(labels, minlength=clusters) / len(labels)
    unevenness = float((sizes * np.log(np.maximum(sizes * clusters, 1e-12))).sum())
    # Rounded: of cuts that are the same, the first is taken on every machine.
    return round(graph.normalised_cut(affinity, labels, clusters) + unevenness, 9)


def merged_cuts(
    affinity, points: np.ndarray, config: Config, asked: Asked = lambda: None
) -> Iterator[np.ndarray]:
    """Cuts (n,) into K clusters that are made of small cells of the points, by k-means, merged along the graph."""
    for cells in CELLS:
        count = cells * config.clusters
        if count <= len(points):
            fine = _k_means(points, count, 3, config.seed).labels_
            for evenness in EVENNESS:
                asked()
                yield graph.merged(affinity, fine, config.clusters, evenness)


def k_means(points: np.ndarray, config: Config) -> KMeans:
    """Seeded k-means, the best of up to STARTS starts; InputError when there are fewer points than clusters."""
    if len(points) < config.clusters:
        raise InputError(
            f"{len(points)} samples cannot make {config.clusters} clusters; choose fewer clusters."
        )
    starts = int(np.clip(10 * STARTS / config.clusters, STARTS // 10, STARTS))
    return _k_means(points, config.clusters, starts, config.seed)


def _k_means(points: np.ndarray, clusters: int, starts: int, seed: int) -> KMeans:
    """k-means whose starts see a seeded part of the points, and whose best goes on with all of them."""
    some = sample_rows(len(points), max(LOOKED_AT, 100 * clusters), seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer different points than clusters
        found = KMeans(clusters, n_init=starts, random_state=seed).fit(points[some])
        if len(some) == len(points):
            return found
        return KMeans(clusters, init=found.cluster_centers_, n_init=1).fit(points)


def sure_labels(affinity, labels: np.ndarray, config: Config) -> np.ndarray:
    """The labels (n,) of the samples whose neighbourhood is sure of them, −1 for the others. → (n,) int64.

    Sure is a neighbourhood in the graph, sparse (n, n), of which the share `config.sure` is in the sample's own
    cluster; of a cluster with few such samples its surest LEAST_SURE count, so that none is forgotten.
    """
    agreed = graph.votes(affinity, labels, config.clusters)[np.arange(len(labels)), labels]
    sure = agreed >= config.sure
    for cluster in np.unique(labels):
        members = labels == cluster
        sure |= members & (agreed >= np.quantile(agreed[members], 1 - LEAST_SURE))
    return np.where(sure, labels, -1).astype(np.int64)


def aligned(labels: np.ndarray, reference: np.ndarray, clusters: int) -> np.ndarray:
    """The same clusters, numbered so that most samples keep their number in `reference`. (n,), (n,) → (n,)."""
    counts = np.zeros((clusters, clusters), dtype=int)
    np.add.at(counts, (labels, reference), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return columns[np.argsort(rows)][labels]


def lost(labels: np.ndarray, clusters: int) -> list[int]:
    """The clusters in 0..K-1 that none of the labels (n,) names."""
    return np.flatnonzero(np.bincount(labels, minlength=clusters) == 0).tolist()


def numbered(clusters: list[int]) -> str:
    """Clusters in words: "cluster 3", "clusters 3, 7"."""
    return f"cluster{'s'[: len(clusters) > 1]} {', '.join(map(str, clusters))}"

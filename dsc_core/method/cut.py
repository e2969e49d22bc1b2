"""Clusters cut from the graph of the whole data set: several cuts, their cost and refinement, and the choice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import scipy.sparse as sparse
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph
from dsc_core.sampling import sample_rows

DIMS_PER_CLUSTER = 4  # of the diffusion map
LEAST_CONFIDENT = 0.25  # share of every cluster
# On some graphs k-means finds its best solution once in a hundred starts. Starts are cheap on a part of the samples;
# for many clusters fewer are made.
STARTS = 200
KMEANS_SAMPLES = 4000
CELLS = (2, 3, 4, 6, 8)  # per cluster, from which merged cuts begin
EVENNESS = (1.0, 1.5, 2.0)
REFINED_CUTS = 3  # of the merged cuts
CLEARLY_LESS = 0.95  # of the cost of k-means, below which a merged cut is preferred

CheckCancelled = Callable[[], None]


@dataclass(frozen=True)
class Cut:
    """Clusters of a graph of the whole data set. labels: (n,). coordinates: (n, dims). eigenvalues: (dims,)."""

    labels: np.ndarray
    coordinates: np.ndarray
    eigenvalues: np.ndarray


def cut_graph(
    affinity: sparse.csr_matrix,
    config: Config,
    previous: np.ndarray | None = None,
    check_cancelled: CheckCancelled | None = None,
) -> Cut:
    """Cut the graph by its diffusion map at three scales side by side: half, once and twice `damping`.

    Four dimensions per cluster, since a class may split before the last two separate; several scales, since a single
    one occasionally merges two clusters. affinity: sparse (n, n). previous: (n,) labels whose numbering is kept, and
    whose clusters too, where no others are clearly better (see `best_cut`). check_cancelled: called now and then;
    what it raises ends the work.
    """
    dims = DIMS_PER_CLUSTER * config.clusters
    eigenvalues, vectors = graph.diffusion_map(affinity, dims, config.seed, check_cancelled)
    scales = at_scales(eigenvalues, vectors, config.damping)
    labels = best_cut(affinity, np.hstack(scales), config, previous, check_cancelled)
    return Cut(labels, scales[1], eigenvalues)


def at_scales(eigenvalues: np.ndarray, vectors: np.ndarray, damping: float) -> list[np.ndarray]:
    """A diffusion map, (dims,) and (n, dims), damped by half, once and twice `damping`: three of (n, dims)."""
    return [graph.damped(eigenvalues, vectors, power) for power in (damping / 2, damping, 2 * damping)]


# The choice --------------------------------------------------------------------------------------------------


def best_cut(
    affinity: sparse.csr_matrix,
    points: np.ndarray,
    config: Config,
    previous: np.ndarray | None = None,
    check_cancelled: CheckCancelled | None = None,
) -> np.ndarray:
    """Clusters (n,) of a graph, sparse (n, n), by a map of it, points (n, dims): of several cuts one of low `cost`.

    k-means finds clusters of similar sizes, and halves a large one before it separates two small ones. So cuts that
    merge small cells along the graph are tried too, and preferred where they are clearly better. previous: (n,) labels
    to start from as well, whose numbering is kept, and which stay unless another cut costs less than `config.new_cut`
    of theirs. Otherwise, where several cuts are nearly as good, training would jump from one to another, and move a
    handful of samples that has come apart from its class to another. check_cancelled: see `cut_graph`.
    """
    clusters = config.clusters

    def refined(labels: np.ndarray) -> tuple[float, np.ndarray]:
        labels = refine(affinity, labels, clusters)
        return cost(affinity, labels, clusters), labels

    candidates, before = [refined(k_means(points, config).labels_)], None
    if previous is not None and not empty_clusters(previous, clusters):
        means = np.stack([points[previous == cluster].mean(0) for cluster in range(clusters)])
        before = refined(previous)
        candidates += [before, refined(KMeans(clusters, init=means, n_init=1).fit(points).labels_)]
    least, best = min(candidates, key=itemgetter(0))
    merged = sorted(
        merged_cuts(affinity, points, config, check_cancelled),
        key=lambda labels: cost(affinity, labels, clusters),
    )
    if merged:
        less, other = min(map(refined, merged[:REFINED_CUTS]), key=itemgetter(0))
        least, best = (less, other) if less < CLEARLY_LESS * least else (least, best)
    if before and least > config.new_cut * before[0]:
        best = before[1]
    return best if previous is None else align(best, previous, clusters)


def k_means(points: np.ndarray, config: Config) -> KMeans:
    """Seeded k-means, the best of up to STARTS starts; InputError where there are fewer points than clusters."""
    if len(points) < config.clusters:
        raise InputError(
            f"{len(points)} samples cannot make {config.clusters} clusters; choose fewer clusters."
        )
    starts = int(np.clip(10 * STARTS / config.clusters, STARTS // 10, STARTS))
    return _k_means(points, config.clusters, starts, config.seed)


def _k_means(points: np.ndarray, clusters: int, starts: int, seed: int) -> KMeans:
    """k-means whose starts use a seeded part of the points, and whose best continues with all of them."""
    rows = sample_rows(len(points), max(KMEANS_SAMPLES, 100 * clusters), seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        fitted = KMeans(clusters, n_init=starts, random_state=seed).fit(points[rows])
        if len(rows) == len(points):
            return fitted
        return KMeans(clusters, init=fitted.cluster_centers_, n_init=1).fit(points)


def merged_cuts(
    affinity: sparse.csr_matrix,
    points: np.ndarray,
    config: Config,
    check_cancelled: CheckCancelled | None = None,
) -> Iterator[np.ndarray]:
    """Cuts (n,) into K clusters that are made of small cells of the points, by k-means, merged along the graph."""
    for cells in CELLS:
        count = cells * config.clusters
        if count <= len(points):
            fine = _k_means(points, count, 3, config.seed).labels_
            for evenness in EVENNESS:
                if check_cancelled:
                    check_cancelled()
                yield merge_cells(affinity, fine, config.clusters, evenness)


def merge_cells(affinity: sparse.csr_matrix, cells: np.ndarray, clusters: int, evenness: float) -> np.ndarray:
    """Cells (n,) of a graph W, sparse (n, n), merged two by two until there are K. → labels (n,) in 0..K−1.

    The next two are those with the largest W(a, b) / (W(a, all)·W(b, all))^evenness: 1 is the linkage of an edge
    drawn at random, above it small cells go first.
    """
    _, labels = np.unique(cells, return_inverse=True)
    member = np.eye(labels.max() + 1)[labels]
    # A trace of weight between any two: cells of different components are merged too, small ones first.
    weights = np.asarray(member.T @ (affinity @ member)) + 1e-12
    alive = np.ones(len(weights), bool)
    for _ in range(len(weights) - clusters):
        volume = weights.sum(1)
        linkage = weights / np.maximum(np.outer(volume, volume), 1e-24) ** evenness
        linkage[~alive] = linkage[:, ~alive] = -1
        linkage[
            np.tril_indices(len(linkage))
        ] = -1  # each pair once, or rounding would choose between its two entries
        kept, gone = np.unravel_index(linkage.argmax(), linkage.shape)
        weights[kept] += weights[gone]
        weights[:, kept] += weights[:, gone]
        alive[gone] = False
        weights[gone] = weights[:, gone] = 0
        labels[labels == gone] = kept
    return np.unique(labels, return_inverse=True)[1]


# Cost and refinement -----------------------------------------------------------------------------------------


def cost(affinity: sparse.csr_matrix, labels: np.ndarray, clusters: int) -> float:
    """The cost of a cut, labels (n,): its normalised cut plus the KL divergence of its cluster sizes to equal ones.

    The second, in nats, prevents a handful of odd samples from being a cluster of its own at the price of two classes
    in one: the normalised cut alone favours any small group that stands apart.
    """
    sizes = np.bincount(labels, minlength=clusters) / len(labels)
    unevenness = float((sizes * np.log(np.maximum(sizes * clusters, 1e-12))).sum())
    # Rounded: of equal cuts, the first is chosen on every machine.
    return round(normalised_cut(affinity, labels, clusters) + unevenness, 9)


def normalised_cut(affinity: sparse.csr_matrix, labels: np.ndarray, clusters: int) -> float:
    """Σ_c (1 − W(c, c) / W(c, all)) of a graph W, sparse (n, n), and labels (n,): what spectral clustering minimises.

    From 0, where no edge is cut, to K; a cluster without samples counts 1. Source: Shi and Malik (2000).
    """
    _, within, volume = _cluster_weights(affinity, np.asarray(affinity.sum(1)).ravel(), labels, clusters)
    return _normalised_cut(within, volume)


def _cluster_weights(
    affinity: sparse.csr_matrix, degree: np.ndarray, labels: np.ndarray, clusters: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W(i, c), (n, K), and of each cluster W(c, c) and W(c, all), (K,), the last never 0."""
    member = np.eye(clusters)[labels]
    links = affinity @ member
    return links, np.einsum("ij,ij->j", member, links), np.maximum(member.T @ degree, 1e-12)


def _normalised_cut(within: np.ndarray, volume: np.ndarray) -> float:
    return float((1 - within / volume).sum())


def refine(
    affinity: sparse.csr_matrix,
    labels: np.ndarray,
    clusters: int,
    rounds: int = 50,
    check_cancelled: CheckCancelled | None = None,
) -> np.ndarray:
    """Move all samples of a cut, labels (n,), to where their edges pull them, while the normalised cut falls.

    No cluster loses all its samples. Source: the weighted kernel k-means of Dhillon, Guan and Kulis (2004), whose
    minimum is that of the cut. check_cancelled: called before each round; what it raises ends the work.
    """
    degree = np.asarray(affinity.sum(1)).ravel()
    links, within, volume = _cluster_weights(affinity, degree, labels, clusters)
    for _ in range(rounds):
        if check_cancelled:
            check_cancelled()
        pull = (2 * links / np.maximum(degree, 1e-12)[:, None] - within / volume) / volume
        sizes = np.bincount(labels, minlength=clusters)
        pull[:, sizes == 0] = -np.inf
        moved = np.where(degree > 0, pull.argmax(1), labels)
        after = _cluster_weights(affinity, degree, moved, clusters)
        emptied = (np.bincount(moved, minlength=clusters) == 0) & (sizes > 0)
        if _normalised_cut(*after[1:]) >= _normalised_cut(within, volume) or emptied.any():
            break
        labels, (links, within, volume) = moved, after
    return labels


# Labels ------------------------------------------------------------------------------------------------------


def confident_labels(affinity: sparse.csr_matrix, labels: np.ndarray, config: Config) -> np.ndarray:
    """The labels (n,) of confident samples, −1 for the others. → (n,) int64.

    A sample is confident where the share `config.sure` of its neighbourhood in the graph, sparse (n, n), is in its own
    cluster. In a cluster with few such samples the most confident LEAST_CONFIDENT count, so that none is left out.
    """
    agreed = graph.votes(affinity, labels, config.clusters)[np.arange(len(labels)), labels]
    confident = agreed >= config.sure
    for cluster in np.unique(labels):
        members = labels == cluster
        confident |= members & (agreed >= np.quantile(agreed[members], 1 - LEAST_CONFIDENT))
    return np.where(confident, labels, -1).astype(np.int64)


def align(labels: np.ndarray, reference: np.ndarray, clusters: int) -> np.ndarray:
    """The same clusters, numbered so that most samples keep their number in `reference`. (n,), (n,) → (n,)."""
    counts = np.zeros((clusters, clusters), dtype=int)
    np.add.at(counts, (labels, reference), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return columns[np.argsort(rows)][labels]


def empty_clusters(labels: np.ndarray, clusters: int) -> list[int]:
    """The clusters in 0..K−1 without samples, by labels (n,)."""
    return np.flatnonzero(np.bincount(labels, minlength=clusters) == 0).tolist()


def clusters_in_words(clusters: list[int]) -> str:
    """Clusters in words: "cluster 3", "clusters 3, 7"."""
    return f"cluster{'s'[: len(clusters) > 1]} {', '.join(map(str, clusters))}"

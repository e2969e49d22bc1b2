"""Clusters cut from the graph of the whole data set: several cuts, their cost and refinement, and the choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import scipy.sparse as sparse
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph, kmeans
from dsc_core.method.dendrogram import Dendrogram, merge, weights_between
from dsc_core.method.edges import CPU, Edges, cost, cost_of_cells, refine
from dsc_core.method.kmeans import Clustering, clustering
from dsc_core.method.locality import inverse, order_of_nodes, reordered
from dsc_core.sampling import sample_rows
from dsc_core.threads import one_thread

DIMS_PER_CLUSTER = 4  # of the diffusion map
LEAST_CONFIDENT = 0.25  # share of every cluster
# On some graphs k-means finds its best solution once in a hundred starts. Starts are cheap on a part of the samples;
# for many clusters fewer are made.
STARTS = 200
KMEANS_SAMPLES = 4000
# Per cluster, from which merged cuts begin. The last are found among the samples, the others among those.
CELLS = (2, 3, 4, 6, 8)
COARSE_STARTS = 4  # of the k-means that makes cells of cells
SAMPLES_PER_CELL = 50  # at most, that its k-means uses
EVENNESS = (1.0, 1.5, 2.0)
REFINED_CUTS = 3  # of the merged cuts
CLEARLY_LESS = 0.88  # of the cost of k-means, below which a merged cut is preferred
SMALL = 20_000  # samples up to which one thread is the fastest
MANY = 2**17  # samples beyond which the graph is cut in an order in which neighbours stand near each other
SCALES = (0.5, 1, 2)  # of the diffusion map, as multiples of `damping`

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
    device: torch.device = CPU,
) -> Cut:
    """Cut the graph by its diffusion map at three scales side by side: half, once and twice `damping`.

    Four dimensions per cluster, since a class may split before the last two separate; several scales, since a single
    one occasionally merges two clusters. affinity: sparse (n, n). previous: (n,) labels whose numbering is kept, and
    whose clusters too, where no others are clearly better (see `best_cut`). check_cancelled: called now and then;
    what it raises ends the work. device: where products are computed.
    """
    if affinity.shape[0] <= MANY:
        with one_thread() if affinity.shape[0] <= SMALL else nullcontext():
            return _cut_in_order(affinity, config, previous, check_cancelled, device)
    order = order_of_nodes(affinity, config.seed)
    before = None if previous is None else previous[order]
    cut = _cut_in_order(reordered(affinity, order), config, before, check_cancelled, device)
    places = inverse(order)
    return Cut(cut.labels[places], cut.coordinates[places], cut.eigenvalues)


def _cut_in_order(
    affinity: sparse.csr_matrix,
    config: Config,
    previous: np.ndarray | None,
    check_cancelled: CheckCancelled | None,
    device: torch.device,
) -> Cut:
    """`cut_graph` of a graph whose nodes stand as they are."""
    dims = DIMS_PER_CLUSTER * config.clusters
    eigenvalues, vectors = graph.diffusion_map(affinity, dims, config.seed, check_cancelled, device)
    points = at_scales(eigenvalues, vectors, config.damping)
    del vectors  # of a million samples 160 MB, as the coordinates
    reduced = _principal(points, config.clusters, device)
    coordinates = np.ascontiguousarray(np.split(points, len(SCALES), axis=1)[SCALES.index(1)])
    del points
    labels = _best_cut(affinity, reduced, config, previous, check_cancelled, device)
    return Cut(labels, coordinates, eigenvalues)


def at_scales(eigenvalues: np.ndarray, vectors: np.ndarray, damping: float) -> np.ndarray:
    """A diffusion map, (dims,) and (n, dims), damped by half, once and twice `damping`. → (n, 3·dims) float32."""
    return graph.damped(eigenvalues, vectors, *(damping * scale for scale in SCALES))


# The choice --------------------------------------------------------------------------------------------------


def best_cut(
    affinity: sparse.csr_matrix,
    points: np.ndarray,
    config: Config,
    previous: np.ndarray | None = None,
    check_cancelled: CheckCancelled | None = None,
    device: torch.device = CPU,
) -> np.ndarray:
    """Clusters (n,) of a graph, sparse (n, n), by a map of it, points (n, dims): of several cuts one of low `cost`.

    k-means finds clusters of similar sizes, and halves a large one before it separates two small ones. So cuts that
    merge small cells along the graph are tried too, and preferred where they are clearly better. previous: (n,) labels
    to start from as well, whose numbering is kept, and which stay unless another cut costs less than `config.new_cut`
    of theirs. Otherwise, where several cuts are nearly as good, training would jump from one to another, and move a
    handful of samples that has come apart from its class to another. check_cancelled, device: see `cut_graph`.
    """
    reduced = _principal(points, config.clusters, device)
    return _best_cut(affinity, reduced, config, previous, check_cancelled, device)


def _best_cut(
    affinity: sparse.csr_matrix,
    reduced: Tensor,
    config: Config,
    previous: np.ndarray | None,
    check_cancelled: CheckCancelled | None,
    device: torch.device,
) -> np.ndarray:
    """`best_cut` by points on their principal axes, (n, r)."""
    clusters, edges = config.clusters, Edges(affinity, device)

    def refined(labels: np.ndarray) -> tuple[float, np.ndarray]:
        labels = refine(edges, labels, clusters, check_cancelled=check_cancelled)
        return cost(edges, labels, clusters), labels

    candidates, before = [refined(_by_starts(reduced, config))], None
    if previous is not None and not empty_clusters(previous, clusters):
        before = refined(previous)
        candidates += [before, refined(_from_clusters(reduced, previous, clusters))]
    least, best = min(candidates, key=itemgetter(0))
    others = [refined(labels) for labels in merged_cuts(affinity, reduced, config, edges, check_cancelled)]
    if others:
        less, other = min(others, key=itemgetter(0))
        least, best = (less, other) if less < CLEARLY_LESS * least else (least, best)
    if before and least > config.new_cut * before[0]:
        best = before[1]
    return best if previous is None else align(best, previous, clusters)


def k_means(points: np.ndarray, config: Config, device: torch.device = CPU) -> Clustering:
    """Seeded k-means, the best of up to STARTS starts; InputError where there are fewer points than clusters."""
    labels = _by_starts(_principal(points, config.clusters, device), config)
    return clustering(points, labels, config.clusters)


def _principal(points: np.ndarray, clusters: int, device: torch.device) -> Tensor:
    """Points (n, d) in single precision on their principal axes; see `kmeans.principal`."""
    if len(points) < clusters:
        raise InputError(f"{len(points)} samples cannot make {clusters} clusters; choose fewer clusters.")
    return kmeans.principal(torch.from_numpy(points).to(device, torch.float32))


def _by_starts(points: Tensor, config: Config) -> np.ndarray:
    """Clusters (n,) of points (n, r) by k-means whose starts use a seeded part of the points."""
    starts = int(np.clip(10 * STARTS / config.clusters, STARTS // 10, STARTS))
    rows = sample_rows(len(points), max(KMEANS_SAMPLES, 100 * config.clusters), config.seed)
    return kmeans.k_means(points, config.clusters, starts, config.seed, rows)[0]


def _from_clusters(points: Tensor, labels: np.ndarray, clusters: int) -> np.ndarray:
    """Clusters (n,) of points (n, r) by k-means that starts from the means of those of labels (n,), none empty."""
    member = torch.nn.functional.one_hot(torch.from_numpy(labels).to(points.device), clusters).to(points)
    return kmeans.converge(points, (member.T @ points) / member.sum(0)[:, None]).cpu().numpy()


def merged_cuts(
    affinity: sparse.csr_matrix,
    points: Tensor,
    config: Config,
    edges: Edges,
    check_cancelled: CheckCancelled | None = None,
) -> list[np.ndarray]:
    """Cuts (n,) into K clusters that are made of small cells of the points (n, r), merged along the graph.

    The REFINED_CUTS of least cost, which the cells' weights alone tell. Nothing where there are fewer points than
    cells. edges: of the same graph.
    """
    clusters, count = config.clusters, CELLS[-1] * config.clusters
    if count > len(points):
        return []
    cells, centres = fine_cells(points, count, config.seed)
    weights, sizes = weights_between(affinity, cells, len(centres)), np.bincount(cells)
    cuts = []
    for merged in different_merges(weights, centres, clusters, config.seed, check_cancelled):
        cuts.append((cost_of_cells(weights, sizes, merged, clusters, edges.neighbours), merged))
    best = sorted(cuts, key=itemgetter(0))[:REFINED_CUTS]
    return [merged[cells] for _, merged in best]


def different_merges(
    weights: np.ndarray,
    centres: Tensor,
    clusters: int,
    seed: int,
    check_cancelled: CheckCancelled | None = None,
) -> Iterator[np.ndarray]:
    """The K clusters of cells, (m,), into which `dendrograms` merge them; each once."""
    seen = set()
    for tree in dendrograms(weights, centres, clusters, seed):
        if check_cancelled:
            check_cancelled()
        merged = tree.labels(clusters)
        if merged.tobytes() not in seen:
            seen.add(merged.tobytes())
            yield merged


def fine_cells(points: Tensor, count: int, seed: int) -> tuple[np.ndarray, Tensor]:
    """Cells of points (n, r) by k-means from one start on a part of them: (n,) in 0..m−1, and their centres (m, r).

    At most `count`; none is empty.
    """
    rows = sample_rows(len(points), max(KMEANS_SAMPLES, SAMPLES_PER_CELL * count), seed)
    centres = kmeans.best_starts(points[torch.from_numpy(rows).to(points.device)], count, 1, seed)[0]
    used, cells = np.unique(kmeans.nearest_centre(points, centres).cpu().numpy(), return_inverse=True)
    return cells, centres[torch.from_numpy(used).to(points.device)]


def dendrograms(weights: np.ndarray, centres: Tensor, clusters: int, seed: int) -> Iterator[Dendrogram]:
    """How m cells, by their weights (m, m) and centres (m, r), are merged: for each evenness, and from coarser cells.

    Coarser ones are cells of the centres, so that the samples are looked at once. `Dendrogram.cells`: (m,).
    """
    for per_cluster in CELLS:
        first, count = np.arange(len(centres)), per_cluster * clusters
        if count < len(centres):
            coarse = kmeans.nearest_centre(
                centres, kmeans.best_starts(centres, count, COARSE_STARTS, seed)[0]
            )
            first = np.unique(coarse.cpu().numpy(), return_inverse=True)[1]
        member = np.eye(first.max() + 1)[first]
        between = member.T @ weights @ member
        for evenness in EVENNESS:
            yield merge(between, first, evenness)


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

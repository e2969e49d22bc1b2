"""Clusters without training: the graph of a fixed description of the samples, cut as a run cuts that of its codes.

Images are described by their scattering transform, which has nothing to learn; tables, and images too small for it, by
their own values, scaled as for training. Imports PyTorch and pandas only to compute, since pages say before what will
be done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.analysis.label_free import eigengap, silhouette
from dsc_core.config import Config
from dsc_core.method.views import SMALLEST
from dsc_core.threads import one_thread

if TYPE_CHECKING:
    import scipy.sparse as sparse
    from torch import Tensor

SCATTERING, COLUMNS, PIXELS = "scattering", "columns", "pixels"
SOURCES = {  # from what clusters are found, in words
    SCATTERING: "from the scattering transform of the images",
    COLUMNS: "from the columns themselves",
    PIXELS: "from the pixels themselves",
}
PARTS = ("scattering", "neighbours", "cut", "maps")  # of the work, by their names in `training.costs`
SMALL = 2**21  # numbers of all samples up to which one thread is the fastest

Report = Callable[
    [str, int, int], object
]  # one of PARTS, how much of it is done, of how much; 0 where unknown


@dataclass(frozen=True, eq=False)
class Untrained:
    """Clusters of n samples that were found without training.

    clusters: (n,). agreement: (n,) float32, the share of a sample's neighbourhood in the graph that is in its cluster.
    distances: (n,) float32, to the centre of the cluster in the diffusion map. map: (n, 2) float32. silhouette: in the
    diffusion map, None where undefined; eigengap: of the graph.
    """

    clusters: np.ndarray
    agreement: np.ndarray
    distances: np.ndarray
    map: np.ndarray
    silhouette: float | None
    eigengap: float | None


def settings(shape: tuple[int, ...], clusters: int, seed: int) -> Config:
    """The settings by which samples of this shape, (C, H, W) or (F,), are clustered: those of runs, without training.

    They have no copies, and where there is no scattering, no encoder.
    """
    scattered = source_of(shape) == SCATTERING
    return Config().replace(
        clusters=clusters,
        seed=seed,
        augmented_agreement=0.0,
        second_view=SCATTERING if scattered else "none",
        encoder="network" if scattered else "none",
    )


def source_of(shape: tuple[int, ...]) -> str:
    """From what samples of this shape are clustered, one of SOURCES."""
    if len(shape) == 1:
        return COLUMNS
    return SCATTERING if min(shape[1:]) >= SMALLEST else PIXELS


def describe(
    samples: np.ndarray, scaling: tuple[float, float], config: Config, report: Report = lambda *_: None
) -> Tensor:
    """The fixed descriptions of samples (n, …). → (n, d) float32.

    scaling: (offset, factor), see `data.Dataset`. config: see `settings`. report: what it raises ends the work.
    """
    shape = samples.shape[1:]
    scattered = source_of(shape) == SCATTERING

    def progress(done: int, total: int) -> None:
        report("scattering" if scattered else "neighbours", done, total)

    progress(0, len(samples))
    import torch

    from dsc_core.method import scattering
    from dsc_core.method.feed import Feed

    feed = Feed(samples, scaling, torch.device("cpu"))
    if not scattered:
        return feed(np.arange(len(samples))).reshape(len(samples), -1).contiguous()
    with _threads(samples.shape):
        return scattering.codes(feed, shape, config.seed, progress=progress)


def build_graph(points: Tensor, config: Config, report: Report = lambda *_: None) -> sparse.csr_matrix:
    """The neighbour graph of descriptions (n, d), sparse (n, n). It does not depend on K. See `describe`."""
    from dsc_core.method.graph import whole_graph

    def progress(done: int, total: int) -> None:
        report("neighbours", done, total)

    progress(0, len(points))
    with _threads(points.shape):
        return whole_graph(points, config.neighbours, progress, search=config.search, seed=config.seed)


def find_clusters(affinity: sparse.csr_matrix, config: Config, report: Report = lambda *_: None) -> Untrained:
    """The clusters of a graph, sparse (n, n), and its map. config, report: see `describe`."""
    from dsc_core.analysis import cluster_stats, umap_map
    from dsc_core.method.cut import cut_graph
    from dsc_core.method.graph import votes

    def progress(part: str) -> None:
        report(part, 0, 0)

    progress("cut")
    cut = cut_graph(affinity, config, check_cancelled=lambda: progress("cut"))
    labels = np.asarray(cut.labels, dtype=np.int64)
    agreement = votes(affinity, labels, config.clusters)[np.arange(len(labels)), labels]
    distances = cluster_stats.centre_distances(cut.coordinates, labels).astype(np.float32)
    progress("maps")
    points = umap_map.project(cut.coordinates, config.seed, lambda _: progress("maps"))
    progress("maps")  # the layout of up to 20,000 points asks nothing meanwhile
    separation = silhouette(cut.coordinates, labels, config.seed)
    progress("maps")
    return Untrained(
        labels,
        np.clip(agreement, 0, 1),
        distances,
        points,
        separation,
        eigengap(cut.eigenvalues, config.clusters),
    )


def _threads(shape: tuple[int, ...]) -> AbstractContextManager[Any]:
    """One thread for an array of few numbers, otherwise as many as there are."""
    return one_thread() if math.prod(shape) <= SMALL else nullcontext()

"""Label a few: names given to a few samples or clusters, spread along the graph of the whole data set.

Label spreading in closed form, F = (1 − α)(I − αS)⁻¹Y with S = D^−½·W·D^−½ (D. Zhou, O. Bousquet, T. Lal, J. Weston,
B. Schölkopf, "Learning with local and global consistency", 2004). It is linear in Y: each source, the core of a cluster
or a single sample, is solved for once and cached; another name only needs another sum.

Clusters without any name are sources too, of "no name": a name stops at their border instead of filling everything
that nobody has named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import ArrayLike
from scipy.sparse.linalg import cg

from dsc_core.errors import RunError
from dsc_core.method.graph import normalise

ALPHA = 0.9  # a name walks ten steps on average: through a cluster, but rarely out of it (Zhou et al.: 0.99)
CORE = 0.1  # share of a cluster, its most confident samples, that carries the name of the cluster
LARGEST_CORE = 200
CLUSTER_WEIGHT = 3.0  # a cluster's name counts like so many named samples; having no name counts like one
TOLERANCE = 1e-5  # of the conjugate gradients, relative
MOST_STEPS = 2_000
CACHE_SIZE = 256  # samples whose reach is cached: 72 MB for 70,000 samples
FAINT = 1e-9  # of the largest mass: samples below it are not reached

Progress = Callable[[str, int, int], None]  # activity, done, total; may raise to cancel


def cores(clusters: ArrayLike, confidence: ArrayLike, count: int) -> list[np.ndarray]:
    """Positions of the most confident tenth of each cluster, one to LARGEST_CORE of them; none of an empty cluster."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    ranked = np.asarray(clusters)[order]
    members = [order[ranked == cluster] for cluster in range(count)]
    return [rows[: min(max(int(np.ceil(CORE * len(rows))), 1), LARGEST_CORE)] for rows in members]


class Spreader:
    """The graph of a data set, and how far each source of a name reaches in it.

    affinity: sparse (n, n), symmetric, not negative. clusters (n,) in 0..count-1, confidence (n,).
    """

    def __init__(
        self, affinity: sparse.csr_matrix, clusters: np.ndarray, confidence: np.ndarray, count: int
    ) -> None:
        normalised, _ = normalise(affinity)
        self.system = (sparse.identity(normalised.shape[0], format="csr") - ALPHA * normalised).tocsr()
        self.clusters, self.count = np.asarray(clusters, dtype=np.int64), count
        self.cores = cores(clusters, confidence, count)
        self._of_cluster: dict[int, np.ndarray] = {}
        self._of_sample: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.system.shape[0]

    def prepare(self, progress: Progress | None = None) -> Spreader:
        """Solve for every cluster. Returns itself."""
        for cluster in range(self.count):
            if progress:
                progress("Computing how far each cluster reaches", cluster, self.count)
            self.reach_of_cluster(cluster)
        return self

    def reach_of_cluster(self, cluster: int) -> np.ndarray:
        """How a name carried by the cluster's core reaches every sample, (n,) float32; in total like one sample."""
        if cluster not in self._of_cluster:
            core = self.cores[cluster]
            self._of_cluster[cluster] = self._solve(core, 1 / max(len(core), 1))
        return self._of_cluster[cluster]

    def reach_of_sample(self, sample: int) -> np.ndarray:
        """How a name carried by one sample reaches every sample, (n,) float32."""
        reach = self._of_sample.get(sample)
        if reach is None:
            reach = self._of_sample[sample] = self._solve(np.array([sample]), 1.0)
            while len(self._of_sample) > CACHE_SIZE:
                self._of_sample.pop(next(iter(self._of_sample)), None)
        return reach

    def _solve(self, rows: np.ndarray, weight: float) -> np.ndarray:
        """(1 − α)(I − αS)⁻¹y, where y is `weight` at `rows` and 0 elsewhere; (n,) float32."""
        right = np.zeros(len(self))
        right[rows] = weight * (1 - ALPHA)
        if not len(rows):
            return right.astype(np.float32)
        solution, failed = cg(self.system, right, rtol=TOLERANCE, maxiter=MOST_STEPS)
        if failed or not np.isfinite(solution).all():
            raise RunError(
                "Names cannot spread on this graph because its weights are damaged; train the run again."
            )
        return np.maximum(solution, 0).astype(np.float32)


@dataclass(frozen=True)
class SpreadNames:
    """The most likely name of every sample.

    names: in order of first use. index: (n,), each sample's name as an index into `names`, -1 for none (it is not
    reached, or a cluster without a name is nearer). certainty: (n,) float32 in [0, 1], the share of that name, or of
    having none. by_hand: (n,) bool, samples that a person named.
    """

    names: tuple[str, ...]
    index: np.ndarray
    certainty: np.ndarray
    by_hand: np.ndarray

    def covered(self, least: float) -> np.ndarray:
        """Which samples have a name of at least that certainty, (n,) bool."""
        return (self.index >= 0) & (self.certainty >= least)

    def labels(self, least: float = 0.0) -> np.ndarray:
        """The name of every sample, (n,) str, "" without one of at least that certainty."""
        names = np.array([*self.names, ""], dtype=str)
        return names[np.where(self.covered(least), self.index, -1)]

    def counts(self, least: float) -> dict[str, int]:
        """{name: number of samples with that name and at least that certainty}."""
        counts = np.bincount(self.index[self.covered(least)], minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))


def spread(spreader: Spreader, clusters: dict[int, str], samples: dict[int, str]) -> SpreadNames:
    """Spread the names of clusters {cluster: name} and samples {position: name}; samples keep names given to them.

    A cluster counts as unnamed if neither it nor any of its samples has a name.
    """
    count = len(spreader)
    names = tuple(dict.fromkeys([*clusters.values(), *samples.values()]))
    index_of = {name: i for i, name in enumerate(names)}
    mass = _mass(spreader, clusters, samples, index_of)
    total = mass.sum(0)
    reached = total > FAINT * max(float(total.max(initial=0)), 1e-300)
    best = mass.argmax(0)
    certainty = np.where(reached, mass[best, np.arange(count)] / np.maximum(total, 1e-300), 0.0)
    index = np.where(reached & (best < len(names)), best, -1)
    by_hand = np.zeros(count, dtype=bool)
    for sample, name in samples.items():
        index[sample], certainty[sample], by_hand[sample] = index_of[name], 1.0, True
    return SpreadNames(names, index, certainty.astype(np.float32), by_hand)


def _mass(
    spreader: Spreader, clusters: dict[int, str], samples: dict[int, str], index_of: dict[str, int]
) -> np.ndarray:
    """How much of each name reaches each sample, (names + 1, n); the last row is that of having no name."""
    mass = np.zeros((len(index_of) + 1, len(spreader)), dtype=np.float64)
    with_names = {*clusters, *(int(spreader.clusters[sample]) for sample in samples)}
    for cluster in range(spreader.count):
        if cluster in clusters:
            mass[index_of[clusters[cluster]]] += CLUSTER_WEIGHT * spreader.reach_of_cluster(cluster)
        elif cluster not in with_names:
            mass[-1] += spreader.reach_of_cluster(cluster)
    for sample, name in samples.items():
        mass[index_of[name]] += spreader.reach_of_sample(sample)
    return mass


def suggest(result: SpreadNames, clusters: np.ndarray, confidence: np.ndarray, most: int) -> np.ndarray:
    """Positions of samples that are most worth naming, (≤ most,), at most one per cluster.

    First the most confident sample of each cluster that is mostly unnamed, the largest cluster first; then the samples
    with the least certain names.
    """
    clusters, confidence = np.asarray(clusters), np.asarray(confidence)
    unnamed = result.index < 0
    typical = []
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        if unnamed[members].mean() > 0.5:
            typical.append((-len(members), int(members[confidence[members].argmax()])))
    first = [sample for _, sample in sorted(typical)]
    order = np.argsort(np.where(result.by_hand, np.inf, result.certainty), kind="stable")
    uncertain: dict[int, int] = {}  # cluster: its least certain sample
    for sample in order[: 50 * most].tolist():
        eligible = not result.by_hand[sample] and not unnamed[sample] and sample not in first
        if eligible and len(uncertain) < most:
            uncertain.setdefault(clusters[sample], sample)
    return np.array([*first, *uncertain.values()][:most], dtype=np.int64)


def agreement(result: SpreadNames, labels: np.ndarray, least: float) -> float | None:
    """The share of covered samples, not named by hand, whose name equals their label; for evaluation only.

    None if there are no such samples, or if no name is one of the labels.
    """
    labels = np.asarray(labels).astype(str)
    compared = result.covered(least) & ~result.by_hand
    if not compared.any() or not set(result.names) & set(np.unique(labels).tolist()):
        return None
    return float((result.labels()[compared] == labels[compared]).mean())

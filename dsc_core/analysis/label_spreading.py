"""Label a few: a few given names spread along the graph of the whole data set to the samples that nobody named.

Label spreading in closed form, F = (1 − α)(I − αS)⁻¹Y with S = D^−½·W·D^−½ (Zhou, Bousquet, Lal, Weston,
Schölkopf, "Learning with local and global consistency", 2004). It is linear in Y: each source, a cluster's core
or one sample, is solved for once and kept, and a changed name is only another sum.

Clusters without any name are sources too, of no name: a name stops where they begin, instead of filling all that
nobody has spoken of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import cg

from dsc_core.errors import RunError
from dsc_core.method.graph import symmetric

ALPHA = 0.9  # a name walks ten steps on average: through a cluster, before it leaks out of one (Zhou et al.: 0.99)
CORE = 0.1  # of a cluster, its surest samples, carry the name of the cluster
LARGEST_CORE = 200
CLUSTER_WEIGHT = 3.0  # a cluster's name counts as that many named samples; having none counts as one
TOLERANCE = 1e-5  # of the conjugate gradients, relative
MOST_STEPS = 2_000
MOST_KEPT = 256  # samples whose reach is kept: at 70,000 samples 72 MB
FAINT = 1e-9  # of the largest: what is below has not been reached

Tell = Callable[[str, int, int], None]


def cores(clusters: np.ndarray, confidence: np.ndarray, count: int) -> list[np.ndarray]:
    """The places of the surest tenth of each cluster, at least one and at most LARGEST_CORE; none of an empty one."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    ranked = np.asarray(clusters)[order]
    members = [order[ranked == cluster] for cluster in range(count)]
    return [some[: min(max(int(np.ceil(CORE * len(some))), 1), LARGEST_CORE)] for some in members]


class Spreader:
    """The graph of a data set, and how far each source of a name reaches in it.

    affinity: sparse (n, n), symmetric, not negative. clusters (n,) in 0..count-1, confidence (n,).
    """

    def __init__(self, affinity, clusters: np.ndarray, confidence: np.ndarray, count: int):
        normalised, _ = symmetric(affinity)
        self.system = (sparse.identity(normalised.shape[0], format="csr") - ALPHA * normalised).tocsr()
        self.clusters, self.count = np.asarray(clusters, dtype=np.int64), count
        self.cores = cores(clusters, confidence, count)
        self._of_cluster: dict[int, np.ndarray] = {}
        self._of_sample: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.system.shape[0]

    def prepare(self, tell: Tell | None = None) -> Spreader:
        """Solve for every cluster; tell(words, done, total) may raise to end it. Returns itself."""
        for cluster in range(self.count):
            if tell:
                tell("How far each cluster reaches", cluster, self.count)
            self.of_cluster(cluster)
        return self

    def of_cluster(self, cluster: int) -> np.ndarray:
        """How a name that the cluster's core carries reaches every sample, (n,) float32; all of it like one sample."""
        if cluster not in self._of_cluster:
            core = self.cores[cluster]
            self._of_cluster[cluster] = self._solve(core, 1 / max(len(core), 1))
        return self._of_cluster[cluster]

    def of_sample(self, sample: int) -> np.ndarray:
        """How a name that one sample carries reaches every sample, (n,) float32."""
        known = self._of_sample.get(sample)
        if known is None:
            known = self._of_sample[sample] = self._solve(np.array([sample]), 1.0)
            while len(self._of_sample) > MOST_KEPT:
                self._of_sample.pop(next(iter(self._of_sample)), None)
        return known

    def _solve(self, places: np.ndarray, weight: float) -> np.ndarray:
        """(1 − α)(I − αS)⁻¹y with y = `weight` at `places`, 0 elsewhere."""
        right = np.zeros(len(self))
        right[places] = weight * (1 - ALPHA)
        if not len(places):
            return right.astype(np.float32)
        found, failed = cg(self.system, right, rtol=TOLERANCE, maxiter=MOST_STEPS)
        if failed or not np.isfinite(found).all():
            raise RunError(
                "The names do not spread on this graph: its weights are damaged, train the run again."
            )
        return np.maximum(found, 0).astype(np.float32)


@dataclass(frozen=True)
class Spread:
    """What became of the names. names: in the order of their first use.

    name: (n,) the place of each sample's most likely name in `names`, -1 where it has none (nothing reaches it, or
    a cluster without a name is nearer). sure: (n,) float32, the share of that name, in [0, 1]; of those without
    one, the share of having none. given: (n,) bool, samples named by hand.
    """

    names: tuple[str, ...]
    name: np.ndarray
    sure: np.ndarray
    given: np.ndarray

    def covered(self, least: float) -> np.ndarray:
        """Which samples have a name that is at least so sure, (n,) bool."""
        return (self.name >= 0) & (self.sure >= least)

    def words(self, least: float = 0.0) -> np.ndarray:
        """The name of every sample, (n,) str, "" where it has none that is at least so sure."""
        known = np.array([*self.names, ""], dtype=str)
        return known[np.where(self.covered(least), self.name, -1)]

    def counts(self, least: float) -> dict[str, int]:
        """{name: samples that are called so, at least so sure}."""
        found = np.bincount(self.name[self.covered(least)], minlength=len(self.names))
        return dict(zip(self.names, found.tolist(), strict=True))


def spread(spreader: Spreader, clusters: dict[int, str], samples: dict[int, str]) -> Spread:
    """Spread the names of clusters {cluster: name} and samples {place: name}. A sample keeps the name given to it.

    A cluster is without a name as long as neither it nor one of its samples has one.
    """
    count = len(spreader)
    names = tuple(dict.fromkeys([*clusters.values(), *samples.values()]))
    place = {name: i for i, name in enumerate(names)}
    mass = np.zeros((len(names) + 1, count), dtype=np.float64)
    spoken = {*clusters, *(int(spreader.clusters[sample]) for sample in samples)}
    for cluster in range(spreader.count):
        if cluster in clusters:
            mass[place[clusters[cluster]]] += CLUSTER_WEIGHT * spreader.of_cluster(cluster)
        elif cluster not in spoken:
            mass[-1] += spreader.of_cluster(cluster)
    for sample, name in samples.items():
        mass[place[name]] += spreader.of_sample(sample)
    total = mass.sum(0)
    reached = total > FAINT * max(float(total.max(initial=0)), 1e-300)
    best = mass.argmax(0)
    sure = np.where(reached, mass[best, np.arange(count)] / np.maximum(total, 1e-300), 0.0)
    name = np.where(reached & (best < len(names)), best, -1)
    given = np.zeros(count, dtype=bool)
    for sample, word in samples.items():
        name[sample], sure[sample], given[sample] = place[word], 1.0, True
    return Spread(names, name, sure.astype(np.float32), given)


def worth_naming(found: Spread, clusters: np.ndarray, confidence: np.ndarray, most: int) -> np.ndarray:
    """Places of samples whose naming would tell most, (≤ most,), each cluster at most once in a round.

    First the surest sample of each cluster in which no sample has a name, the larger cluster first; then the
    samples whose name is least sure.
    """
    clusters, confidence = np.asarray(clusters), np.asarray(confidence)
    bare = found.name < 0
    typical = []
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        if bare[members].mean() > 0.5:
            typical.append((-len(members), int(members[confidence[members].argmax()])))
    first = [sample for _, sample in sorted(typical)]
    order = np.argsort(np.where(found.given, np.inf, found.sure), kind="stable")
    unsure, seen = [], set()
    for sample in order[: 50 * most].tolist():
        if (
            not found.given[sample]
            and not bare[sample]
            and clusters[sample] not in seen
            and sample not in first
        ):
            unsure.append(sample)
            seen.add(clusters[sample])
        if len(unsure) == most:
            break
    return np.array([*first, *unsure][:most], dtype=np.int64)


def agreement(found: Spread, labels: np.ndarray, least: float) -> float | None:
    """The share of covered samples, not named by hand, whose name is their label's word. None where there are none.

    For evaluation only: labels never take part in the spreading. None also where no name is one of the labels.
    """
    words = np.asarray(labels).astype(str)
    seen = found.covered(least) & ~found.given
    if not seen.any() or not set(found.names) & set(np.unique(words).tolist()):
        return None
    return float((found.words()[seen] == words[seen]).mean())

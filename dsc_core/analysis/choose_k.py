"""How many clusters? What the graph of a trained latent says of a range of K, without training and without labels.

Three figures, none of them accuracy. The **eigengap** is the drop of the graph's eigenvalues after the K-th (von
Luxburg, "A tutorial on spectral clustering", 2007, section 8.3). **Stability** is the mean adjusted Rand index of
clusterings by k-means with different seeds on different subsamples, compared on the same samples (Ben-Hur,
Elisseeff, Guyon, "A stability based method for discovering structure in clustered data", 2002). The
**silhouette** is theirs, on those samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances, silhouette_score

from dsc_core.analysis import metrics
from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph
from dsc_core.method.cut import DIMS_A_CLUSTER, at_scales
from dsc_core.sampling import sample_rows

CLUSTERINGS = 6  # by as many seeds, each on a subsample of its own: 15 pairs to compare
STARTS = 3  # of each k-means
SHARE = 0.8  # of the samples in a subsample
SUBSAMPLE = 5_000  # at most: what k-means sees of larger data sets
COMPARED = 2_000  # samples on which clusterings are compared: a silhouette needs all their distances
LOWEST, HIGHEST = 2, 60  # clusters that can be asked about

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Row:
    """What was found for one K. stability: the mean over pairs of clusterings, lowest: that of the least alike.

    The silhouettes, in [-1, 1], are means over the clusterings; None where they have no meaning.
    """

    clusters: int
    stability: float
    lowest: float
    silhouette_latent: float | None
    silhouette_spectral: float | None

    def to_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


def limits(count: int) -> tuple[int, int]:
    """The lowest and the highest K that `count` samples can be asked about; InputError where there are too few."""
    high = min(HIGHEST, int(SHARE * count) // 2)
    if high < LOWEST + 1:
        raise InputError(f"{count} samples are too few to compare numbers of clusters.")
    return LOWEST, high


def spectrum(affinity, high: int, config: Config, tell: Tell | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The diffusion map that every K up to `high` is read from: eigenvalues (dims,), vectors (n, dims).

    affinity: the graph of the whole data set, sparse (n, n). tell(words, done, total) may raise to end it.
    """
    asked = (lambda: tell("Eigenvalues of the graph", 0, 0)) if tell else None
    return graph.diffusion_map(affinity, DIMS_A_CLUSTER * high, config.seed, asked)


def sweep(
    latent: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    numbers: list[int],
    config: Config,
    tell: Tell | None = None,
) -> Iterator[Row]:
    """A Row for each K in `numbers`, in their order, as soon as it is known.

    latent: (n, d). values, vectors: of `spectrum`. Seeded by config.seed. tell(words, done, total) is called
    before each clustering, and may raise to end it.
    """
    count = len(latent)
    compared = sample_rows(count, COMPARED, config.seed)
    away = pairwise_distances(np.asarray(latent, dtype=np.float32)[compared])
    np.fill_diagonal(away, 0)
    steps = len(numbers) * CLUSTERINGS
    for place, clusters in enumerate(numbers):
        dims = DIMS_A_CLUSTER * clusters
        points = np.hstack(at_scales(values[:dims], vectors[:, :dims], config.damping)).astype(np.float32)
        found = []
        for turn in range(CLUSTERINGS):
            if tell:
                tell(f"Clusterings into {clusters}", place * CLUSTERINGS + turn, steps)
            found.append(one_clustering(points, clusters, compared, config.seed * CLUSTERINGS + turn))
        alike = [adjusted_rand_score(one, other) for one, other in combinations(found, 2)]
        spectral = pairwise_distances(points[compared])
        np.fill_diagonal(spectral, 0)
        yield Row(
            clusters,
            float(np.mean(alike)),
            float(np.min(alike)),
            mean_silhouette(away, found),
            mean_silhouette(spectral, found),
        )


def one_clustering(points: np.ndarray, clusters: int, compared: np.ndarray, seed: int) -> np.ndarray:
    """The clusters of the samples `compared` (m,), by k-means on a subsample of `points` (n, dims)."""
    size = min(max(int(np.ceil(SHARE * len(points))), clusters), SUBSAMPLE)
    some = sample_rows(len(points), size, seed)
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed % 2**32).fit(points[some])
    return fitted.predict(points[compared])


def mean_silhouette(distances: np.ndarray, found: list[np.ndarray]) -> float | None:
    """The mean silhouette of several clusterings (m,) of the same samples, by their distances (m, m)."""
    known = [
        silhouette_score(distances, labels, metric="precomputed")
        for labels in found
        if 2 <= len(np.unique(labels)) < len(labels)
    ]
    return float(np.mean(known)) if known and np.isfinite(known).all() else None


# What it says -------------------------------------------------------------------------------------------------


def gaps(values: np.ndarray, numbers: list[int]) -> dict[int, float]:
    """{K: the drop of the eigenvalues after the K-th}, for the K in `numbers` that have one."""
    known = {number: metrics.eigengap(values, number) for number in numbers}
    return {number: gap for number, gap in known.items() if gap is not None}


def favoured(values: np.ndarray, rows: list[Row]) -> dict[str, int]:
    """The K that each figure favours: "eigengap", "stability", "silhouette_latent", "silhouette_spectral".

    Of equally good ones the larger: few clusters are stable for being few. Figures that are not known are left
    out.
    """
    votes = {}
    drops = gaps(values, [row.clusters for row in rows])
    if drops:
        votes["eigengap"] = max(drops, key=lambda number: (round(drops[number], 6), number))
    for name in ("stability", "silhouette_latent", "silhouette_spectral"):
        known = {row.clusters: getattr(row, name) for row in rows if getattr(row, name) is not None}
        if known:
            votes[name] = max(known, key=lambda number: (round(known[number], 3), number))
    return votes


def advised(votes: dict[str, int]) -> int | None:
    """The K with most votes; where none has two, that of the eigengap, or else of the first figure known."""
    if not votes:
        return None
    counts = {number: list(votes.values()).count(number) for number in votes.values()}
    best = max(counts.values())
    first = next(iter(votes.values()))
    return first if best == 1 or counts[first] == best else max(counts, key=counts.get)

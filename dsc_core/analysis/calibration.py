"""What can be trusted of a clustering: calibration of its confidence, agreement with other runs, and warnings.

Everything here knows arrays only. Calibration needs labels and is evaluation; the rest needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsc_core.analysis import metrics
from dsc_core.analysis.cluster_stats import silhouettes

BINS = 10  # of the reliability diagram, of equal width
TINY = 0.2  # of n/K: a cluster below it is told of
MOST_OF_ALL = 0.5  # a cluster with a larger share of all samples is told of; at K = 2 and 3 a little more is
LOOSE = 0.05  # mean silhouette in the spectral space below which a cluster does not hold together
OVERLAP = 0.1  # of a cluster's weight in the graph that leads to one other cluster


# Calibration --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram of a confidence, a row a bin of equal width, and the two figures made of it.

    edges: (bins + 1,). counts: (bins,). confidence, accuracy: (bins,), means of the samples in a bin, NaN in an
    empty one. error: the expected calibration error Σ_b n_b/n · |accuracy_b − confidence_b| (Guo et al., "On
    calibration of modern neural networks", 2017). lean: mean confidence less the share that is right: above 0
    it is too sure of itself.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float
    lean: float


def calibration(right: np.ndarray, confidence: np.ndarray, bins: int = BINS) -> Calibration:
    """How often samples of each confidence are right. right: (n,) bool. confidence: (n,) in [0, 1]; n > 0."""
    right, confidence = np.asarray(right, dtype=np.float64), np.asarray(confidence, dtype=np.float64)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        sure = np.bincount(place, confidence, bins) / counts
        share = np.bincount(place, right, bins) / counts
    apart = np.abs(share - sure)[counts > 0]
    error = float((counts[counts > 0] * apart).sum() / len(right))
    return Calibration(edges, counts, sure, share, error, float(confidence.mean() - right.mean()))


def right_ones(labels, clusters) -> np.ndarray:
    """Whether each sample's cluster, matched one to one with the classes, is its class. (n,), (n,) → (n,) bool."""
    classes, rows = metrics.class_codes(labels)
    place = {name: row for row, name in enumerate(classes)}
    matched = metrics.match(labels, clusters)
    wanted = np.array([place.get(matched.get(cluster), -1) for cluster in np.asarray(clusters).tolist()])
    return wanted == rows


# Other runs ---------------------------------------------------------------------------------------------------


def changed(clusters: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Which samples are in another cluster in each of the other runs, (runs, n) bool.

    clusters, others: (n,) of the same samples. The clusters of another run are matched one to one with these;
    samples of one that has no match count as changed.
    """
    return np.array([~right_ones(clusters, other) for other in others], dtype=bool).reshape(-1, len(clusters))


def least_stable(shares: np.ndarray, confidence: np.ndarray, most: int) -> np.ndarray:
    """The places of the samples that change most, of equal ones the least sure first; none that never changes."""
    order = np.lexsort((np.asarray(confidence), -np.asarray(shares)))[:most]
    return order[shares[order] > 0]


# Warnings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signs:
    """What is known of each cluster without labels. sizes: (K,). silhouette: (K,), NaN where it has no meaning.

    leads: (K, K), the share of row cluster's weight in the graph that leads into the column cluster.
    """

    sizes: np.ndarray
    silhouette: np.ndarray
    leads: np.ndarray


def signs(clusters: np.ndarray, count: int, spectral: np.ndarray, affinity, seed: int = 0) -> Signs:
    """The Signs of clusters (n,) in 0..count-1. spectral: (n, K'). affinity: sparse (n, n), or None: no leads."""
    clusters = np.asarray(clusters, dtype=np.int64)
    sizes = np.bincount(clusters, minlength=count)
    leads = np.zeros((count, count)) if affinity is None else lead(clusters, count, affinity)
    known = silhouettes(spectral, clusters, seed)
    return Signs(sizes, np.array([known.get(cluster, np.nan) for cluster in range(count)]), leads)


def lead(clusters: np.ndarray, count: int, affinity) -> np.ndarray:
    """The share of each cluster's edge weight that leads into each cluster, itself included. → (K, K)."""
    import scipy.sparse as sparse

    rows = np.arange(len(clusters))
    member = sparse.csr_matrix((np.ones(len(rows)), (rows, clusters)), shape=(len(rows), count))
    weight = (member.T @ (affinity @ member)).toarray()
    return weight / np.maximum(weight.sum(1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Warned:
    """A sentence about clusters. kind: "collapsed", "empty", "tiny", "loose" or "mixed"."""

    kind: str
    clusters: tuple[int, ...]
    sentence: str


def warnings(known: Signs) -> list[Warned]:
    """What is wrong with the clusters by plain rules, the gravest first; [] where nothing is."""
    return [*collapsed(known), *empty(known), *tiny(known), *mixed(known), *loose(known)]


def collapsed(known: Signs) -> list[Warned]:
    """A cluster that holds most of all samples."""
    count, total = len(known.sizes), max(int(known.sizes.sum()), 1)
    share = known.sizes.max() / total
    if count < 2 or share <= max(MOST_OF_ALL, 1.8 / count):
        return []
    large = int(known.sizes.argmax())
    told = f"Cluster {large} holds {share:.0%} of all samples: the others may have collapsed into it. "
    told += "A higher balance, or another K, may part it."
    return [Warned("collapsed", (large,), told)]


def empty(known: Signs) -> list[Warned]:
    """Clusters without a sample."""
    none = np.flatnonzero(known.sizes == 0).tolist()
    if not none:
        return []
    verb = "has no sample" if len(none) == 1 else "have no samples"
    return [
        Warned("empty", tuple(none), f"{listed(none)} {verb}: fewer clusters would do, or a higher balance.")
    ]


def tiny(known: Signs) -> list[Warned]:
    """Clusters far below their equal share."""
    equal = known.sizes.sum() / len(known.sizes)
    return [
        Warned(
            "tiny",
            (cluster,),
            f"Cluster {cluster} is tiny: {size:,} sample{'s'[: size != 1]}, where an equal share is {equal:,.0f}. "
            "Look whether they are odd ones, or belong to another cluster.",
        )
        for cluster, size in enumerate(known.sizes.tolist())
        if 0 < size < TINY * equal
    ]


def mixed(known: Signs) -> list[Warned]:
    """Pairs of clusters that lie in one another, by the graph: each pair once."""
    found = {}
    leads = known.leads * (1 - np.eye(len(known.sizes)))
    for cluster in np.flatnonzero(known.sizes):
        other = int(leads[cluster].argmax())
        share = float(leads[cluster, other])
        pair = tuple(sorted((int(cluster), other)))
        if share > OVERLAP and share > found.get(pair, (0.0, 0))[0]:
            found[pair] = share, int(cluster)
    result = []
    for share, cluster in sorted(found.values(), reverse=True):
        other = int(leads[cluster].argmax())
        told = f"{share:.0%} of what cluster {cluster} is tied to in the graph lies in cluster {other}: "
        told += "they may be one group, or be cut at the wrong place."
        result.append(Warned("mixed", (cluster, other), told))
    return result


def loose(known: Signs) -> list[Warned]:
    """Clusters that do not hold together, by their silhouette."""
    return [
        Warned(
            "loose",
            (cluster,),
            f"Cluster {cluster} does not hold together: its mean silhouette in the spectral space is {value:.2f}. "
            "It may be a mixture of what fits nowhere else.",
        )
        for cluster, value in enumerate(known.silhouette.tolist())
        if value < LOOSE
    ]


def listed(clusters: list[int]) -> str:
    """ "Cluster 3" or "Clusters 3, 5 and 7"."""
    words = [str(cluster) for cluster in clusters]
    if len(words) == 1:
        return f"Cluster {words[0]}"
    return f"Clusters {', '.join(words[:-1])} and {words[-1]}"

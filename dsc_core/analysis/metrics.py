"""How well clusters agree with known classes: ACC, NMI, ARI, the matching behind ACC, and the confusion matrix.

ACC is the share of samples whose cluster is matched with their class, under the best one-to-one matching of clusters
with classes (Hungarian method, by the `munkres` package). NMI is normalised by the arithmetic mean. ARI is the adjusted
Rand index. All of this is evaluation: training never imports this module.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def scores(labels: ArrayLike, clusters: ArrayLike) -> dict[str, float]:
    """ACC, NMI and ARI of `clusters` (n,) against the classes `labels` (n,), as {"acc", "nmi", "ari"}.

    Labels may be numbers or words; clusters and classes may differ in number.
    ValueError if the lengths differ or are 0.
    """
    return {
        "acc": accuracy(labels, clusters),
        "nmi": normalised_mutual_information(labels, clusters),
        "ari": adjusted_rand_index(labels, clusters),
    }


def accuracy(labels: ArrayLike, clusters: ArrayLike) -> float:
    """ACC: the share of samples on the best one-to-one matching of clusters with classes, in (0, 1]."""
    counts, _, _ = contingency(labels, clusters)
    return matched_share(counts)


def matched_share(counts: np.ndarray) -> float:
    """ACC of a contingency table (classes, clusters)."""
    return float(sum(counts[pair] for pair in best_pairs(counts)) / counts.sum())


def normalised_mutual_information(labels: ArrayLike, clusters: ArrayLike) -> float:
    """NMI, in [0, 1]: 2 I / (H(labels) + H(clusters)); 1 where both are a single group, as in scikit-learn."""
    joint = contingency(labels, clusters)[0] / len(np.asarray(labels))
    rows, columns = joint.sum(1), joint.sum(0)
    if len(rows) == len(columns) == 1:
        return 1.0
    met = joint > 0
    information = float((joint[met] * np.log(joint[met] / np.outer(rows, columns)[met])).sum())
    if information <= np.finfo(float).eps:
        return 0.0
    return min(2 * information / (_entropy(rows) + _entropy(columns)), 1.0)


def _entropy(shares: np.ndarray) -> float:
    """The entropy in nats of shares (k,) that are all above zero."""
    return float(-(shares * np.log(shares)).sum())


def adjusted_rand_index(labels: ArrayLike, clusters: ArrayLike) -> float:
    """ARI, at most 1, about 0 for random clusters, from the pairs of samples that both, one or none put together.

    L. Hubert, P. Arabie, "Comparing partitions", 1985.
    """
    counts = contingency(labels, clusters)[0].astype(object)  # Python integers: the products exceed 64 bits
    n = int(counts.sum())
    both = int((counts**2).sum())
    rows, columns = int((counts.sum(1) ** 2).sum()), int((counts.sum(0) ** 2).sum())
    together, apart = both - n, n**2 - rows - columns + both  # ordered pairs
    only_rows, only_columns = rows - both, columns - both
    if not only_rows and not only_columns:
        return 1.0
    agreed = 2 * (together * apart - only_rows * only_columns)
    return agreed / (
        (together + only_rows) * (only_rows + apart) + (together + only_columns) * (only_columns + apart)
    )


def match(labels: ArrayLike, clusters: ArrayLike) -> dict[Any, Any]:
    """{cluster: class} of the best one-to-one matching; clusters beyond the number of classes have no entry."""
    counts, classes, distinct = contingency(labels, clusters)
    return {distinct[column]: classes[row] for row, column in best_pairs(counts)}


def correct(labels: ArrayLike, clusters: ArrayLike) -> np.ndarray:
    """Whether each sample's class is the one that its cluster is matched with, (n,) bool; its mean is ACC."""
    classes, rows = class_codes(labels)
    row_of_class: dict[Hashable, int] = {name: row for row, name in enumerate(classes)}
    matched = match(labels, clusters)
    expected = [row_of_class.get(matched.get(cluster), -1) for cluster in np.asarray(clusters).tolist()]
    return np.array(expected) == rows


def confusion(labels: ArrayLike, clusters: ArrayLike) -> tuple[np.ndarray, list[Any], list[Any]]:
    """The confusion matrix with its columns in the order of the classes that they are matched with.

    Returns (matrix, class_names, cluster_order): matrix[i, j] counts the samples of class_names[i] in the cluster
    cluster_order[j]. Clusters without a class come last; a class without a cluster keeps its row. With as many clusters
    as classes the matched cells are the diagonal.
    """
    counts, classes, distinct = contingency(labels, clusters)
    matched = [column for _, column in sorted(best_pairs(counts))]
    order = matched + [column for column in range(len(distinct)) if column not in set(matched)]
    return counts[:, order], classes, [distinct[column] for column in order]


def contingency(labels: ArrayLike, clusters: ArrayLike) -> tuple[np.ndarray, list[Any], list[Any]]:
    """How often each class meets each cluster: (counts (classes, clusters), class names, clusters)."""
    classes, rows = class_codes(labels)
    distinct, columns = class_codes(clusters)
    if len(rows) != len(columns) or not len(rows):
        raise ValueError(f"{len(rows)} labels cannot be compared with {len(columns)} clusters.")
    counts = np.zeros((len(classes), len(distinct)), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts, classes, distinct


def best_pairs(counts: np.ndarray) -> list[tuple[int, int]]:
    """The (row, column) pairs with the largest total count, each row and each column used at most once."""
    from munkres import Munkres

    # Plain Python integers: the sums stay exact, and a rectangular matrix is matched as it is.
    cost = (int(counts.max()) - counts).tolist()
    return [(int(row), int(column)) for row, column in Munkres().compute(cost)]


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two clusterings (n,), of whole numbers from 0 on, are the same but for the numbers of their clusters."""
    pairs = len(np.unique(one * (int(other.max(initial=0)) + 1) + other))
    return pairs == len(np.unique(one)) == len(np.unique(other))


def class_codes(values: ArrayLike) -> tuple[list[Any], np.ndarray]:
    """The distinct values in natural order ("2" before "10"), and the (n,) index of each sample's value."""
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"Labels must be one value per sample, not an array of shape {values.shape}.")
    if values.dtype.kind not in "iubU":
        values = np.array([str(value) for value in values], dtype=np.str_)
    distinct, codes = np.unique(values, return_inverse=True)
    if values.dtype.kind == "U":
        order = sorted(range(len(distinct)), key=lambda i: natural_key(distinct[i]))
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(len(order))
        distinct, codes = distinct[order], rank[codes]
    return distinct.tolist(), codes


def natural_key(value: object) -> tuple[int, float, str]:
    """A sorting key that puts numbers first, by their value, then words alphabetically."""
    text = str(value)
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)

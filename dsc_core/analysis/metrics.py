"""How well clusters agree with known classes, and what can be said of them without classes.

ACC is the share of samples whose cluster is matched to their class, under the best one-to-one match of
clusters to classes (Hungarian method, the `munkres` package); NMI is normalised by the arithmetic mean;
ARI is the adjusted Rand index. The label-free scores are not accuracy and must not be called so.
Everything here knows arrays only, and nothing here is ever read by training.
"""

from __future__ import annotations

import numpy as np

from dsc_core.sampling import sample_rows

SILHOUETTE_SAMPLE = 2_000  # a silhouette needs all pairwise distances: 2,000 points are 16 MB of them


def scores(labels_true, clusters) -> dict[str, float]:
    """ACC, NMI and ARI of `clusters` (n,) against the classes `labels_true` (n,), as {"acc", "nmi", "ari"}.

    Labels may be numbers or words; clusters and classes may differ in number.
    ValueError where the two are of different lengths or empty.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    _, classes = class_codes(labels_true)
    _, found = class_codes(clusters)
    return {
        "acc": accuracy(labels_true, clusters),
        "nmi": float(normalized_mutual_info_score(classes, found, average_method="arithmetic")),
        "ari": float(adjusted_rand_score(classes, found)),
    }


def accuracy(labels_true, clusters) -> float:
    """ACC: the share of samples on the best one-to-one match of clusters to classes, in (0, 1]."""
    counts, _, _ = contingency(labels_true, clusters)
    return float(sum(counts[pair] for pair in best_pairs(counts)) / counts.sum())


def match(labels_true, clusters) -> dict:
    """{cluster: class} of the best one-to-one match; clusters beyond the number of classes have no entry."""
    counts, classes, found = contingency(labels_true, clusters)
    return {found[column]: classes[row] for row, column in best_pairs(counts)}


def confusion(labels_true, clusters) -> tuple[np.ndarray, list, list]:
    """The confusion matrix with its columns in the order of the classes that they are matched to.

    Returns (matrix, class_names, cluster_order): matrix[i, j] counts the samples of class_names[i] in the
    cluster cluster_order[j]. Clusters without a class come last; a class without a cluster keeps its row.
    With as many clusters as classes the matched cells are the diagonal.
    """
    counts, classes, found = contingency(labels_true, clusters)
    matched = [column for _, column in sorted(best_pairs(counts))]
    order = matched + [column for column in range(len(found)) if column not in set(matched)]
    return counts[:, order], classes, [found[column] for column in order]


def contingency(labels_true, clusters) -> tuple[np.ndarray, list, list]:
    """How often each class meets each cluster: (matrix (classes, clusters) of int, class names, clusters)."""
    classes, rows = class_codes(labels_true)
    found, columns = class_codes(clusters)
    if len(rows) != len(columns) or not len(rows):
        raise ValueError(f"{len(rows)} labels cannot be compared with {len(columns)} clusters.")
    counts = np.zeros((len(classes), len(found)), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts, classes, found


def best_pairs(counts: np.ndarray) -> list[tuple[int, int]]:
    """The (row, column) pairs that together count most, each row and each column used once at most."""
    from munkres import Munkres

    # Plain Python whole numbers: the sums stay exact, and a rectangular matrix is matched as it is.
    cost = (int(counts.max()) - counts).tolist()
    return [(int(row), int(column)) for row, column in Munkres().compute(cost)]


def class_codes(values) -> tuple[list, np.ndarray]:
    """The distinct values in natural order ("2" before "10"), and the (n,) place of each sample's value."""
    values = np.asarray(values)
    if values.ndim != 1:
        raise ValueError(f"Labels are one value a sample, not an array of shape {values.shape}.")
    if values.dtype.kind not in "iubU":
        values = np.array([str(value) for value in values], dtype=np.str_)
    distinct, codes = np.unique(values, return_inverse=True)
    if values.dtype.kind == "U":
        order = sorted(range(len(distinct)), key=lambda i: natural(distinct[i]))
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        distinct, codes = distinct[order], place[codes]
    return distinct.tolist(), codes


def natural(word) -> tuple:
    """A sorting key that puts numbers first and by their value, then words by the alphabet."""
    text = str(word)
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)


def label_free_scores(latent, spectral, clusters, seed: int = 0, eigenvalues=None) -> dict[str, float | None]:
    """What can be said of `clusters` (n,) without labels; not accuracy.

    {"silhouette_latent", "silhouette_spectral"}: mean silhouettes in [-1, 1] on the latent (n, d) and the
    spectral (n, K') coordinates, of a seeded sample of at most 2,000; None where they have no meaning (one
    cluster, coordinates that are not finite). With `eigenvalues` of the graph also "eigengap".
    """
    result = {
        "silhouette_latent": silhouette(latent, clusters, seed),
        "silhouette_spectral": silhouette(spectral, clusters, seed),
    }
    if eigenvalues is not None:
        result["eigengap"] = eigengap(eigenvalues, len(np.unique(clusters)))
    return result


def silhouette(points, clusters, seed: int = 0) -> float | None:
    """The mean silhouette in [-1, 1] of a seeded sample of at most 2,000 points (n, d), or None."""
    from sklearn.metrics import silhouette_score

    clusters = np.asarray(clusters)
    chosen = sample_rows(len(clusters), SILHOUETTE_SAMPLE, seed)
    points, clusters = np.asarray(points)[chosen].astype(np.float64), clusters[chosen]
    found = len(np.unique(clusters))
    if not 2 <= found < len(clusters) or not np.isfinite(points).all():
        return None
    return float(silhouette_score(points.reshape(len(points), -1), clusters))


def eigengap(eigenvalues, clusters: int) -> float | None:
    """How far the K-th largest eigenvalue of the normalised affinity stands above the next, or None."""
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    return float(values[clusters - 1] - values[clusters]) if 1 <= clusters < len(values) else None

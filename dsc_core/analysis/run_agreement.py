"""Agreement between runs on the same data: which samples change their cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsc_core.analysis import metrics


def changed(clusters: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Which samples are in another cluster in each of the other runs, (runs, n) bool.

    clusters, others: (n,) of the same samples. The clusters of each other run are matched one to one with `clusters`;
    the samples of a cluster without a match count as changed.
    """
    differ = [~metrics.correct(clusters, other) for other in others]
    return np.array(differ, dtype=bool).reshape(-1, len(clusters))


def least_stable(shares: np.ndarray, confidence: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most `most` samples that change in the largest share of runs, (≤ most,).

    shares, confidence: (n,). Ties are broken by the lower confidence; samples that never change are left out.
    """
    order = np.lexsort((np.asarray(confidence), -np.asarray(shares)))[:most]
    return order[shares[order] > 0]

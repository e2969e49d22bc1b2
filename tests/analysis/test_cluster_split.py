"""Splitting a cluster."""

import numpy as np
import pytest

from dsc_core.analysis import cluster_split, metrics
from dsc_core.errors import InputError
from tests.analysis.blobs import blobs


@pytest.mark.parametrize("seed", range(3))
def test_a_split_finds_the_blobs_largest_first_and_is_reproducible(seed):
    points, labels = blobs([40, 90, 60], seed)
    parts = cluster_split.split(points, 3, seed)
    assert metrics.accuracy(labels, parts) == 1
    assert (np.diff(np.bincount(parts)) <= 0).all()
    assert np.array_equal(parts, cluster_split.split(points, 3, seed))


def test_impossible_splits_are_refused():
    points, _ = blobs([30])
    for bad, parts, message in (
        (points[:5], 2, "too few"),
        (points, 1, "two parts"),
        (np.ones((30, 4)), 2, "different codes"),
    ):
        with pytest.raises(InputError, match=message):
            cluster_split.split(bad, parts, 0)

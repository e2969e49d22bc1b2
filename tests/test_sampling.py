"""Seeded samples of rows."""

import numpy as np
import pytest

from dsc_core.sampling import sample_by_group, sample_evenly, sample_rows


def test_a_sample_is_reproducible_unique_and_sorted():
    rows = sample_rows(70_000, 20_000, 0)
    assert np.array_equal(rows, sample_rows(70_000, 20_000, 0))
    assert not np.array_equal(rows, sample_rows(70_000, 20_000, 1))
    assert len(np.unique(rows)) == 20_000
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(sample_rows(50, 100, 0), np.arange(50))


@pytest.mark.parametrize("seed", range(8))
def test_a_stratified_sample_keeps_the_share_of_every_group(seed):
    rng = np.random.default_rng(seed)
    groups = rng.choice(7, 5000, p=[0.5, 0.25, 0.15, 0.06, 0.03, 0.008, 0.002])
    limit = int(rng.integers(200, 3000))
    rows = sample_by_group(groups, limit, seed)
    assert len(rows) == limit
    assert (np.diff(rows) > 0).all()
    expected = np.bincount(groups, minlength=7) * limit / len(groups)
    assert np.abs(np.bincount(groups[rows], minlength=7) - expected).max() < 2.5
    assert set(groups[rows]) == set(groups)
    assert np.array_equal(rows, sample_by_group(groups, limit, seed))
    assert not np.array_equal(rows, sample_by_group(groups, limit, seed + 100))


def test_a_stratified_sample_of_few_rows_is_all_and_may_have_fewer_rows_than_groups():
    assert np.array_equal(sample_by_group([3, 1, 1], 3, 0), [0, 1, 2])
    assert len(sample_by_group(np.arange(100), 10, 0)) == 10
    assert (sample_by_group(np.repeat([0, 1], [999, 1]), 10, 0) == 999).sum() == 1


def test_an_even_sample_takes_as_many_of_each_group_and_all_of_small_ones():
    groups = np.repeat([0, 1, 2], [1000, 500, 5])
    samples = sample_evenly(groups, 300, 10, seed=0)
    assert [len(rows) for rows in samples] == [100, 100, 5]
    assert all((groups[rows] == group).all() for group, rows in enumerate(samples))
    assert [len(rows) for rows in sample_evenly(groups, 3, 10, seed=0)] == [10, 10, 5]

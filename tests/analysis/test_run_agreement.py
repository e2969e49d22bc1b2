"""Agreement between runs."""

import numpy as np

from dsc_core.analysis import run_agreement


def test_renumbered_clusters_are_no_change_but_moved_samples_are():
    rng = np.random.default_rng(3)
    own = rng.integers(0, 5, 200)
    renamed = np.array([3, 0, 4, 1, 2])[own]
    moved = renamed.copy()
    rows = rng.choice(200, 10, replace=False)
    moved[rows] = (moved[rows] + 1) % 5
    changed = run_agreement.changed(own, [renamed, moved])
    assert changed.shape == (2, 200)
    assert not changed[0].any()
    assert sorted(np.flatnonzero(changed[1])) == sorted(rows)


def test_a_surplus_cluster_of_another_run_counts_as_changed():
    own = np.repeat([0, 1], 50)
    other = own.copy()
    other[:10] = 2
    assert run_agreement.changed(own, [other])[0].tolist() == [True] * 10 + [False] * 90
    assert run_agreement.changed(own, []).shape == (0, 100)


def test_the_least_stable_come_first_and_ties_go_to_the_least_confident():
    shares, confidence = np.array([0.5, 0.0, 1.0, 0.5]), np.array([0.9, 0.1, 0.9, 0.2])
    assert run_agreement.least_stable(shares, confidence, 10).tolist() == [2, 3, 0]
    assert run_agreement.least_stable(shares, confidence, 1).tolist() == [2]

"""How a graph is cut into clusters, and when an earlier cut stands."""

import numpy as np
import pytest

from dsc_core.cluster import cut
from dsc_core.config import Config

CONFIG = Config().replace(clusters=3)


def clouds(centres, size=40, spread=0.3, seed=0):
    """(len(centres)·size, 2) points in clouds of one shape, and the cloud of each."""
    shape = spread * np.random.default_rng(seed).standard_normal((size, 2))
    points = np.concatenate([centre + shape for centre in np.array(centres, float)])
    return points, np.repeat(np.arange(len(centres)), size)


def groups(labels):
    """The clusters as sets of samples, whatever their numbers."""
    return {frozenset(np.flatnonzero(labels == label)) for label in np.unique(labels)}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_the_numbering_is_kept(order):
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    before = np.array(order)[truth]
    before[::7] = 0  # not all were right
    assert (cut(points, CONFIG, before) == np.array(order)[truth]).all()


def test_of_two_cuts_nearly_as_good_the_earlier_one_stands():
    # Four clouds in a square, three clusters: whichever pair is taken together, the inertia is the same.
    points, truth = clouds([(0, 0), (6, 0), (0, 6), (6, 6)])
    for pair in ([0, 1], [0, 2], [1, 3], [2, 3]):
        before = np.zeros(len(points), int)
        for number, other in enumerate(sorted({0, 1, 2, 3} - set(pair)), start=1):
            before[truth == other] = number
        assert groups(cut(points, CONFIG, before)) == groups(before)


def test_a_clearly_better_cut_is_taken():
    points, truth = clouds([(0, 0), (1.2, 0), (30, 0), (30, 30)], spread=0.1)
    before = np.array([0, 1, 2, 2])[truth]  # two clouds that lie close are apart, two that lie far are one
    assert groups(cut(points, CONFIG, before)) == groups(np.array([0, 0, 1, 2])[truth])


def test_an_earlier_cut_that_has_lost_a_cluster_is_not_started_from():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    before = np.array([0, 1, 1])[truth]
    found = cut(points, CONFIG, before)
    assert groups(found) == groups(truth)
    assert (found == before).mean() >= 2 / 3


def test_without_an_earlier_cut_one_seed_gives_one_result():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    assert (cut(points, CONFIG) == cut(points, CONFIG)).all()
    assert groups(cut(points, CONFIG)) == groups(truth)

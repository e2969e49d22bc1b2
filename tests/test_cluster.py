"""How a graph is cut into clusters, and when an earlier cut stands."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

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


def joined(points, reach=3.0):
    """A graph of the points in which those nearer than about `reach` are neighbours."""
    weights = np.exp(-(cdist(points, points) ** 2) / (2 * (reach / 3) ** 2))
    np.fill_diagonal(weights, 0)
    return sparse.csr_matrix(weights)


def cut_of(points, before=None, reach=3.0):
    return cut(joined(points, reach), points, CONFIG, before)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_the_numbering_is_kept(order):
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    before = np.array(order)[truth]
    before[::7] = 0  # not all were right
    assert (cut_of(points, before) == np.array(order)[truth]).all()


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_of_cuts_with_the_same_inertia_the_one_that_parts_fewer_neighbours_stands(pair):
    # Four clouds in a square, three clusters: to k-means, any side may be taken together. The graph joins one side.
    points, truth = clouds([(0, 0), (6, 0), (0, 6), (6, 6)])
    one, other = (truth == cloud for cloud in pair)
    weights = joined(points).toarray()
    weights[np.ix_(one, other)] = weights[np.ix_(other, one)] = 0.5
    before = np.zeros(len(points), int)
    for number, cloud in enumerate(sorted({0, 1, 2, 3} - set(pair)), start=1):
        before[truth == cloud] = number
    assert groups(cut(sparse.csr_matrix(weights), points, CONFIG, before)) == groups(before)


def test_the_cut_that_parts_fewer_neighbours_is_taken():
    points, truth = clouds([(0, 0), (1.2, 0), (30, 0), (30, 30)], spread=0.1)
    before = np.array([0, 1, 2, 2])[
        truth
    ]  # two clouds that are neighbours are apart, two that are far are one
    assert groups(cut_of(points, before)) == groups(np.array([0, 0, 1, 2])[truth])


def test_an_earlier_cut_that_has_lost_a_cluster_is_not_started_from():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    before = np.array([0, 1, 1])[truth]
    found = cut_of(points, before)
    assert groups(found) == groups(truth)
    assert (found == before).mean() >= 2 / 3


def test_without_an_earlier_cut_one_seed_gives_one_result():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    assert (cut_of(points) == cut_of(points)).all()
    assert groups(cut_of(points)) == groups(truth)

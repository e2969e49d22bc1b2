"""How a graph is cut into clusters, and when an earlier cut stands."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from dsc_core.config import Config
from dsc_core.method import cut as readout
from dsc_core.method.cut import cost, cut, k_means

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


@pytest.mark.parametrize(
    ("link", "share", "stays"), [(0.001, 1.0, False), (0.001, 0.9, True), (0.5, 0.9, False), (0.5, 0.0, True)]
)
def test_the_cut_before_stays_until_another_costs_clearly_less(link, share, stays):
    # Four clouds, three clusters. Before, one side was together; the graph joins the opposite one a little more.
    points, truth = clouds([(0, 0), (6, 0), (0, 6), (5.5, 6)])
    weights = joined(points).toarray()
    one, other, third, fourth = (truth == cloud for cloud in range(4))
    weights[np.ix_(one, other)] = weights[np.ix_(other, one)] = 0.05
    weights[np.ix_(third, fourth)] = weights[np.ix_(fourth, third)] = 0.05 + link
    before = np.select([one | other, third, fourth], [0, 1, 2])
    better = np.select([one, other, third | fourth], [0, 1, 2])
    found = cut(sparse.csr_matrix(weights), points, CONFIG.replace(new_cut=share), before)
    assert groups(found) == groups(before if stays else better)


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


def test_a_small_cluster_is_found_beside_a_large_one_that_k_means_would_halve():
    rng = np.random.default_rng(0)
    small = [rng.normal(0, 0.3, (120, 2)) + centre for centre in ((9, -2), (9, 2))]
    points = np.concatenate([rng.normal(0, 2, (600, 2)), *small])
    truth = np.repeat([0, 1, 2], [600, 120, 120])
    weights = joined(points)
    halved = k_means(points, CONFIG).labels_
    assert len(np.unique(halved[truth == 0])) > 1, "else this is no hard case"
    assert groups(cut(weights, points, CONFIG)) == groups(truth)


def test_the_cost_of_a_cut_is_what_it_parts_and_how_uneven_it_is():
    weights = sparse.csr_matrix(np.kron(np.eye(4), np.ones((2, 2)) - np.eye(2)))
    even, uneven = np.repeat([0, 1], [4, 4]), np.repeat([0, 1], [2, 6])
    assert cost(weights, even, 2) == pytest.approx(0)
    assert cost(weights, uneven, 2) == pytest.approx(np.log(2) + 0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert cost(weights, np.zeros(8, int), 2) == pytest.approx(1 + np.log(2)), "an empty cluster counts 1"


def test_starts_that_see_a_part_of_the_samples_find_the_clusters_of_all(monkeypatch):
    points, truth = clouds([(0, 0), (9, 0), (0, 9)], size=400)
    monkeypatch.setattr(readout, "LOOKED_AT", 60)
    found = k_means(points, CONFIG)
    assert groups(found.labels_) == groups(truth)
    assert found.inertia_ == pytest.approx(((points - found.cluster_centers_[found.labels_]) ** 2).sum())


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_a_handful_of_samples_is_cut(count):
    points = np.random.default_rng(0).standard_normal((count, 2))
    assert set(cut_of(points)) == {0, 1, 2}


@pytest.mark.filterwarnings("error")
def test_samples_that_are_all_alike_are_cut_without_an_error():
    labels = cut_of(np.zeros((30, 2)))
    assert labels.shape == (30,)
    assert set(labels) <= {0, 1, 2}

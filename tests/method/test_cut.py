"""Cutting a graph into clusters, and when the previous cut is kept."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist

from dsc_core.config import Config
from dsc_core.method import cut as cuts
from dsc_core.method.cut import LEAST_CONFIDENT, best_cut, confident_labels, k_means
from dsc_core.method.graph import whole_graph

CONFIG = Config().replace(clusters=3)


def clouds(centres, size=40, spread=0.3, seed=0):
    """Points (len(centres)·size, 2) in clouds of equal shape, and the cloud of each."""
    shape = spread * np.random.default_rng(seed).standard_normal((size, 2))
    points = np.concatenate([centre + shape for centre in np.array(centres, float)])
    return points, np.repeat(np.arange(len(centres)), size)


def groups(labels):
    """The clusters as sets of samples, without their numbers."""
    return {frozenset(np.flatnonzero(labels == label)) for label in np.unique(labels)}


def graph_of(points, reach=3.0):
    """A graph in which points closer than about `reach` are neighbours."""
    weights = np.exp(-(cdist(points, points) ** 2) / (2 * (reach / 3) ** 2))
    np.fill_diagonal(weights, 0)
    return sparse.csr_matrix(weights)


def cut_of(points, previous=None, reach=3.0):
    return best_cut(graph_of(points, reach), points, CONFIG, previous)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_the_numbering_is_kept(order):
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    previous = np.array(order)[truth]
    previous[::7] = 0  # not all were right
    assert (cut_of(points, previous) == np.array(order)[truth]).all()


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_of_cuts_with_equal_inertia_the_one_that_separates_fewer_neighbours_is_kept(pair):
    # Four clouds in a square, three clusters: for k-means, any two neighbouring clouds may be one cluster. The graph
    # joins two of them.
    points, truth = clouds([(0, 0), (6, 0), (0, 6), (6, 6)])
    one, other = (truth == cloud for cloud in pair)
    weights = graph_of(points).toarray()
    weights[np.ix_(one, other)] = weights[np.ix_(other, one)] = 0.5
    previous = np.zeros(len(points), int)
    for number, cloud in enumerate(sorted({0, 1, 2, 3} - set(pair)), start=1):
        previous[truth == cloud] = number
    assert groups(best_cut(sparse.csr_matrix(weights), points, CONFIG, previous)) == groups(previous)


@pytest.mark.parametrize(
    ("link", "share", "stays"), [(0.001, 1.0, False), (0.001, 0.9, True), (0.5, 0.9, False), (0.5, 0.0, True)]
)
def test_the_previous_cut_is_kept_until_another_costs_clearly_less(link, share, stays):
    # Four clouds, three clusters. Previously one side was a cluster; the graph joins the opposite side a little more.
    points, truth = clouds([(0, 0), (6, 0), (0, 6), (5.5, 6)])
    weights = graph_of(points).toarray()
    one, other, third, fourth = (truth == cloud for cloud in range(4))
    weights[np.ix_(one, other)] = weights[np.ix_(other, one)] = 0.05
    weights[np.ix_(third, fourth)] = weights[np.ix_(fourth, third)] = 0.05 + link
    previous = np.select([one | other, third, fourth], [0, 1, 2])
    better = np.select([one, other, third | fourth], [0, 1, 2])
    result = best_cut(sparse.csr_matrix(weights), points, CONFIG.replace(new_cut=share), previous)
    assert groups(result) == groups(previous if stays else better)


def test_the_cut_that_separates_fewer_neighbours_is_preferred():
    points, truth = clouds([(0, 0), (1.2, 0), (30, 0), (30, 30)], spread=0.1)
    previous = np.array([0, 1, 2, 2])[truth]  # separates two neighbouring clouds and joins two distant ones
    assert groups(cut_of(points, previous)) == groups(np.array([0, 0, 1, 2])[truth])


def test_a_previous_cut_with_an_empty_cluster_is_no_starting_point():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    previous = np.array([0, 1, 1])[truth]
    result = cut_of(points, previous)
    assert groups(result) == groups(truth)
    assert (result == previous).mean() >= 2 / 3


def test_without_a_previous_cut_a_seed_is_reproducible():
    points, truth = clouds([(0, 0), (9, 0), (0, 9)])
    assert (cut_of(points) == cut_of(points)).all()
    assert groups(cut_of(points)) == groups(truth)


def test_small_clusters_are_found_beside_a_large_one_that_k_means_would_split():
    rng = np.random.default_rng(0)
    small = [rng.normal(0, 0.3, (120, 2)) + centre for centre in ((9, -2), (9, 2))]
    points = np.concatenate([rng.normal(0, 2, (600, 2)), *small])
    truth = np.repeat([0, 1, 2], [600, 120, 120])
    weights = graph_of(points)
    split = k_means(points, CONFIG).labels
    assert len(np.unique(split[truth == 0])) > 1, "otherwise the case is too easy"
    assert groups(best_cut(weights, points, CONFIG)) == groups(truth)


def test_starts_on_a_part_of_the_samples_find_the_clusters_of_all(monkeypatch):
    points, truth = clouds([(0, 0), (9, 0), (0, 9)], size=400)
    monkeypatch.setattr(cuts, "KMEANS_SAMPLES", 60)
    clustering = k_means(points, CONFIG)
    assert groups(clustering.labels) == groups(truth)
    assert clustering.inertia == pytest.approx(((points - clustering.centres[clustering.labels]) ** 2).sum())


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_a_handful_of_samples_is_cut(count):
    points = np.random.default_rng(0).standard_normal((count, 2))
    assert set(cut_of(points)) == {0, 1, 2}


@pytest.mark.filterwarnings("error")
def test_equal_samples_are_cut_without_an_error():
    labels = cut_of(np.zeros((30, 2)))
    assert labels.shape == (30,)
    assert set(labels) <= {0, 1, 2}


def test_confident_samples_agree_with_their_neighbourhood_and_come_from_every_cluster():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 60)
    points = (12 * rng.standard_normal((3, 5))[group] + rng.standard_normal((180, 5))).astype(np.float32)
    affinity = whole_graph(torch.from_numpy(points), 6)
    labels = np.where(
        group == 2, rng.integers(0, 2, len(group)) + 2, group
    )  # the third group is split at random
    config = Config(clusters=5)  # and the fifth cluster is empty
    targets = confident_labels(affinity, labels, config)
    assert set(targets) == {-1, 0, 1, 2, 3}
    assert (targets[group < 2] == group[group < 2]).all()
    for cluster in (2, 3):
        share = (targets == cluster).sum() / (labels == cluster).sum()
        assert LEAST_CONFIDENT <= share < 0.6
    assert ((targets == labels) | (targets == -1)).all()

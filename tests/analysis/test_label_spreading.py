"""Names spread along the graph: the closed form, where they stop, and names given by hand."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch

from dsc_core.analysis import label_spreading
from dsc_core.errors import RunError
from dsc_core.method import graph


def data(groups=4, size=50, distance=6.0, seed=0, neighbours=8):
    """(affinity, clusters, confidence) of groups, the clusters being the groups."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(groups), size)
    points = np.eye(groups)[clusters] * distance + rng.standard_normal((len(clusters), groups))
    affinity = graph.whole_graph(torch.from_numpy(points.astype(np.float32)), neighbours)
    return affinity, clusters, rng.uniform(0.5, 1, len(clusters)).astype(np.float32)


@pytest.fixture(scope="module")
def spreader():
    return label_spreading.Spreader(*data(), 4).prepare()


def test_the_reach_is_the_closed_form():
    affinity, clusters, confidence = data(seed=1)
    spreader = label_spreading.Spreader(affinity, clusters, confidence, 4)
    scale = np.diag(np.asarray(affinity.sum(1)).ravel() ** -0.5)
    right = np.zeros(200)
    right[7] = 1
    walk = scale @ affinity.toarray() @ scale
    exact = (1 - label_spreading.ALPHA) * np.linalg.solve(np.eye(200) - label_spreading.ALPHA * walk, right)
    assert np.allclose(spreader.reach_of_sample(7), exact, atol=1e-5)
    step = right.copy()
    for _ in range(3000):  # the iteration of Zhou et al. ends in the same place
        step = label_spreading.ALPHA * walk @ step + (1 - label_spreading.ALPHA) * right
    assert np.allclose(spreader.reach_of_sample(7), step, atol=1e-5)


def test_sources_add_up(spreader):
    both = label_spreading.spread(spreader, {}, {3: "a", 5: "a", 60: "b"})
    reach = spreader.reach_of_sample(3) + spreader.reach_of_sample(5)
    bare = spreader.reach_of_cluster(2) + spreader.reach_of_cluster(3)
    total = reach + spreader.reach_of_sample(60) + bare
    free = np.setdiff1d(np.flatnonzero(both.index == 0), [3, 5])
    assert np.allclose(both.certainty[free], (reach / total)[free], atol=1e-4)


def test_one_sample_names_its_group_and_stops_at_unnamed_groups(spreader):
    result = label_spreading.spread(spreader, {}, {10: "ant"})
    covered = result.covered(0.5)
    own = spreader.clusters == 0
    assert covered[own].mean() > 0.9
    assert covered[~own].mean() < 0.1
    assert set(result.labels(0.5)[covered].tolist()) == {"ant"}


def test_names_of_all_clusters_cover_everything_and_agree_with_the_groups(spreader):
    names = {cluster: f"kind {cluster}" for cluster in range(4)}
    result = label_spreading.spread(spreader, names, {})
    assert result.covered(0.0).all()
    labels = np.array([names[cluster] for cluster in spreader.clusters])
    assert label_spreading.agreement(result, labels, 0.8) > 0.97
    assert sum(result.counts(0.0).values()) == 200
    assert not result.by_hand.any()


def test_clusters_that_share_a_name_are_one_name(spreader):
    result = label_spreading.spread(spreader, {0: "pet", 1: "pet", 2: "wild", 3: "wild"}, {})
    assert result.names == ("pet", "wild")
    assert result.counts(0.5)["pet"] == pytest.approx(100, abs=6)


def test_the_name_of_a_sample_holds_against_that_of_its_cluster(spreader):
    result = label_spreading.spread(spreader, {0: "ant", 1: "bee", 2: "cat", 3: "dog"}, {20: "bee"})
    assert result.labels()[20] == "bee"
    assert result.certainty[20] == 1
    assert result.by_hand.sum() == 1
    others = np.setdiff1d(np.arange(50), [20])
    assert (result.labels()[others] == "ant").mean() > 0.8, "only its surroundings follow"


def test_without_names_nothing_is_named_and_certainty_stays_within_its_bounds(spreader):
    result = label_spreading.spread(spreader, {}, {})
    assert (result.index == -1).all()
    assert set(result.labels().tolist()) == {""}
    for names in ({}, {1: "x"}):
        result = label_spreading.spread(spreader, names, {})
        assert ((result.certainty >= 0) & (result.certainty <= 1 + 1e-6)).all()


def test_coverage_shrinks_with_the_required_certainty(spreader):
    result = label_spreading.spread(spreader, {0: "a", 1: "b"}, {120: "c"})
    covered = [result.covered(least).sum() for least in (0, 0.5, 0.7, 0.9, 1.0)]
    assert covered == sorted(covered, reverse=True)
    assert (result.covered(0.9) <= result.covered(0.5)).all()


def test_an_island_that_no_name_reaches_stays_unnamed():
    affinity, clusters, confidence = data(groups=2, seed=2)
    islands = sparse.block_diag([affinity, affinity]).tocsr()
    spreader = label_spreading.Spreader(
        islands, np.r_[clusters, clusters * 0], np.r_[confidence, confidence], 2
    )
    # Both clusters have a name, so that none is a source of no name; the second island holds no core of cluster 1.
    spreader.cores[0] = spreader.cores[0][spreader.cores[0] < 100]
    result = label_spreading.spread(spreader, {0: "a", 1: "b"}, {})
    assert (result.index[100:] == -1).all()
    assert (result.certainty[100:] == 0).all()
    assert (result.index[:100] >= 0).all()


def test_cores_are_the_most_confident_samples_and_empty_clusters_have_none():
    clusters, confidence = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.9, 0.3, 0.2, 0.8])
    assert [core.tolist() for core in label_spreading.cores(clusters, confidence, 3)] == [[1], [4], []]
    spreader = label_spreading.Spreader(*data(), 5)
    assert not spreader.reach_of_cluster(4).any()


def test_suggestions_are_typical_of_unnamed_clusters_then_uncertain(spreader):
    _, clusters, confidence = data()
    fresh = label_spreading.suggest(label_spreading.spread(spreader, {}, {}), clusters, confidence, 8)
    assert sorted(clusters[fresh].tolist()) == [0, 1, 2, 3]
    assert all(confidence[sample] == confidence[clusters == clusters[sample]].max() for sample in fresh)
    result = label_spreading.spread(spreader, {0: "a", 1: "b", 2: "c", 3: "d"}, {5: "a"})
    suggested = label_spreading.suggest(result, clusters, confidence, 3)
    assert len(set(suggested.tolist())) == len(suggested) == 3
    assert 5 not in suggested
    assert result.certainty[suggested[0]] == result.certainty[~result.by_hand].min()


def test_labels_are_compared_only_if_names_are_among_them(spreader):
    result = label_spreading.spread(spreader, {0: "x"}, {})
    assert label_spreading.agreement(result, np.full(200, "y"), 0.5) is None
    assert label_spreading.agreement(label_spreading.spread(spreader, {}, {}), np.full(200, "y"), 0.5) is None
    numbers = label_spreading.spread(spreader, {0: "7"}, {})
    assert label_spreading.agreement(numbers, np.full(200, 7), 0.5) == 1


def test_damaged_weights_give_one_sentence():
    affinity, clusters, confidence = data()
    affinity.data[5] = np.nan
    with pytest.raises(RunError, match="train the run again"):
        label_spreading.Spreader(affinity, clusters, confidence, 4).prepare()

"""ACC, NMI, ARI, the confusion matrix and the label-free scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from dsc_core.analysis import metrics


def labelled(seed, n=200, classes=5, clusters=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.integers(0, clusters, n)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12))
def test_renaming_the_clusters_changes_no_score(seed, classes, clusters):
    truth, found = labelled(seed, classes=classes, clusters=clusters)
    renamed = np.random.default_rng(seed).permutation(clusters)[found] + 1000
    assert metrics.scores(truth, renamed) == pytest.approx(metrics.scores(truth, found), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 40))
def test_the_match_is_as_good_as_scipys(seed, classes, clusters):
    truth, found = labelled(seed, classes=classes, clusters=clusters)
    counts, _, _ = metrics.contingency(truth, found)
    rows, columns = linear_sum_assignment(-counts)
    assert metrics.accuracy(truth, found) == pytest.approx(counts[rows, columns].sum() / len(truth))


@pytest.mark.parametrize("shape", [(40, 200), (200, 40), (1, 200), (200, 1)])
def test_long_matrices_are_matched_at_their_best(shape):
    counts = np.random.default_rng(0).integers(0, 10_000, shape)
    rows, columns = linear_sum_assignment(-counts)
    pairs = metrics.best_pairs(counts)
    assert sum(counts[pair] for pair in pairs) == counts[rows, columns].sum()
    assert len(pairs) == min(shape)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(shape)


@given(st.lists(st.sampled_from(["cat", "dog", "10", "2", "ü"]), min_size=1, max_size=50))
@settings(deadline=None)
def test_classes_found_exactly_score_one_whatever_they_are_called(words):
    codes = {word: 7 * i for i, word in enumerate(dict.fromkeys(words))}
    result = metrics.scores(words, [codes[word] for word in words])
    assert result == pytest.approx({"acc": 1.0, "nmi": 1.0, "ari": 1.0})
    assert metrics.match(words, [codes[w] for w in words]) == {code: word for word, code in codes.items()}


def test_a_class_split_in_two_clusters_counts_only_its_larger_part():
    truth = ["a"] * 10 + ["b"] * 10
    found = [0] * 7 + [2] * 3 + [1] * 10
    assert metrics.accuracy(truth, found) == 17 / 20
    assert metrics.match(truth, found) == {0: "a", 1: "b"}
    matrix, classes, order = metrics.confusion(truth, found)
    assert classes == ["a", "b"]
    assert order == [0, 1, 2]
    assert matrix.tolist() == [[7, 0, 3], [0, 10, 0]]


def test_two_classes_in_one_cluster_count_only_the_larger():
    truth, found = ["a"] * 6 + ["b"] * 4 + ["c"] * 5, [0] * 10 + [3] * 5
    assert metrics.accuracy(truth, found) == 11 / 15
    matrix, classes, order = metrics.confusion(truth, found)
    assert matrix.tolist() == [[6, 0], [4, 0], [0, 5]]
    assert (classes, order) == (["a", "b", "c"], [0, 3])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9))
def test_the_confusion_matrix_holds_every_sample_and_its_match_is_the_accuracy(seed, classes, clusters):
    truth, found = labelled(seed, classes=classes, clusters=clusters)
    matrix, names, order = metrics.confusion(truth, found)
    pairs = metrics.match(truth, found)
    assert matrix.sum() == len(truth)
    assert sorted(order) == sorted(set(found.tolist()))
    hits = sum(matrix[names.index(pairs[c]), j] for j, c in enumerate(order) if c in pairs)
    assert hits / len(truth) == pytest.approx(metrics.accuracy(truth, found))
    if len(names) == len(order):
        assert [pairs[c] for c in order] == names


def test_numbers_written_as_words_stand_in_the_order_of_numbers():
    classes, codes = metrics.class_codes(["10", "2", "x", "1", "2"])
    assert classes == ["1", "2", "10", "x"]
    assert codes.tolist() == [2, 1, 3, 0, 1]


def test_labels_and_clusters_of_different_length_are_refused():
    with pytest.raises(ValueError, match="3 labels cannot be compared with 2"):
        metrics.accuracy([1, 2, 3], [0, 0])
    with pytest.raises(ValueError, match="0 labels"):
        metrics.accuracy([], [])


def test_label_free_scores_are_high_for_islands_and_low_for_a_random_cut():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 3, 3_000)
    points = rng.normal(size=(3_000, 4)) + 20 * np.eye(3, 4)[clusters]
    good = metrics.label_free_scores(points, points, clusters)
    bad = metrics.label_free_scores(points, points, rng.permutation(clusters))
    assert good["silhouette_latent"] > 0.8
    assert abs(bad["silhouette_spectral"]) < 0.1
    assert good == metrics.label_free_scores(points, points, clusters)


@pytest.mark.parametrize("clusters", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_a_silhouette_without_meaning_is_none(clusters):
    assert metrics.silhouette(np.eye(4), clusters) is None


def test_coordinates_that_are_not_finite_have_no_silhouette():
    points = np.eye(4)
    points[0, 0] = np.nan
    assert metrics.silhouette(points, [0, 0, 1, 1]) is None


def test_the_eigengap_is_the_step_after_the_kth_eigenvalue():
    assert metrics.eigengap([0.2, 1.0, 0.9, 0.3], 2) == pytest.approx(0.6)
    assert metrics.eigengap([1.0, 0.9], 2) is None

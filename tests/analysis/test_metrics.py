"""ACC, NMI, ARI, the matching and the confusion matrix."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from dsc_core.analysis import metrics
from tests.test_architecture import imports, modules, room


def labelled(seed, n=200, classes=5, clusters=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.integers(0, clusters, n)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12))
def test_renaming_the_assignedchanges_no_score(seed, classes, clusters):
    labels, assigned = labelled(seed, classes=classes, clusters=clusters)
    renamed = np.random.default_rng(seed).permutation(clusters)[assigned] + 1000
    assert metrics.scores(labels, renamed) == pytest.approx(metrics.scores(labels, assigned), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 12), st.integers(1, 12), st.floats(0, 1))
def test_nmi_and_ari_are_those_of_scikit_learn(seed, n, classes, clusters, agreement):
    labels, assigned = labelled(seed, n, classes, clusters)
    assigned = np.where(np.random.default_rng(seed).random(n) < agreement, labels, assigned)
    nmi = sklearn.metrics.normalized_mutual_info_score(labels, assigned)
    assert metrics.normalised_mutual_information(labels, assigned) == pytest.approx(nmi, abs=1e-9)
    ari = sklearn.metrics.adjusted_rand_score(labels, assigned)
    assert metrics.adjusted_rand_index(labels, assigned) == pytest.approx(ari, abs=1e-12)


def test_the_ari_of_many_samples_does_not_overflow():
    labels = np.repeat([0, 1], 1_500_000)
    assert metrics.adjusted_rand_index(labels, labels) == 1.0
    half = np.where(np.arange(len(labels)) % 2, labels, 1 - labels)
    assert abs(metrics.adjusted_rand_index(labels, half)) < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 40))
def test_the_matching_is_as_good_as_that_of_scipy(seed, classes, clusters):
    labels, assigned = labelled(seed, classes=classes, clusters=clusters)
    counts, _, _ = metrics.contingency(labels, assigned)
    rows, columns = linear_sum_assignment(-counts)
    assert metrics.accuracy(labels, assigned) == pytest.approx(counts[rows, columns].sum() / len(labels))


@pytest.mark.parametrize("shape", [(40, 200), (200, 40), (1, 200), (200, 1)])
def test_long_matrices_are_matched_optimally(shape):
    counts = np.random.default_rng(0).integers(0, 10_000, shape)
    rows, columns = linear_sum_assignment(-counts)
    pairs = metrics.best_pairs(counts)
    assert sum(counts[pair] for pair in pairs) == counts[rows, columns].sum()
    assert len(pairs) == min(shape)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(shape)


@given(st.lists(st.sampled_from(["cat", "dog", "10", "2", "ü"]), min_size=1, max_size=50))
@settings(deadline=None)
def test_a_perfect_clustering_scores_one_whatever_the_classes_are_called(words):
    codes = {word: 7 * i for i, word in enumerate(dict.fromkeys(words))}
    result = metrics.scores(words, [codes[word] for word in words])
    assert result == pytest.approx({"acc": 1.0, "nmi": 1.0, "ari": 1.0})
    assert metrics.match(words, [codes[w] for w in words]) == {code: word for word, code in codes.items()}


def test_a_class_split_in_two_clusterscounts_only_its_larger_part():
    labels = ["a"] * 10 + ["b"] * 10
    clusters = [0] * 7 + [2] * 3 + [1] * 10
    assert metrics.accuracy(labels, clusters) == 17 / 20
    assert metrics.match(labels, clusters) == {0: "a", 1: "b"}
    matrix, classes, order = metrics.confusion(labels, clusters)
    assert classes == ["a", "b"]
    assert order == [0, 1, 2]
    assert matrix.tolist() == [[7, 0, 3], [0, 10, 0]]


def test_only_the_larger_of_two_classes_in_one_cluster_counts():
    labels, clusters = ["a"] * 6 + ["b"] * 4 + ["c"] * 5, [0] * 10 + [3] * 5
    assert metrics.accuracy(labels, clusters) == 11 / 15
    matrix, classes, order = metrics.confusion(labels, clusters)
    assert matrix.tolist() == [[6, 0], [4, 0], [0, 5]]
    assert (classes, order) == (["a", "b", "c"], [0, 3])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9))
def test_the_confusion_matrix_counts_every_sample_and_its_matched_cells_are_the_accuracy(
    seed, classes, clusters
):
    labels, assigned = labelled(seed, classes=classes, clusters=clusters)
    matrix, names, order = metrics.confusion(labels, assigned)
    pairs = metrics.match(labels, assigned)
    assert matrix.sum() == len(labels)
    assert sorted(order) == sorted(set(assigned.tolist()))
    hits = sum(matrix[names.index(pairs[c]), j] for j, c in enumerate(order) if c in pairs)
    assert hits / len(labels) == pytest.approx(metrics.accuracy(labels, assigned))
    if len(names) == len(order):
        assert [pairs[c] for c in order] == names


def test_numbers_written_as_text_are_sorted_as_numbers():
    classes, codes = metrics.class_codes(["10", "2", "x", "1", "2"])
    assert classes == ["1", "2", "10", "x"]
    assert codes.tolist() == [2, 1, 3, 0, 1]


def test_labelsand_clustersof_different_length_are_refused():
    with pytest.raises(ValueError, match="3 labels cannot be compared with 2"):
        metrics.accuracy([1, 2, 3], [0, 0])
    with pytest.raises(ValueError, match="0 labels"):
        metrics.accuracy([], [])


def test_the_share_of_correct_samples_is_the_accuracy():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 300)
    clusters = (labels + 1) % 4
    clusters[:60] = rng.integers(0, 6, 60)  # more clusters than classes
    words = np.array(["ant", "bee", "cat", "10"])[labels]
    for classes in (labels, words):
        correct = metrics.correct(classes, clusters)
        assert correct.mean() == pytest.approx(metrics.accuracy(classes, clusters))


def test_nothing_that_trains_imports_the_metrics():
    """Labels are for evaluation alone: what training, method and model import, directly or not, never uses them."""
    reachable = {name for name in modules() if room(name) in ("method", "training", "model")}
    while True:
        more = {other for name in reachable for other in imports(name)} - reachable
        if not more:
            break
        reachable |= more
    assert "dsc_core.sampling" in reachable
    assert "dsc_core.analysis.metrics" not in reachable


def test_munkres_is_used_in_one_place():
    users = [name for name, path in modules().items() if "munkres import" in path.read_text()]
    assert users == ["dsc_core.analysis.metrics"]

"""The benchmarks of confidence and of warnings: how labels judge them. No score is asserted."""

import json

import numpy as np
import pytest

from tests.benchmarks import confidence, trained, warnings


def test_labels_say_which_clusters_hold_several_classes_and_which_pairs_are_one():
    labels = np.repeat(["a", "b", "c", "d"], 100)
    clusters = np.repeat([0, 0, 1, 3], 100)
    clusters[250:300] = 2
    clusters[300:305] = 0  # too few of d to be a group
    several, pairs = warnings.by_the_labels(labels, clusters, 5)
    assert several == {0}
    assert pairs == {(1, 2)}, "the empty cluster is like no other"
    counts = warnings.compared(({0, 3}, {(1, 2), (1, 3)}), (several, pairs))
    assert counts == {
        "several": 2,
        "several right": 1,
        "several true": 1,
        "one": 2,
        "one right": 1,
        "clusters in one": 2,
        "clusters found": 2,
    }


def test_new_samples_are_matched_as_the_training_data_are():
    labels, clusters = np.array([3, 3, 7, 7, 9, 9]), np.array([1, 1, 0, 0, 2, 1])
    assert confidence.matched(labels, clusters).tolist() == [1, 0, 2]


def test_the_figures_of_a_perfect_order_are_the_least():
    right = np.arange(100) >= 10
    perfect = confidence.figures(right, np.linspace(0, 1, 100))
    reverse = confidence.figures(right, np.linspace(1, 0, 100))
    assert perfect["risk"] < 0.01 < reverse["risk"]


@pytest.mark.parametrize("module", [confidence, warnings])
def test_every_kept_result_is_in_the_table(module):
    kept = [json.loads(path.read_text()) for path in module.RESULTS.glob("*.json")]
    assert kept
    assert {each["data"] for each in kept} <= {
        line.split(" | ")[0].strip("| ") for line in module.table().splitlines()
    }


def test_turning_objects_are_closed_curves():
    dataset = trained.turning_objects()
    views = dataset.samples.reshape(trained.OBJECTS, trained.VIEWS, -1)
    steps = np.linalg.norm(views - np.roll(views, 1, axis=1), axis=2)
    assert steps.max() < 0.2 * np.linalg.norm(views - views.mean(1, keepdims=True), axis=2).max() * 2
    assert np.bincount(dataset.labels).tolist() == [trained.VIEWS] * trained.OBJECTS

"""Charts of the questions: what they mark and what they leave empty."""

import numpy as np

from dsc_core.analysis import calibration
from dsc_core.plots import questions


def marks(option):
    return {mark["name"]: mark["xAxis"] for mark in option["series"][0]["markLine"]["data"]}


def test_the_gap_is_marked_between_the_two_eigenvalues_and_the_runs_own_k_beside_it():
    values = np.array([1.0, 0.99, 0.98, 0.5, 0.4])
    assert marks(questions.eigenvalues(values, 3, 4)) == {"gap after 3": 3.5, "this run": 4.0}
    assert marks(questions.eigenvalues(values, None, 2)) == {"this run": 2.0}


def test_one_line_where_the_best_is_the_runs_own_and_unknown_values_are_left_out():
    lines = {"a": ([0.1, None, 0.3], "#000000"), "b": ([1, 2, 3], "#111111")}
    option = questions.by_clusters([2, 3, 4], lines, 3, 3, "title")
    assert marks(option) == {"best at 3, this run": 3.0}
    assert [line["name"] for line in option["series"]] == ["a", "b"]
    assert option["dataset"]["source"].column("a").to_pylist() == [0.1, None, 0.3]


def test_empty_bins_of_the_reliability_diagram_are_left_empty():
    known = calibration.calibration(np.array([True, False, True]), np.array([0.95, 0.95, 0.15]))
    option = questions.reliability(known.edges, known.confidence, known.accuracy, known.counts)
    right, sure = (line["data"] for line in option["series"])
    assert (right[1], right[9]) == (1.0, 0.5)
    assert (sure[1], sure[9]) == (0.15, 0.95)
    assert [value for value in right if value is not None] == [1.0, 0.5]
    assert len(option["xAxis"]["data"]) == len(right) == calibration.BINS

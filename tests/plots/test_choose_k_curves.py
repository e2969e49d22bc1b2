"""Curves over the number of clusters: what they mark and what they leave out."""

import numpy as np

from dsc_core.plots.choose_k_curves import curve_by_clusters, eigenvalue_curve


def marks(option):
    return {mark["name"]: mark["xAxis"] for mark in option["series"][0]["markLine"]["data"]}


def test_the_gap_is_marked_between_two_eigenvalues_beside_the_k_of_the_run():
    values = np.array([1.0, 0.99, 0.98, 0.5, 0.4])
    assert marks(eigenvalue_curve(values, 3, 4)) == {"gap after 3": 3.5, "this run": 4.0}
    assert marks(eigenvalue_curve(values, None, 2)) == {"this run": 2.0}


def test_one_mark_if_the_best_k_is_that_of_the_run_and_undefined_values_are_left_out():
    lines = {"a": ([0.1, None, 0.3], "#000000"), "b": ([1, 2, 3], "#111111")}
    option = curve_by_clusters([2, 3, 4], lines, 3, 3, "title")
    assert marks(option) == {"best at 3, this run": 3.0}
    assert [line["name"] for line in option["series"]] == ["a", "b"]
    assert option["dataset"]["source"].column("a").to_pylist() == [0.1, None, 0.3]

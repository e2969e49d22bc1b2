"""The drawing of a tree: a dot for each cluster, and lines that stay within the drawing."""

import numpy as np
import pytest

from dsc_core.analysis.cluster_marks import Marks
from dsc_core.analysis.cluster_tree import ClusterTree
from dsc_core.plots.choose_k_curves import marks_chart
from dsc_core.plots.cluster_tree import tree_chart

# Four cells in two clusters: 0 and 1, 2 and 3.
TREE = ClusterTree(np.arange(12) % 4, np.array([[0, 1], [2, 3], [4, 5]]), np.ones(3), np.arange(12) % 4 // 2)


@pytest.mark.parametrize("nodes", [{4, 5}, {4, 2, 3}, {0, 1, 2, 3}, {6}])
def test_each_cluster_of_a_cut_has_a_dot_on_a_line(nodes):
    numbers = TREE.numbered(nodes, 2)
    option = tree_chart(TREE, numbers, {number: f"<{number}>" for number in numbers.values()})
    *lines, dots = option["series"]
    assert len(dots["data"]) == len(nodes)
    assert all("&lt;" in dot["name"] for dot in dots["data"])
    ends = {tuple(point) for line in lines for point in line["data"] if point[0] is not None}
    assert all(tuple(dot["value"]) in ends or len(nodes) == 1 for dot in dots["data"])
    assert all(1 <= y <= option["yAxis"]["max"] for _, y in ends)
    assert all(option["xAxis"]["min"] <= x <= option["xAxis"]["max"] for x, _ in ends)


def test_the_marks_are_points_on_their_curves():
    marks = Marks(np.array([0.1, 1.0, 0.5]), np.array([1.0, 4.0, 1.0]))
    option = marks_chart(marks, 4, 3)
    agreement, jump = option["series"]
    assert agreement["markPoint"]["data"] == [{"name": "3", "coord": [3, 1.0]}]
    assert jump["markPoint"]["data"] == [{"name": "3", "coord": [3, 2.0]}]
    assert {mark["name"] for mark in agreement["markLine"]["data"]} == {"this run, best", "cut"}

"""The confusion matrix."""

import numpy as np
import pytest

from dsc_core.plots.confusion_matrix import confusion_chart


def test_the_chart_keeps_the_order_and_the_counts():
    matrix = np.array([[5, 1, 0], [0, 2, 7]])
    spec = confusion_chart(matrix, ["b", "a"], [2, 0, 1])
    rows = spec["data"].to_pylist()
    assert [row["count"] for row in rows] == [5, 1, 0, 0, 2, 7]
    assert [row["share"] for row in rows if row["class"] == "a"] == pytest.approx([0, 2 / 9, 7 / 9])
    places = spec["encoding"]
    assert places["x"]["sort"] == ["2", "0", "1"]
    assert places["y"]["sort"] == ["b", "a"]


def test_selected_cells_show_how_many_of_their_samples_are_selected():
    matrix, selected = np.array([[5, 1], [0, 2]]), np.array([[3, 0], [0, 2]])
    spec = confusion_chart(matrix, ["a", "b"], [0, 1], selected=selected)
    rows = spec["data"].to_pylist()
    assert [row["text"] for row in rows] == ["3/5", "1", "", "2/2"]


def test_shares_are_of_the_class():
    spec = confusion_chart(np.array([[3, 1]]), ["a"], [0, 1], shares=True)
    rows = spec["data"].to_pylist()
    assert [row["text"] for row in rows] == ["75%", "25%"]

"""Bar charts."""

from dsc_core.plots.bars import bars
from dsc_core.plots.palette import colour


def test_each_bar_has_the_colour_of_its_cluster():
    option = bars(["3", "4"], [10, 20], first_colour=3)
    assert option["color"] == [colour(3), colour(4)]
    assert option["dataset"]["source"].to_pydict() == {"name": ["3", "4"], "count": [10, 20]}


def test_all_bars_have_one_colour_and_the_axis_ends_at_the_maximum():
    option = bars(["a", "b"], [0.5, 0.25], first_colour=None, maximum=1)
    assert option["color"] == [colour(0)]
    assert option["yAxis"]["max"] == 1


def test_bars_of_clusters_have_the_colours_of_these_clusters():
    option = bars(["0", "both"], [3, 4], clusters=[0, 5])
    assert option["color"] == [colour(0), colour(5)]
    assert option["series"][0]["colorBy"] == "data"

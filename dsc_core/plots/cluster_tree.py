"""The tree of a run's clusters (ECharts), with a cut through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dsc_core.plots import echarts, maps
from dsc_core.plots.echarts import Option
from dsc_core.plots.palette import MUTED, colour

if TYPE_CHECKING:
    from dsc_core.analysis.cluster_tree import ClusterTree

MOST_ENDS = 80  # of branches that are drawn, unless the cut has more
LABELLED = 24  # clusters whose titles stand at the cut
FEWEST_ENDS = 8
Points = list[list[float | None]]


def tree_chart(tree: ClusterTree, numbers: Mapping[int, int], titles: Mapping[int, str]) -> Option:
    """ECharts option of the tree: one dot per cluster of a cut, and below it the parts that it would be split into.

    numbers: {node of the cut: its cluster number}. titles: by number. The vertical axis counts the clusters that are
    left when two branches join, from 1 at the top: an even cut is a horizontal line.
    """
    ends = _ends(tree, frozenset(numbers))
    places = _places(tree, ends)
    heights = {node: _height(tree, node, len(ends)) for node in places}
    lines: dict[int | None, Points] = {}
    for node in places:
        if node not in ends:
            shade = _cluster_above(tree, node, numbers)
            lines.setdefault(shade, []).extend(_elbow(tree, node, places, heights))
    series = [_branch(points, MUTED if of is None else colour(of)) for of, points in lines.items()]
    return {
        "animation": False,
        "title": echarts.title("Tree of the clusters"),
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "grid": echarts.grid(top=36, left=8, right=16, bottom=20),
        "xAxis": echarts.hidden_axis(-0.5, len(ends) - 0.5),
        "yAxis": {
            "type": "log",
            "logBase": 2,
            "inverse": True,
            "min": 1,
            "max": len(ends) + 0.5,
            "name": "clusters left",
            "nameLocation": "end",
            **echarts.quiet_axis(grid_lines=True, end_labels=False),
        },
        "series": [*series, _dots(tree, numbers, titles, places, heights)],
    }


def _ends(tree: ClusterTree, cut: frozenset[int]) -> set[int]:
    """The nodes at which the drawing ends: twice as fine as the cut where there is room."""
    finest = min(tree.most, max(2 * max(len(cut), tree.own), FEWEST_ENDS), max(MOST_ENDS, len(cut)))
    ends = set(tree.level(finest))
    inside = {node for node in cut if any(tree.is_within(node, end) for end in ends)}
    return {end for end in ends if not any(tree.is_within(node, end) for node in inside)} | inside


def _places(tree: ClusterTree, ends: set[int]) -> dict[int, float]:
    """{node: its place from left to right} of the ends, 0, 1, …, and of all nodes above them, in their middle."""
    places: dict[int, float] = {}
    waiting = [2 * tree.count - 2]
    while waiting:
        node = waiting.pop()
        if node in ends:
            places[node] = float(len([end for end in places if end in ends]))
            continue
        left, right = tree.children[node - tree.count].tolist()
        if left in places and right in places:
            places[node] = (places[left] + places[right]) / 2
        else:
            waiting += [node, right, left]
    return places


def _height(tree: ClusterTree, node: int, ends: int) -> float:
    """Where a node stands on the axis of the clusters left; no lower than where the drawing ends."""
    return float(min(2 * tree.count - 2 - node + 1.5, ends + 0.5))


def _cluster_above(tree: ClusterTree, node: int, numbers: Mapping[int, int]) -> int | None:
    """The number of the cluster of the cut that holds a node; None above the cut."""
    root = 2 * tree.count - 2
    while node not in numbers and node < root:
        node = int(tree.parents[node])
    return numbers.get(node)


def _elbow(tree: ClusterTree, node: int, places: Mapping[int, float], heights: Mapping[int, float]) -> Points:
    """The line from one child over the node to the other, and a gap."""
    left, right = tree.children[node - tree.count].tolist()
    top = heights[node]
    return [
        [places[left], heights[left]],
        [places[left], top],
        [places[right], top],
        [places[right], heights[right]],
        [None, None],
    ]


def _branch(points: Points, shade: str) -> Option:
    return {
        "type": "line",
        "data": points,
        "connectNulls": False,
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"width": 1.4, "color": shade},
        "emphasis": {"disabled": True},
    }


def _dots(
    tree: ClusterTree,
    numbers: Mapping[int, int],
    titles: Mapping[int, str],
    places: Mapping[int, float],
    heights: Mapping[int, float],
) -> Option:
    """A dot for each cluster of the cut, larger for more samples."""
    total = len(tree.cells)
    size = {node: f"{tree.sizes[node]:,} samples, {tree.sizes[node] / total:.1%}" for node in numbers}
    largest = max((int(tree.sizes[node]) for node in numbers), default=1)
    data = [
        {
            "name": f"cluster {maps.escape(titles[number])}: {size[node]}",
            "value": [places[node], heights[node]],
            "symbolSize": float(6 + 10 * np.sqrt(tree.sizes[node] / largest)),
            "itemStyle": {"color": colour(number)},
            "label": {"formatter": titles[number][:12]},
        }
        for node, number in numbers.items()
    ]
    label = {
        "show": len(numbers) <= LABELLED,
        "position": "right",
        "offset": [-4, -9],
        "fontSize": 10,
        "color": MUTED,
    }
    return {"type": "scatter", "data": data, "label": label, "emphasis": {"disabled": True}, "z": 3}

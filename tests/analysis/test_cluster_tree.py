"""The tree of a run's clusters, its cuts, and which numbers of clusters a graph supports."""

import numpy as np
import pytest
import torch

from dsc_core.analysis import cluster_marks
from dsc_core.analysis.cluster_marks import Marks, agreement, find_marks
from dsc_core.analysis.cluster_tree import ClusterTree, grow
from dsc_core.errors import InputError
from dsc_core.method import graph
from dsc_core.method.dendrogram import Dendrogram


def groups(count, size=60, spread=0.15, seed=0):
    """Points around `count` corners of a circle, (n, 2), their graph, and their groups."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(count) / count
    truth = np.repeat(np.arange(count), size)
    points = np.c_[np.cos(angle), np.sin(angle)][truth] * 3 + rng.normal(size=(len(truth), 2)) * spread
    points = torch.from_numpy(points.astype(np.float32))
    return points, graph.whole_graph(points, 10).astype(np.float32).tocsr(), truth


@pytest.fixture(scope="module")
def halves():
    """Six groups of which a run has made three clusters, two groups in each."""
    points, affinity, truth = groups(6)
    return grow(affinity, points, truth // 2, 0), truth


def test_at_its_own_number_the_cut_is_that_of_the_run(halves):
    tree, truth = halves
    assert tree.own == 3
    assert (tree.numbers(tree.level(3), 3) == truth // 2).all()


def test_more_clusters_are_parts_and_fewer_are_unions(halves):
    tree, truth = halves
    for clusters in range(2, tree.most + 1):
        cut = tree.numbers(tree.level(clusters), 3)
        assert len(np.unique(cut)) == clusters
        pairs = len(np.unique(cut * 3 + truth // 2))
        assert pairs == max(clusters, 3), "each is part of a cluster, or a union of them"


def test_the_parts_are_the_groups_that_the_run_had_put_together(halves):
    tree, truth = halves
    cut = tree.numbers(tree.level(6), 3)
    assert len(np.unique(cut * 6 + truth)) == 6


def test_the_largest_part_keeps_the_number_and_others_are_new(halves):
    tree, truth = halves
    cut = tree.numbers(tree.level(6), 7)
    assert sorted(np.unique(cut)) == [0, 1, 2, 7, 8, 9]
    for cluster in range(3):
        assert (cut[truth // 2 == cluster] == cluster).sum() >= 60


def test_a_branch_is_split_and_closed_alone(halves):
    tree, _ = halves
    level = tree.level(3)
    for node in level:
        split = tree.split(level, node)
        assert len(split) == 4
        assert len(split & level) == 2
        assert tree.merge_back(split, max(split - level)) == level
    deeper = tree.split(tree.split(level, max(level)), max(tree.split(level, max(level))))
    assert len(np.unique(tree.assigned(deeper))) == 5


def test_closing_a_branch_closes_all_that_is_open_in_it(halves):
    tree, _ = halves
    left = min(tree.level(2))
    above = int(tree.parents[left])
    assert tree.merge_back(tree.level(6), left) != tree.level(6)
    assert above == 2 * tree.count - 2
    assert tree.merge_back(tree.level(6), left) == {above}


def test_nodes_that_are_no_cut_are_refused(halves):
    tree, _ = halves
    level = tree.level(3)
    for nodes, words in (
        (level - {max(level)}, "leave samples out"),
        (level | {2 * tree.count - 2}, "overlap"),
        ({10**6}, "not of this tree"),
    ):
        with pytest.raises(InputError, match=words):
            tree.assigned(nodes)
    with pytest.raises(InputError, match="cannot be split"):
        tree.split(level, 0)


def test_the_same_seed_gives_the_same_tree(halves):
    points, affinity, truth = groups(6)
    again = grow(affinity, points, truth // 2, 0)
    assert (again.cells == halves[0].cells).all()
    assert (again.children == halves[0].children).all()


def test_clusters_of_few_or_equal_samples_have_a_tree_too():
    points = torch.zeros(9, 2)
    points[6:] = 1.0
    labels = np.array([0, 0, 0, 0, 0, 4, 2, 2, 2])  # a cluster of one sample, and numbers without samples
    affinity = graph.whole_graph(points + torch.rand(9, 2) * 1e-3, 3).astype(np.float32).tocsr()
    tree = grow(affinity, points, labels, 0)
    tree.check()
    assert tree.own == 3
    assert (tree.numbers(tree.level(3), 5) == labels).all()


def test_damaged_trees_are_noticed(halves):
    tree, _ = halves
    children = tree.children.copy()
    children[0, 0] = children[1, 0]
    for wrong in (
        ClusterTree(tree.cells, children, tree.linkages, tree.labels),
        ClusterTree(tree.cells[:-1], tree.children, tree.linkages, tree.labels),
        ClusterTree(tree.cells, tree.children[::-1].copy(), tree.linkages, tree.labels),
    ):
        with pytest.raises(ValueError, match="no tree"):
            wrong.check()


# Marks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [4, 7])
def test_the_marks_include_the_number_of_groups_whatever_the_run_has(own):
    points, affinity, _ = groups(7)
    marks = find_marks(affinity, points, own, 0)
    assert marks.best == 7
    assert 7 in marks.jumps
    assert list(marks.numbers[[0, -1]]) == [2, len(marks.agreement) + 1]


def test_points_without_groups_have_no_clear_agreement():
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.random((400, 2)).astype(np.float32))
    affinity = graph.whole_graph(points, 10).astype(np.float32).tocsr()
    grouped, other, _ = groups(7)
    assert (
        find_marks(affinity, points, 7, 0).agreement.max()
        < 0.5 * find_marks(other, grouped, 7, 0).agreement.max()
    )


def test_trees_that_are_equal_agree_on_all_their_information():
    cells = np.repeat(np.arange(4), 250)
    tree = Dendrogram(cells, np.array([[0, 1], [2, 3], [0, 2]]), np.ones(3))
    assert agreement(tree, tree, 4) == pytest.approx(np.log([2, 8 / 2**1.5, 4]), abs=0.05)
    chance = Dendrogram(np.random.default_rng(0).permutation(cells), tree.merges, tree.linkages)
    assert (agreement(tree, chance, 4) < -1.5).all(), "what is not found again counts against it"


def test_marks_are_peaks_and_jumps():
    agreement = np.array([0.5, 0.4, 0.9, 1.0, 0.95, 0.96, 0.5])
    marks = Marks(agreement, np.array([1.0, 1, 1, 9.0, 1.9, 2.5, 1]))
    assert marks.agreed == (5, 7)
    assert marks.jumps == (5, 7)
    assert marks.best == 5
    assert Marks(np.zeros(0), np.zeros(0)).best is None


def test_few_samples_have_no_marks_and_a_stop_ends_the_comparison():
    points, affinity, _ = groups(3, 5)
    assert not len(find_marks(affinity, points, 3, 0).agreement)

    def stop(*_):
        raise KeyboardInterrupt

    points, affinity, _ = groups(3)
    with pytest.raises(KeyboardInterrupt):
        find_marks(affinity, points, 3, 0, stop)


def test_progress_counts_to_its_total():
    points, affinity, _ = groups(3)
    seen = []
    find_marks(affinity, points, 3, 0, lambda *step: seen.append(step))
    assert [done for _, done, _ in seen] == list(range(2 * cluster_marks.TREES))
    assert {total for *_, total in seen} == {2 * cluster_marks.TREES}

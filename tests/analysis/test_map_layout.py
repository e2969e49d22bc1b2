"""The layout of a neighbour graph: what is near stays near, and the same seed gives the same positions."""

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness

from dsc_core.analysis import map_layout
from dsc_core.method.neighbours import nearest


def laid_out(points, seed=0, count=14):
    points = np.asarray(points, np.float32)
    return map_layout.lay_out(points, *nearest(torch.from_numpy(points), count), seed)


def blobs(groups=5, size=40, dims=8, seed=0):
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(groups), size)
    return 9 * rng.normal(size=(groups, dims))[which] + rng.normal(size=(groups * size, dims)), which


def test_neighbours_of_the_space_are_neighbours_on_the_map():
    points, which = blobs()
    mapped = laid_out(points)
    assert mapped.dtype == np.float32
    assert trustworthiness(points, mapped, n_neighbors=10) > 0.95
    index, _ = nearest(torch.from_numpy(mapped), 5)
    assert (which[index] == which[:, None]).mean() > 0.99


def test_a_ring_stays_a_ring():
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    mapped = laid_out(np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1))
    radius = np.linalg.norm(mapped - mapped.mean(0), axis=1)
    assert radius.min() > 0.5 * radius.max()


def test_a_seed_gives_the_same_map_and_another_seed_another():
    points, _ = blobs()
    assert (laid_out(points, seed=4) == laid_out(points, seed=4)).all()
    assert (laid_out(points, seed=4) != laid_out(points, seed=5)).any()


def test_the_order_of_the_columns_and_their_signs_do_not_matter_to_what_is_near():
    points, which = blobs()
    mapped = laid_out(-points[:, ::-1])
    index, _ = nearest(torch.from_numpy(mapped), 5)
    assert (which[index] == which[:, None]).mean() > 0.99


@pytest.mark.parametrize("n", [16, 40])
def test_duplicates_have_finite_positions(n):
    points = np.repeat(np.random.default_rng(0).normal(size=(n // 8, 3)), 8, axis=0)
    assert np.isfinite(laid_out(points)).all()
    assert np.isfinite(laid_out(np.zeros((n, 3)))).all()


def test_unconnected_pieces_are_laid_out_together():
    points, which = blobs(groups=2, size=30)
    mapped = laid_out(points + 1e4 * which[:, None])
    assert np.isfinite(mapped).all()
    assert np.abs(mapped).max() < 100


def force_by_hand(place, graph):
    """UMAP's expected attraction on each point, edge by edge."""
    force = np.zeros(place.shape)
    for i, j in zip(*graph.nonzero(), strict=True):
        gap = place[:, j] - place[:, i]
        square = (gap**2).sum()
        a, b = float(map_layout.A), float(map_layout.B)
        force[:, i] += 2 * graph[i, j] * 2 * a * b * square ** (b - 1) / (1 + a * square**b) * gap
    return force


def test_attraction_is_that_of_umap():
    points = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    graph = map_layout.neighbour_graph(*nearest(torch.from_numpy(points), 6))
    place = np.random.default_rng(1).normal(size=(2, 30)).astype(np.float32)
    force, pull = map_layout.Edges(graph, np.float32(0)).attraction(place)
    assert np.allclose(force, force_by_hand(place, graph), rtol=1e-3, atol=1e-3)
    assert (pull > 0).all()


def test_repulsion_is_that_of_umap_at_several_block_sizes(monkeypatch):
    place = np.random.default_rng(1).normal(size=(2, 12)).astype(np.float32)
    shifts = np.array([1, 3, 11, 3])
    a, b = float(map_layout.A), float(map_layout.B)
    wanted = np.zeros((2, 12))
    for i in range(12):
        for shift in [*shifts, *-shifts]:
            gap = place[:, i] - place[:, (i + shift) % 12]
            square = float((gap**2).sum())
            push = 2 * b / ((0.001 + square) * (1 + a * square**b)) * gap
            wanted[:, i] += np.clip(push, -4, 4)
    for size in (1, 24, 2**14):
        monkeypatch.setattr(map_layout, "AT_ONCE", size)
        assert np.allclose(map_layout._repulsion(place, shifts), wanted, rtol=1e-3, atol=1e-3)


def test_a_continued_layout_moves_little_where_nothing_changed():
    points = np.asarray(blobs()[0], np.float32)
    known = nearest(torch.from_numpy(points), 14)
    first = map_layout.lay_out(points, *known, 0)
    again = map_layout.continue_layout(*known, first, 0, 40, 0.25)
    assert np.linalg.norm(again - first) < 0.1 * np.linalg.norm(first - first.mean(0))
    assert (again == map_layout.continue_layout(*known, first, 0, 40, 0.25)).all()

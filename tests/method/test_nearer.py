"""Neighbours of neighbours, against those of all distances."""

import numpy as np
import torch

from dsc_core.method import nearer, neighbours


def incomplete(count=1500, dims=6, kept=6, wanted=10, seed=0):
    """Points, and of each the nearest `kept` neighbours with some farther ones, in place of the `wanted` nearest."""
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(rng.standard_normal((count, dims)).astype(np.float32))
    near = torch.from_numpy(neighbours.nearest(points, 5 * wanted)[0].copy())
    places, true = neighbours.Places([points]), near[:, :wanted]
    indices = torch.cat([near[:, :kept], near[:, kept - wanted :][:, : wanted - kept]], 1)
    return places, indices, places.squared_distances(points, indices), true


def share(indices, true):
    return float((indices[:, :, None] == true[:, None, :]).any(2).float().mean())


def test_most_missing_neighbours_are_found_with_their_distances(monkeypatch):
    monkeypatch.setattr(nearer, "ROWS", 400)
    places, indices, squares, true = incomplete()
    before, far = share(indices, true), squares.clone()
    nearer.find_nearer(places, indices, squares, lambda: None)
    assert before < 0.7
    assert share(indices, true) > 0.95
    assert (squares <= far).all()
    assert (squares.diff(dim=1) >= 0).all()
    assert torch.allclose(squares, places.squared_distances(places.sets[0], indices))


def test_no_point_is_its_own_neighbour_nor_one_twice():
    places, indices, squares, _ = incomplete(count=600, kept=3)
    nearer.find_nearer(places, indices, squares, lambda: None)
    assert all(len(set(row.tolist()) - {own}) == len(row) for own, row in enumerate(indices))


def test_complete_neighbours_stay():
    places, indices, squares, true = incomplete(kept=10)
    expected = squares.clone()
    nearer.find_nearer(places, indices, squares, lambda: None)
    assert torch.equal(indices, true)
    assert torch.equal(squares, expected)

"""Maps of the latent and the spectral space."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_score

from dsc_core.analysis import umap_map
from dsc_core.errors import RunError


def islands(n, d=6, seed=0):
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 3, n)
    return (rng.normal(size=(n, d)) + 15 * np.eye(3, d)[which]).astype(np.float32), which


def test_the_same_seed_gives_the_same_map_and_islands_stay_apart():
    points, which = islands(120)
    state_before = np.random.get_state()[1].copy()
    first = umap_map.project(points, seed=3)
    assert (first == umap_map.project(points, seed=3)).all()
    assert first.shape == (120, 2)
    assert first.dtype == np.float32
    assert silhouette_score(first, which) > 0.6
    assert (np.random.get_state()[1] == state_before).all(), "the caller's own random numbers were disturbed"


def test_a_map_leaves_the_number_of_threads_as_it_was():
    points, _ = islands(120)
    before = torch.get_num_threads()
    for threads in (2, 1):
        torch.set_num_threads(threads)
        umap_map.project(points, seed=3)
        assert torch.get_num_threads() == threads
        umap_map.embed(points[:40], 3, seed=3)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)


def test_a_map_compiles_nothing():
    code = "import sys, numpy as np; from dsc_core.analysis import umap_map\n"
    code += "umap_map.project(np.random.default_rng(0).normal(size=(50, 4)), 0)\n"
    code += "sys.exit(bool({'numba', 'umap', 'sklearn'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_above_the_limit_the_other_points_lie_on_their_own_island(monkeypatch):
    monkeypatch.setattr(umap_map, "FITTED", 100)
    points, which = islands(400)
    messages = []
    mapped = umap_map.project(points, seed=0, progress=messages.append)
    assert mapped.shape == (400, 2)
    assert silhouette_score(mapped, which) > 0.6
    assert "100 of 400" in messages[0]


def test_a_placed_point_lies_on_an_island_not_between_two():
    reference = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    reference_map = np.array([[0, 0], [0, 0], [0, 0], [10, 10], [10, 10]], dtype=np.float32)
    assert umap_map.place_points([[2.1]], reference, reference_map).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("n", [0, 1, 2, 5, 15])
def test_few_points_are_mapped_by_their_principal_axes(n):
    points = np.random.default_rng(0).normal(size=(n, 4))
    mapped = umap_map.project(points, seed=0)
    assert mapped.shape == (n, 2)
    assert np.isfinite(mapped).all()
    if n > 2:
        assert mapped[:, 0].var() >= mapped[:, 1].var() > 0


@pytest.mark.parametrize("n", [3, 40])
def test_equal_points_are_mapped_to_zero(n):
    assert not umap_map.project(np.full((n, 5), 7.0), seed=0).any()


def test_one_dimension_is_enough_for_a_map():
    mapped = umap_map.project(np.linspace(0, 1, 16)[:, None], seed=0)
    assert np.isfinite(mapped).all()


def test_the_principal_axes_are_used_if_the_layout_fails(monkeypatch):
    def fails(*_):
        raise ValueError("array must not contain infs or NaNs")

    points, _ = islands(40)
    monkeypatch.setattr(umap_map, "lay_out", fails)
    assert (umap_map.project(points, seed=0) == umap_map.principal_axes(points, 2)).all()
    monkeypatch.setattr(umap_map, "run_umap", fails)
    assert (umap_map.embed(points, 3, seed=0) == umap_map.principal_axes(points, 3)).all()


@pytest.mark.parametrize("n", [16, 17, 60])
def test_one_dimension_is_unrolled_in_order(n):
    mapped = umap_map.project(np.linspace(0, 1, n)[:, None], seed=0)
    length = np.linalg.norm(np.diff(mapped, axis=0), axis=1).sum()
    rng = np.random.default_rng(0)
    assert length < 0.5 * np.linalg.norm(np.diff(mapped[rng.permutation(n)], axis=0), axis=1).sum()


def test_coordinates_whose_squares_overflow_have_finite_positions(recwarn):
    points, _ = islands(40)
    assert np.isfinite(umap_map.project(points * np.float32(1e30), seed=0)).all()
    assert not recwarn.list


def test_repeated_points_and_outliers_have_finite_positions(recwarn):
    points = np.zeros((40, 3), dtype=np.float32)
    points[38:] = 1e6
    assert np.isfinite(umap_map.project(points, seed=0)).all()


def test_diverged_points_give_one_sentence():
    with pytest.raises(RunError, match="not finite"):
        umap_map.project(np.array([[0.0, np.nan], [1.0, 2.0]]), seed=0)


def test_nothing_is_printed_or_warned(recwarn, capsys):
    umap_map.project(islands(30)[0], seed=0)
    assert not recwarn.list
    assert capsys.readouterr().err == ""

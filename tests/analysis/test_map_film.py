"""The film of the latent map: frames are aligned with the one before and keep the order of samples."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dsc_core.analysis import map_film, map_layout
from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.method import neighbours
from dsc_core.presets import preset

SEEDS = st.integers(0, 10**6)


def cloud(seed, n=40):
    return (np.random.default_rng(seed).normal(size=(n, 2)) * [5, 1]).astype(np.float32)


def transformed(points, turn, mirror, scale, shift):
    """`points`, rotated, mirrored, scaled and shifted."""
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return scale * points @ (matrix * [1, -1 if mirror else 1]) + shift


@given(SEEDS, st.floats(-9, 9), st.booleans(), st.floats(0.01, 100), st.floats(-50, 50))
def test_rotation_mirroring_scale_and_shift_are_undone(seed, turn, mirror, scale, shift):
    target = cloud(seed)
    back = map_film.align(transformed(target, turn, mirror, scale, [shift, -2 * shift]), target)
    assert back.dtype == np.float32
    assert np.allclose(back, target, atol=1e-3)


@given(SEEDS)
def test_no_rotation_is_closer_than_the_alignment(seed):
    points, target = cloud(seed), cloud(seed + 1)
    distance = np.linalg.norm(map_film.align(points, target) - target)
    centred = points - points.mean(0)
    scale = np.linalg.norm(target - target.mean(0)) / np.linalg.norm(centred)
    for turn in np.linspace(0, 2 * np.pi, 25):
        for mirror in (False, True):
            other = transformed(centred, turn, mirror, scale, target.mean(0))
            assert distance <= np.linalg.norm(other - target) + 1e-3


@given(SEEDS)
def test_a_hundred_unrelated_maps_in_a_row_keep_their_size_and_position(seed):
    first = before = cloud(seed)
    for number in range(1, 100):
        before = map_film.align(cloud(seed + number), before)
    assert np.linalg.norm(before - before.mean(0)) == pytest.approx(
        np.linalg.norm(first - first.mean(0)), rel=1e-3
    )
    assert np.allclose(before.mean(0), first.mean(0), atol=1e-2)


@given(SEEDS)
def test_the_order_of_the_samples_is_kept(seed):
    points, target = cloud(seed), cloud(seed + 1)
    order = np.random.default_rng(seed).permutation(len(points))
    assert np.allclose(
        map_film.align(points[order], target[order]), map_film.align(points, target)[order], atol=1e-3
    )


def test_maps_of_equal_points_are_aligned_without_dividing_by_zero():
    same = np.full((20, 2), 3.0)
    assert np.allclose(map_film.align(cloud(0, 20), same).mean(0), 3, atol=1e-5)
    assert np.allclose(map_film.align(same, cloud(0, 20)), cloud(0, 20).mean(0), atol=1e-5)


@given(st.sets(st.integers(0, 2000), min_size=1), st.integers(2, 40))
def test_only_surplus_frames_are_removed_and_never_the_ends(numbers, most):
    numbers = sorted(numbers)
    kept = sorted(set(numbers) - set(map_film.surplus_frames(numbers, most)))
    assert len(kept) == min(most, len(numbers))
    assert (kept[0], kept[-1]) == (numbers[0], numbers[-1])


@pytest.mark.parametrize("most", [8, 40])
def test_a_film_thinned_while_it_grows_stays_even(most):
    kept = []
    for number in range(600):
        kept = sorted({*kept, number} - set(map_film.surplus_frames([*kept, number], most)))
        assert max(np.diff(kept), default=1) <= 3 * -(-(number + 1) // most)


@pytest.mark.parametrize(
    ("count", "changes", "most"),
    [
        (120, {}, 120),
        (1797, {"map_every": 1}, 500),
        (10_000, {}, 5000),
        (70_000, {"map_every": 1}, 5000),
        (70_000, {"map_every": 4, "batches": 10, "batch": 1024}, 5000),
        (70_000, {"map_every": 1, "batches": 1, "batch": 128}, 500),
    ],
)
def test_a_frame_is_small_compared_with_the_training_since_the_last(count, changes, most):
    rows = map_film.film_rows(count, Config(**changes))
    assert len(rows) == most == len(set(rows.tolist()))
    assert (rows == np.sort(rows)).all()
    assert (map_film.film_rows(count, Config(**changes, epochs=9)) == rows).all()
    if most < count:
        assert (map_film.film_rows(count, Config(**changes, seed=1)) != rows).any()


def test_a_quick_run_films_every_epoch():
    assert preset("quick").map_every == 1
    assert preset("standard").map_every == 2


def test_frames_stay_where_they_were_as_islands_part():
    """One island splits in two; the position and size of the map and the other islands stay."""
    rng = np.random.default_rng(0)
    which, noise = rng.integers(0, 4, 240), rng.normal(size=(240, 6))
    islands = 12 * np.eye(4, 6)[which] + noise
    half = np.flatnonzero(which == 0)[::2]
    maps = [map_film.next_frame(islands, None, seed=0)]
    for share in (0, 0.3, 0.6, 1.0):
        parted = islands.copy()
        parted[half] += share * 14 * np.eye(6)[5]
        maps.append(map_film.next_frame(parted, maps[-1], seed=0))
    assert all(frame.shape == (240, 2) and frame.dtype == np.float32 for frame in maps)
    size = np.linalg.norm(maps[0] - maps[0].mean(0))
    for before, now in itertools.pairwise(maps):
        assert np.linalg.norm(now - now.mean(0)) == pytest.approx(size, rel=1e-3)
        assert np.linalg.norm(now - before) < 0.5 * size
    still = np.linalg.norm(maps[1] - maps[0]) / size
    assert still < 0.2, "nothing transformed in the latent space"
    own = np.isin(np.arange(240), half)
    rest = (which == 0) & ~own
    gap_before, gap_after = (
        np.linalg.norm(frame[own].mean(0) - frame[rest].mean(0)) for frame in (maps[0], maps[-1])
    )
    assert gap_after > 3 * gap_before
    assert (map_film.next_frame(islands, None, seed=0) == maps[0]).all(), "a seed gives one film"


@pytest.mark.parametrize("n", [1, 2, 15, 30])
def test_few_points_and_equal_points_have_frames(n):
    points = np.random.default_rng(n).normal(size=(n, 4))
    first = map_film.next_frame(points, None, seed=0)
    for latent in (points + 0.1, np.zeros((n, 4))):
        now = map_film.next_frame(latent, first, seed=0)
        assert now.shape == (n, 2)
        assert np.isfinite(now).all()
    again = map_film.next_frame(points, np.zeros((n, 2), np.float32), seed=0)
    assert np.isfinite(again).all()


def test_the_principal_axes_are_used_if_the_layout_fails(monkeypatch):
    def fails(*_):
        raise ValueError("array must not contain infs or NaNs")

    for name in ("lay_out", "continue_layout"):
        monkeypatch.setattr(map_layout, name, fails)
    points = np.random.default_rng(0).normal(size=(40, 3))
    first = map_film.next_frame(points, None, seed=0)
    assert np.isfinite(first).all()
    assert np.allclose(map_film.next_frame(points, first, seed=0), first, atol=1e-4)


@pytest.mark.parametrize("block", [1, 1000, 2**22])
def test_neighbours_are_those_of_the_graph(monkeypatch, block):
    monkeypatch.setattr(map_film, "BLOCK", block)
    points = np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)
    indices, distances = map_film.nearest(points, 7)
    wanted, lengths = neighbours.nearest(torch.from_numpy(points), 7)
    assert (indices == wanted).all()
    assert np.allclose(distances, lengths, atol=1e-3)


def test_neighbours_of_duplicates_are_at_distance_zero_and_never_the_point_itself():
    indices, distances = map_film.nearest(np.zeros((20, 3), np.float32), 5)
    assert not distances.any()
    assert not (indices == np.arange(20)[:, None]).any()


def test_a_diverged_latent_gives_one_sentence():
    with pytest.raises(RunError, match="not finite"):
        map_film.next_frame(np.full((30, 2), np.nan), None, seed=0)


def test_the_limits_hold_every_frame():
    maps = [cloud(seed) for seed in range(4)]
    low, high = map_film.axis_limits(maps)
    assert all(((low < frame) & (frame < high)).all() for frame in maps)


def test_nothing_here_loads_pytorch():
    code = "import sys; from dsc_core.runs import film_process; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

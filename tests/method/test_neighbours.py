"""The searches of neighbours, against distances that are all computed."""

import numpy as np
import pytest
import torch

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import cells, faiss_search, neighbours, search
from tests.training.small import SMALL, images, run


def codes(count, dims=8, groups=12, seed=0):
    """Points around a few centres, as latent codes are."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, dims)) * 4
    points = centres[rng.integers(groups, size=count)] + rng.standard_normal((count, dims))
    return torch.from_numpy(points.astype(np.float32))


def all_distances(points, copies=()):
    least = torch.stack([torch.cdist(points.double(), each.double()) for each in (points, *copies)]).amin(0)
    return least.fill_diagonal_(torch.inf)


@pytest.mark.parametrize("count", [5, 40, 1025, 3000])
@pytest.mark.parametrize("tile", [64, 1024])
def test_the_exact_search_finds_the_least_of_all_distances(count, tile, monkeypatch):
    monkeypatch.setattr(neighbours, "TILE", tile)
    monkeypatch.setattr(neighbours, "QUERIES", 700)
    monkeypatch.setattr(neighbours, "MANY", 2000)  # both sizes of groups
    points = codes(count)
    indices, distances = neighbours.nearest(points, 9)
    true = all_distances(points).topk(min(9, count - 1), largest=False)
    assert np.allclose(distances, true.values, atol=1e-4)
    assert np.allclose(all_distances(points).gather(1, torch.from_numpy(indices)), distances, atol=1e-4)
    assert all(len(set(row)) == len(row) for row in indices.tolist())


def test_with_copies_a_point_is_as_near_as_the_nearest_of_its_positions():
    points, copies = codes(500), [codes(500, seed=1), codes(500, seed=2)]
    true = all_distances(points, copies).topk(5, largest=False).values
    for found in (
        neighbours.nearest(points, 5, copies=copies),
        cells.nearest_by_cells(points, 5, 0, copies=copies),
    ):
        assert np.mean(np.isclose(found[1], true, atol=1e-4)) > 0.98


def test_duplicates_are_neighbours_at_no_distance():
    points = torch.ones(300, 4)
    for found in (neighbours.nearest(points, 6), cells.nearest_by_cells(points, 6, 0)):
        assert (found[1] == 0).all()
        assert not (found[0] == np.arange(300)[:, None]).any()
        assert all(len(set(row)) == 6 for row in found[0].tolist())


def share_found(points, indices):
    true = all_distances(points).topk(indices.shape[1], largest=False).indices.numpy()
    return np.mean(
        [len(set(a) & set(b)) for a, b in zip(indices.tolist(), true.tolist(), strict=True)]
    ) / len(true[0])


@pytest.mark.parametrize("dims", [4, 10, 30])
def test_cells_find_nearly_all_neighbours_with_their_distances(dims):
    points = codes(6000, dims)
    indices, distances = cells.nearest_by_cells(points, 10, 0)
    assert share_found(points, indices) >= 0.985
    assert np.allclose((points[indices] - points[:, None]).norm(dim=2), distances, atol=1e-4)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (indices == np.arange(len(points))[:, None]).any()


def test_cells_are_the_same_on_every_run_of_a_seed():
    points = codes(4000)
    first, again = (cells.nearest_by_cells(points, 10, 3) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))


def test_few_at_a_time_are_the_same_neighbours(monkeypatch):
    points, copies = codes(3000), [codes(3000, seed=1)]
    whole = cells.nearest_by_cells(points, 10, 0, copies=copies)
    monkeypatch.setattr(cells, "CANDIDATES", 5000)
    monkeypatch.setattr(neighbours, "GATHERED", 3000)
    monkeypatch.setattr(neighbours, "ORDERED", 1000)
    few = cells.nearest_by_cells(points, 10, 0, copies=copies)
    assert np.mean(whole[0] == few[0]) > 0.999  # products of other sizes round otherwise
    assert np.allclose(whole[1], few[1], atol=1e-5)


def test_the_neighbours_of_some_points_are_found_a_few_at_a_time(monkeypatch):
    places, rows = neighbours.Places([codes(2000)]), torch.arange(0, 2000, 7)
    whole = places.closest(places.sets[0][rows], 5, rows)
    monkeypatch.setattr(neighbours, "MINIMA", 2000)
    few = places.closest_to(rows, 5)
    assert (whole[0] == few[0]).float().mean() > 0.999
    assert torch.allclose(whole[1], few[1])


def test_a_large_cell_is_cut_into_pieces():
    points = torch.cat([codes(2000), torch.zeros(2000, 8)])
    made = cells.make_cells([points], 0, lambda: None)
    sizes = made.bounds.diff()
    assert int(sizes.sum()) == len(points)
    assert int(sizes.max()) <= cells.LARGEST * len(points) // int(cells.PER_ROOT * len(points) ** 0.5)
    assert torch.equal(made.order.sort().values, torch.arange(len(points)))


@pytest.mark.parametrize("how", [neighbours.nearest, lambda *a, **k: cells.nearest_by_cells(*a, 0, **k)])
def test_a_search_can_be_ended_at_any_block(how):
    class Ended(Exception):
        pass

    for calls in range(3):
        left = iter(range(calls))

        def progress(done, total, left=left):
            if next(left, None) is None:
                raise Ended

        with pytest.raises(Ended):
            how(codes(5000), 5, progress=progress)


def test_auto_is_exact_up_to_a_limit_and_says_so_beyond(monkeypatch):
    assert search.chosen("auto", search.EXACT, torch.device("cpu")) == "exact"
    assert search.chosen("auto", search.EXACT + 1, torch.device("cpu")) == "cells"
    assert search.chosen("auto", search.EXACT + 1, torch.device("cuda")) == "exact"
    points, said = codes(3000), []
    exact = search.neighbours_of_all(points, 5, "auto", say=said.append)
    assert not said
    assert np.array_equal(exact[0], neighbours.nearest(points, 5)[0])
    monkeypatch.setattr(search, "EXACT", 2000)
    found = search.neighbours_of_all(points, 5, "auto", say=said.append)
    assert "3,000 samples are found by cells" in said[0]
    share = float(said[0].split("% of the true")[0].split()[-1])
    assert share == pytest.approx(100 * share_found(points, found[0]), abs=0.5)


def test_the_share_that_is_said_counts_what_is_missing():
    points = codes(2000)
    indices = neighbours.nearest(points, 10)[0]
    assert search.recall(points, [], indices, 0) == (1.0, 1000)
    indices[:, 9] = neighbours.nearest(points, 40)[0][:, 39]
    assert search.recall(points, [], indices, 0)[0] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("joint_epochs", [0, 3])
def test_a_run_says_once_that_its_neighbours_are_found_by_cells(joint_epochs):
    config = Config(**{**SMALL, "joint_epochs": joint_epochs}, search="cells", refresh=1)
    fitted, events = run(images(500), config)
    assert sum("are found by cells" in event.message for event in events) == 1
    assert fitted.labels.shape == (500,)


def test_a_run_by_cells_that_is_resumed_has_the_labels_of_one_without_a_break():
    config = Config(**{**SMALL, "joint_epochs": 4, "tolerance": 0.0}, search="cells", refresh=1)
    whole, _ = run(images(500), config)
    states = []
    run(images(500), config, checkpoint=states.append)
    middle = next(state for state in states if state.stage == "joint" and state.epoch == config.epochs + 2)
    resumed, _ = run(images(500), config, resume_from=middle)
    assert np.array_equal(whole.labels, resumed.labels)
    assert np.array_equal(whole.latent, resumed.latent)


def test_without_faiss_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(InputError, match=r"pip install -r requirements-faiss.txt"):
        run(images(100), Config(**SMALL, search="faiss"))


def test_faiss_finds_nearly_all_neighbours():
    pytest.importorskip("faiss", reason="FAISS is not installed (requirements-faiss.txt)")
    points = codes(6000)
    first, again = (faiss_search.nearest_by_faiss(points, 10, 0) for _ in range(2))
    assert share_found(points, first[0]) >= 0.985
    assert np.array_equal(first[0], again[0])
    assert np.allclose((points[first[0]] - points[:, None]).norm(dim=2), first[1], atol=1e-2)
    assert not (first[0] == np.arange(len(points))[:, None]).any()


def test_faiss_with_duplicates_and_with_copies():
    pytest.importorskip("faiss", reason="FAISS is not installed (requirements-faiss.txt)")
    indices, distances = faiss_search.nearest_by_faiss(torch.ones(2000, 4), 6, 0)
    assert (distances == 0).all()
    assert not (indices == np.arange(2000)[:, None]).any()
    with pytest.raises(InputError, match="augmented_graph=0"):
        faiss_search.nearest_by_faiss(codes(500), 6, 0, copies=[codes(500)])

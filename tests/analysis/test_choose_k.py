"""Choosing K: figures agree on well-separated groups and are reproducible."""

import numpy as np
import pytest
import torch

from dsc_core.analysis import choose_k
from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import graph

CONFIG = Config(seed=3, neighbours=8)


def groups(count, size=40, dims=4, seed=0):
    """Points in well-separated groups."""
    rng = np.random.default_rng(seed)
    centres = np.eye(count, max(dims, count)) * 30
    points = np.concatenate([centre + rng.standard_normal((size, len(centre))) for centre in centres])
    return points.astype(np.float32)


def evaluate(points, numbers, config=CONFIG, progress=None):
    affinity = graph.whole_graph(torch.from_numpy(points), config.neighbours)
    values, vectors = choose_k.spectrum(affinity, max(numbers), config, progress)
    return values, list(choose_k.sweep(points, values, vectors, numbers, config, progress))


@pytest.mark.parametrize("count", [3, 5])
def test_every_figure_favours_the_number_of_separated_groups(count):
    values, rows = evaluate(groups(count), list(range(2, 8)))
    best_k = choose_k.best_by_figure(values, rows)
    assert best_k == dict.fromkeys(
        ("eigengap", "stability", "silhouette_latent", "silhouette_spectral"), count
    )
    assert choose_k.recommend(best_k) == count
    best = next(row for row in rows if row.clusters == count)
    assert best.stability == pytest.approx(1)
    assert best.lowest == pytest.approx(1)
    beyond = next(row for row in rows if row.clusters == count + 2)
    assert beyond.stability < 1, "a group that is cut at random is cut differently each time"


def test_a_seed_is_reproducible_and_figures_stay_within_their_bounds():
    points = np.random.default_rng(1).standard_normal((150, 3)).astype(np.float32)
    values, rows = evaluate(points, [2, 4, 6])
    again, rows_again = evaluate(points, [2, 4, 6])
    assert np.array_equal(values, again)
    assert rows == rows_again
    assert (np.diff(values) <= 1e-9).all()
    for row in rows:
        assert -0.5 <= row.lowest <= row.stability <= 1
        assert -1 <= row.silhouette_latent <= 1
        assert -1 <= row.silhouette_spectral <= 1


def test_a_row_does_not_depend_on_the_other_numbers():
    points = groups(3, seed=4)
    _, several = evaluate(points, [3, 4, 5])
    _, one = evaluate(points, [4])
    assert one[0].stability == pytest.approx(several[1].stability, abs=0.05)
    assert one[0].silhouette_latent == pytest.approx(several[1].silhouette_latent, abs=0.05)


def test_progress_can_cancel_between_two_clusterings_and_earlier_rows_remain():
    class Stop(Exception):
        pass

    reported = []

    def progress(activity, done, total):
        reported.append((activity, done, total))
        if activity.endswith("into 3"):
            raise Stop

    rows = []
    affinity = graph.whole_graph(torch.from_numpy(groups(3)), 8)
    values, vectors = choose_k.spectrum(affinity, 4, CONFIG, None)
    with pytest.raises(Stop):
        rows.extend(
            row.clusters for row in choose_k.sweep(groups(3), values, vectors, [2, 3, 4], CONFIG, progress)
        )
    assert rows == [2]
    assert [done for _, done, _ in reported] == list(range(choose_k.CLUSTERINGS + 1))
    assert {total for *_, total in reported} == {3 * choose_k.CLUSTERINGS}


def test_the_computation_of_eigenvalues_can_be_cancelled():
    affinity = graph.whole_graph(
        torch.from_numpy(groups(6, size=100)), 8
    )  # large enough for the sparse solver

    def progress(*_):
        raise KeyError("stop")

    with pytest.raises(KeyError):
        choose_k.spectrum(affinity, 4, CONFIG, progress)
    free, _ = choose_k.spectrum(affinity, 4, CONFIG)
    reported, _ = choose_k.spectrum(affinity, 4, CONFIG, lambda *_: None)
    assert np.allclose(free, reported)


def test_many_clusters_of_few_samples_have_a_spectrum():
    affinity = graph.whole_graph(torch.from_numpy(groups(5, size=101)), 8)
    values, vectors = graph.diffusion_map(affinity, 4 * 70, 0)  # twice as many would be more than there are
    assert values.shape == (280,)
    assert vectors.shape == (505, 280)


@pytest.mark.parametrize("count", [3, 7])
def test_too_few_samples_are_refused(count):
    with pytest.raises(InputError, match="too few"):
        choose_k.limits(count)


def test_limits_leave_samples_for_every_cluster():
    for count in (10, 60, 5000):
        low, high = choose_k.limits(count)
        assert 2 == low < high <= choose_k.HIGHEST
        assert high * 2 <= count


def test_ties_go_to_the_larger_k_and_the_majority_is_recommended():
    rows = [choose_k.Row(k, s, s, None, None) for k, s in ((2, 1.0), (3, 1.0), (4, 0.5))]
    best_k = choose_k.best_by_figure(np.array([1, 0.9, 0.8, 0.2, 0.1]), rows)
    assert best_k == {"eigengap": 3, "stability": 3}
    assert choose_k.recommend({"eigengap": 5, "stability": 2, "silhouette_latent": 2}) == 2
    assert choose_k.recommend({"eigengap": 5, "stability": 2}) == 5
    assert choose_k.recommend({}) is None

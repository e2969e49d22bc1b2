"""Samples far from the training data are recognised, whatever the scale."""

import numpy as np
import pytest

from dsc_core.analysis import outliers


def cloud(count, dims=8, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dims)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_data_like_the_training_data_are_rarely_far_and_distant_data_always(scale):
    novelty = outliers.fit(cloud(3000) * scale)
    like, far = cloud(2000, seed=1) * scale, (cloud(50, seed=2) + 12) * scale
    assert novelty.is_far(novelty.nearest(like)[1]).mean() < 0.03
    assert novelty.is_far(novelty.nearest(far)[1]).all()


def test_one_percent_of_the_training_data_exceed_the_limit():
    codes = cloud(3000)
    novelty = outliers.fit(codes)
    assert novelty.is_far(novelty.nearest(codes)[1]).mean() <= 0.01


def test_the_distance_is_that_to_the_tenth_nearest_training_code():
    codes, new = cloud(200), cloud(20, seed=3)
    nearest, distance = outliers.fit(codes).nearest(new)
    exact = np.sort(np.linalg.norm(new[:, None] - codes[None], axis=2), axis=1)
    assert np.allclose(distance, exact[:, 9], rtol=1e-4)
    assert (nearest[:, 0] == np.linalg.norm(new[:, None] - codes[None], axis=2).argmin(1)).all()


def test_few_codes_have_as_many_neighbours_as_there_are():
    novelty = outliers.fit(cloud(4))
    assert novelty.kth == 3
    assert novelty.nearest(cloud(2, seed=1))[0].shape == (2, 3)


def test_copies_of_one_sample_are_not_far():
    novelty = outliers.fit(np.repeat(cloud(1), 100, axis=0))
    assert not novelty.is_far(novelty.nearest(cloud(1))[1]).any()


def test_the_limit_of_a_sample_is_close_to_that_of_all(monkeypatch):
    codes = cloud(4000)
    whole = outliers.fit(codes).limit
    monkeypatch.setattr(outliers, "LIMIT_SAMPLE", 1500)
    assert outliers.fit(codes).limit == pytest.approx(whole, rel=0.05)


def test_either_signal_suffices_and_about_one_percent_of_the_training_data_exceed_one():
    rng = np.random.default_rng(0)
    codes, errors = cloud(3000), rng.gamma(4, size=3000)
    novelty = outliers.fit(codes, error_limit=outliers.error_limit(errors))
    distances = novelty.nearest(codes)[1]
    assert novelty.is_unlike_training(distances, errors).mean() < 0.02
    assert novelty.is_unlike_training(np.zeros(3), np.array([0.0, 100.0, np.nan])).tolist() == [
        False,
        True,
        False,
    ]
    assert novelty.is_unlike_training(np.full(2, 1e3), np.array([0.0, np.nan])).all()
    score = novelty.score(distances, errors)
    assert np.array_equal(score > 1, novelty.is_unlike_training(distances, errors))


def test_without_a_reconstruction_the_distance_alone_decides():
    novelty = outliers.fit(cloud(500))
    assert novelty.error_limit == np.inf
    assert not novelty.is_unlike_training(np.zeros(2), np.array([1e9, np.nan])).any()
    assert novelty.score(np.array([novelty.limit * 2]), np.array([np.nan])) == pytest.approx([2])

"""What lies far from the training data is told from what lies among them, whatever the scale."""

import numpy as np
import pytest

from dsc_core.analysis import outliers


def cloud(count, dims=8, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dims)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_new_data_like_the_training_data_are_seldom_flagged_and_far_ones_always(scale):
    known = outliers.known(cloud(3000) * scale)
    like, far = cloud(2000, seed=1) * scale, (cloud(50, seed=2) + 12) * scale
    assert known.is_far(known.look(like)[1]).mean() < 0.03
    assert known.is_far(known.look(far)[1]).all()


def test_the_training_data_themselves_are_within_the_limit_but_for_a_hundredth():
    codes = cloud(3000)
    known = outliers.known(codes)
    assert known.is_far(known.look(codes)[1]).mean() <= 0.01


def test_the_distance_is_that_to_the_tenth_nearest_training_code():
    codes, new = cloud(200), cloud(20, seed=3)
    beside, distance = outliers.known(codes).look(new)
    exact = np.sort(np.linalg.norm(new[:, None] - codes[None], axis=2), axis=1)
    assert np.allclose(distance, exact[:, 9], rtol=1e-4)
    assert (beside[:, 0] == np.linalg.norm(new[:, None] - codes[None], axis=2).argmin(1)).all()


def test_few_codes_have_as_many_neighbours_as_there_are():
    known = outliers.known(cloud(4))
    assert known.kth == 3
    assert known.look(cloud(2, seed=1))[0].shape == (2, 3)


def test_copies_of_one_sample_are_no_news():
    known = outliers.known(np.repeat(cloud(1), 100, axis=0))
    assert not known.is_far(known.look(cloud(1))[1]).any()


def test_the_limit_of_a_sample_is_that_of_all(monkeypatch):
    codes = cloud(4000)
    whole = outliers.known(codes).limit
    monkeypatch.setattr(outliers, "LOOKED_AT", 1500)
    assert outliers.known(codes).limit == pytest.approx(whole, rel=0.05)


def test_a_sample_is_unseen_by_either_sign_and_about_one_in_a_hundred_of_the_known_are():
    rng = np.random.default_rng(0)
    codes, errors = cloud(3000), rng.gamma(4, size=3000)
    known = outliers.known(codes, error_limit=outliers.error_limit(errors))
    distances = known.look(codes)[1]
    assert known.is_unseen(distances, errors).mean() < 0.02
    assert known.is_unseen(np.zeros(3), np.array([0.0, 100.0, np.nan])).tolist() == [False, True, False]
    assert known.is_unseen(np.full(2, 1e3), np.array([0.0, np.nan])).all()
    strange = known.strangeness(distances, errors)
    assert np.array_equal(strange > 1, known.is_unseen(distances, errors))


def test_without_a_reconstruction_the_distance_alone_decides():
    known = outliers.known(cloud(500))
    assert known.error_limit == np.inf
    assert not known.is_unseen(np.zeros(2), np.array([1e9, np.nan])).any()
    assert known.strangeness(np.array([known.limit * 2]), np.array([np.nan])) == pytest.approx([2])

"""Confidence: the noise is fixed, the temperature agrees with the neighbourhoods, the cluster stays the first."""

import numpy as np
import pytest
import torch

from dsc_core.method import confidence


def softmax(logits):
    return torch.from_numpy(logits).softmax(1).numpy()


def test_the_noise_is_that_of_the_seed_and_has_mean_one():
    factors = confidence.noise_factors(5, 3)
    assert factors.shape == (2 * confidence.PAIRS, 5)
    assert torch.equal(factors, confidence.noise_factors(5, 3))
    assert not torch.equal(factors, confidence.noise_factors(5, 4))
    assert torch.allclose(factors.mean(0), torch.ones(5), atol=1e-6)


@pytest.mark.parametrize("true", [0.3, 1.0, 2.5])
def test_the_temperature_that_the_neighbourhoods_have_is_found(true):
    logits = np.random.default_rng(0).normal(size=(2000, 6)) * 4
    assert confidence.fit_temperature(softmax(logits), softmax(logits / true)) == pytest.approx(
        true, rel=0.02
    )


def test_where_all_neighbours_agree_or_none_the_temperature_stays_within_its_bounds():
    logits = np.random.default_rng(0).normal(size=(300, 4))
    certain = np.eye(4)[logits.argmax(1)]
    sharp = confidence.fit_temperature(softmax(logits), certain)
    flat = confidence.fit_temperature(softmax(logits), np.full((300, 4), 0.25))
    assert confidence.SHARPEST <= sharp < 0.1
    assert 10 < flat <= confidence.FLATTEST
    exact = confidence.fit_temperature(certain, certain)  # probabilities of 0 and 1
    assert np.isfinite(exact)


def test_tempering_keeps_the_order_and_puts_the_cluster_of_the_sample_first():
    chances = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    labels = torch.tensor([0, 2])
    sharp, same, flat = (confidence.tempered(chances, labels, each) for each in (0.5, 1.0, 3.0))
    for each in (sharp, same, flat):
        assert torch.allclose(each.sum(1), torch.ones(2))
        assert torch.equal(each.argmax(1), labels)
    assert sharp[0, 0] > same[0, 0] > flat[0, 0]
    assert torch.allclose(same[0], chances[0])
    assert float(same[1, 2]) == pytest.approx(float(same[1, 1]), abs=1e-5), "put level with the most probable"

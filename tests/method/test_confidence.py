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
def test_the_temperature_and_the_biases_that_the_neighbourhoods_have_are_found(true):
    logits = np.random.default_rng(0).normal(size=(2000, 6)) * 4
    biases = np.linspace(-1, 1, 6)
    found, of_clusters = confidence.fit_scaling(softmax(logits), softmax(logits / true + biases))
    assert found == pytest.approx(true, rel=0.06)
    assert of_clusters == pytest.approx(biases, abs=0.25)


def test_a_cluster_that_the_noise_turns_as_a_whole_is_not_doubted():
    """All samples of the first cluster have a half in it under noise, and all neighbours in it."""
    probabilities = np.repeat([[0.5, 0.48, 0.02], [0.02, 0.9, 0.08], [0.05, 0.25, 0.7]], 100, axis=0)
    votes = np.repeat(np.eye(3), 100, axis=0)
    labels = torch.from_numpy(np.repeat([0, 1, 2], 100))
    temperature, biases = confidence.fit_scaling(probabilities, votes)
    one, both = (
        confidence.tempered(torch.from_numpy(probabilities), labels, temperature, each)
        for each in (None, torch.from_numpy(biases))
    )
    assert one[0, 0] < 0.7 < 0.9 < both[0, 0]
    assert both.numpy()[np.arange(300), labels].min() > 0.9


def test_where_all_neighbours_agree_or_none_the_temperature_stays_within_its_bounds():
    logits = np.random.default_rng(0).normal(size=(300, 4))
    certain = np.eye(4)[logits.argmax(1)]
    sharp = confidence.fit_scaling(softmax(logits), certain)[0]
    flat = confidence.fit_scaling(softmax(logits), np.full((300, 4), 0.25))[0]
    assert confidence.SHARPEST <= sharp < 0.3
    assert 10 < flat <= confidence.FLATTEST
    exact = confidence.fit_scaling(certain, certain)  # probabilities of 0 and 1
    assert np.isfinite(exact[0])
    assert np.isfinite(exact[1]).all()


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

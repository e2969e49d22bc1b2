"""The noise explorer: ψ(z), its decodings and its positions on the map."""

import numpy as np
import pytest
import torch

from dsc_core import objective
from dsc_core.analysis import noise
from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method.networks.networks import Networks
from dsc_core.model import Fitted

N, D = 40, 6


def make_model(shape=(1, 8, 8), **changes) -> Fitted:
    """An untrained model with random codes."""
    torch.manual_seed(0)
    config = Config().replace(latent_dims=D, clusters=3, device="cpu", **changes)
    nets = Networks(shape, config).eval()
    latent = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    labels = np.arange(N) % 3
    return Fitted(nets, config, shape, latent, latent[:, :3], labels, np.ones(N, np.float32), np.eye(6))


@pytest.fixture(scope="module")
def model():
    return make_model()


def explore(model, samples, level, seed=0, **more):
    return noise.explore(model.latent[samples], level, seed, model.decode, model.decode_noisy, **more)


def test_without_noise_nothing_moves(model):
    result = explore(model, [3, 7], 0.0)
    assert np.allclose(result.noisy_codes, result.codes[:, None])
    assert np.allclose(result.noisy, result.clean[:, None], atol=1e-6)
    assert np.allclose(result.relative_errors, 0, atol=1e-9)


def test_shapes_and_types(model):
    result = explore(model, [3, 7, 0], 0.5)
    assert (result.codes == model.latent[[3, 7, 0]]).all()
    assert result.noisy_codes.shape == (3, noise.DRAWS, D)
    assert result.clean.shape == (3, 1, 8, 8)
    assert result.noisy.shape == (3, noise.DECODED, 1, 8, 8)
    assert result.relative_errors.shape == (3, noise.DECODED)
    assert all(array.dtype == np.float32 for array in vars(result).values())


def test_noise_is_multiplicative_standard_normal_and_moves_codes_along_a_line(model):
    one, two = (explore(model, [5], level, seed=1, draws=4000, decoded=1) for level in (0.3, 0.6))
    shift = one.noisy_codes[0] - one.codes[0]
    assert np.allclose(two.noisy_codes[0] - two.codes[0], 2 * shift, atol=1e-5)
    epsilon = shift / (0.3 * one.codes[0])
    assert epsilon.mean(0) == pytest.approx(np.zeros(D), abs=0.08)
    assert epsilon.std(0) == pytest.approx(np.ones(D), abs=0.08)


def test_a_seed_is_reproducible_and_leaves_the_global_state_alone(model):
    before = torch.get_rng_state()
    first, again, other = (explore(model, [5], 0.5, seed) for seed in (4, 4, 5))
    assert (first.noisy_codes == again.noisy_codes).all()
    assert (first.noisy == again.noisy).all()
    assert not np.allclose(first.noisy_codes, other.noisy_codes)
    assert (torch.get_rng_state() == before).all()


def test_the_relative_error_is_the_term_that_training_minimises(model):
    result = explore(model, [2, 9], 0.8)
    for clean, noisy, errors in zip(result.clean, result.noisy, result.relative_errors, strict=True):
        clean = torch.from_numpy(clean).expand(noise.DECODED, -1, -1, -1)
        expected = objective.relative_reconstruction_error(clean, torch.from_numpy(noisy))
        assert errors.mean() == pytest.approx(float(expected), rel=1e-5)
    errors = noise.squared_error(result.clean, result.clean + 0.5)
    assert errors == pytest.approx([0.25 * 64] * 2)


def test_a_second_decoder_decodes_the_noisy_codes():
    model = make_model(decoders="separate")
    result = explore(model, [1], 0.0)
    with torch.no_grad():
        code = torch.from_numpy(result.codes)
        assert np.allclose(result.clean, model.nets.decoder(code))
        assert np.allclose(result.noisy[:, 0], model.nets.noisy_decoder(code))
    assert not np.allclose(result.noisy[:, 0], result.clean)


def test_tables_are_explored_too():
    result = explore(make_model((7,)), [0, 1], 0.5)
    assert result.clean.shape == (2, 7)
    assert result.noisy.shape == (2, noise.DECODED, 7)


@pytest.mark.parametrize("level", [2.5, float("nan")])
def test_a_level_out_of_range_is_refused_in_one_sentence(model, level):
    with pytest.raises(InputError, match=r"\.$"):
        explore(model, [0], level)


def test_noisy_codes_are_placed_among_their_nearest_neighbours(model):
    """Two distant islands of codes at two distant places of the map: with little noise, codes stay on their island."""
    rng = np.random.default_rng(1)
    island = np.arange(N) % 2
    latent = (rng.normal(size=(N, D)) * 0.1 + 10 * (2 * island[:, None] - 1)).astype(np.float32)
    latent_map = np.stack([np.where(island, 5.0, -5.0), np.zeros(N)], 1).astype(np.float32)
    result = noise.explore(latent[[0, 1]], 0.1, 0, model.decode, model.decode_noisy)
    positions = noise.place_noisy_codes(result, latent, latent_map)
    assert positions.shape == (2, noise.DRAWS, 2)
    assert (positions[0, :, 0] == -5).all()
    assert (positions[1, :, 0] == 5).all()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("17", [17]), ("3, 1", [3, 1]), (" 5;6 7 ", [5, 6, 7]), ("2,2", [2]), ("0 1 2 3", [0, 1, 2, 3])],
)
def test_sample_numbers_are_parsed(text, numbers):
    assert noise.parse_samples(text, 20) == numbers


@pytest.mark.parametrize("text", ["", "a", "-1", "1.5", "20", "1 2 3 4 5", "٣", "1e3"])
def test_invalid_sample_numbers_are_refused_in_one_sentence(text):
    with pytest.raises(InputError, match=r"\.$"):
        noise.parse_samples(text, 20)

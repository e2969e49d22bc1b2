"""The noise explorer's mathematics: ψ(z), what it decodes to, and where it lands."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dsc_core.analysis import noise as explore
from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method import objective
from dsc_core.method.networks.networks import Networks
from dsc_core.model import Fitted

N, D = 40, 6


def made(shape=(1, 8, 8), **changes) -> Fitted:
    """A model that has learnt nothing, with codes of its own."""
    torch.manual_seed(0)
    config = Config().replace(latent_dims=D, clusters=3, device="cpu", **changes)
    nets = Networks(shape, config).eval()
    latent = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    labels = np.arange(N) % 3
    return Fitted(nets, config, shape, latent, latent[:, :3], labels, np.ones(N, np.float32), np.eye(6))


@pytest.fixture(scope="module")
def fitted():
    return made()


def test_without_noise_nothing_moves(fitted):
    found = explore.explore(fitted, [3, 7], 0.0, seed=0)
    assert np.allclose(found.shaken, found.latent[:, None])
    assert np.allclose(found.noisy, found.clean[:, None], atol=1e-6)
    assert np.allclose(found.relative, 0, atol=1e-9)


def test_shapes_and_that_the_codes_are_the_models_own(fitted):
    found = explore.explore(fitted, [3, 7, 0], 0.5, seed=0)
    assert found.latent.shape == (3, D)
    assert (found.latent == fitted.latent[[3, 7, 0]]).all()
    assert found.shaken.shape == (3, explore.DRAWS, D)
    assert found.clean.shape == (3, 1, 8, 8)
    assert found.noisy.shape == (3, explore.DECODED, 1, 8, 8)
    assert found.relative.shape == (3, explore.DECODED)
    assert all(part.dtype == np.float32 for part in vars(found).values())


def test_the_noise_is_multiplicative_standard_normal_and_grows_along_a_line(fitted):
    one, two = (explore.explore(fitted, [5], level, seed=1, draws=4000, decoded=1) for level in (0.3, 0.6))
    away = one.shaken[0] - one.latent[0]
    assert np.allclose(two.shaken[0] - two.latent[0], 2 * away, atol=1e-5)
    noise = away / (0.3 * one.latent[0])
    assert noise.mean(0) == pytest.approx(np.zeros(D), abs=0.08)
    assert noise.std(0) == pytest.approx(np.ones(D), abs=0.08)


def test_a_seed_repeats_itself_and_disturbs_nobody(fitted):
    before = torch.get_rng_state()
    first, again, other = (explore.explore(fitted, [5], 0.5, seed) for seed in (4, 4, 5))
    assert (first.shaken == again.shaken).all()
    assert (first.noisy == again.noisy).all()
    assert not np.allclose(first.shaken, other.shaken)
    assert (torch.get_rng_state() == before).all()


def test_the_error_is_the_one_that_training_minimises(fitted):
    found = explore.explore(fitted, [2, 9], 0.8, seed=0)
    for place in range(2):
        clean = torch.from_numpy(found.clean[place]).expand(explore.DECODED, -1, -1, -1)
        wanted = objective.relative_reconstruction(clean, torch.from_numpy(found.noisy[place]))
        assert found.relative[place].mean() == pytest.approx(float(wanted), rel=1e-5)
    missed = explore.squared_error(found.clean, found.clean + 0.5)
    assert missed == pytest.approx([0.25 * 64] * 2)


def test_a_second_decoder_decodes_the_noisy_codes():
    fitted = made(decoders="separate")
    found = explore.explore(fitted, [1], 0.0, seed=0)
    with torch.no_grad():
        code = torch.from_numpy(found.latent)
        assert np.allclose(found.clean, fitted.nets.decoder(code))
        assert np.allclose(found.noisy[:, 0], fitted.nets.noisy_decoder(code))
    assert not np.allclose(found.noisy[:, 0], found.clean)


def test_tables_are_explored_too():
    found = explore.explore(made((7,)), [0, 1], 0.5, seed=0)
    assert found.clean.shape == (2, 7)
    assert found.noisy.shape == (2, explore.DECODED, 7)


@pytest.mark.parametrize(("samples", "level"), [([N], 0.5), ([-1], 0.5), ([0], 2.5), ([0], float("nan"))])
def test_what_cannot_be_is_one_sentence(fitted, samples, level):
    with pytest.raises(InputError, match=r"\.$"):
        explore.explore(fitted, samples, level, seed=0)


def test_draws_land_among_their_nearest_neighbours():
    """Two far islands of codes, drawn at two far places: little noise stays, and lands, on its own island."""
    fitted = made()
    rng = np.random.default_rng(1)
    island = np.arange(N) % 2
    latent = (rng.normal(size=(N, D)) * 0.1 + 10 * (2 * island[:, None] - 1)).astype(np.float32)
    fitted = replace(fitted, latent=latent)
    known_map = np.stack([np.where(island, 5.0, -5.0), np.zeros(N)], 1).astype(np.float32)
    landed = explore.landings(explore.explore(fitted, [0, 1], 0.1, seed=0), latent, known_map)
    assert landed.shape == (2, explore.DRAWS, 2)
    assert (landed[0, :, 0] == -5).all()
    assert (landed[1, :, 0] == 5).all()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("17", [17]), ("3, 1", [3, 1]), (" 5;6 7 ", [5, 6, 7]), ("2,2", [2]), ("0 1 2 3", [0, 1, 2, 3])],
)
def test_sample_numbers_are_read(text, numbers):
    assert explore.parse_samples(text, 20) == numbers


@pytest.mark.parametrize("text", ["", "a", "-1", "1.5", "20", "1 2 3 4 5", "٣", "1e3"])
def test_what_is_no_sample_number_is_one_sentence(text):
    with pytest.raises(InputError, match=r"\.$"):
        explore.parse_samples(text, 20)

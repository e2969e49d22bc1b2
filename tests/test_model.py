"""The networks: exact shapes for any size, and the orthonormal layer with its fallbacks."""

import pytest
import torch

from dsc_core.config import Config
from dsc_core.model.augment import random_copy
from dsc_core.model.autoencoder import Decoder, Encoder, feature_shape
from dsc_core.model.networks import Networks, autoencoder_terms
from dsc_core.model.spectral import orthonormalise


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def gram_error(coordinates):
    gram = coordinates.T @ coordinates / len(coordinates)
    return (gram - torch.eye(gram.shape[0])).abs().max().item()


@pytest.mark.parametrize(
    "shape",
    [
        (1, 8, 8),
        (3, 8, 8),
        (1, 9, 13),
        (1, 15, 33),
        (1, 16, 16),
        (3, 27, 31),
        (1, 28, 28),
        (3, 64, 47),
        (11,),
    ],
)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_decoder_returns_exactly_the_inputs_shape(shape, batch_norm):
    samples = torch.rand(4, *shape)
    code = Encoder(shape, 6, batch_norm)(samples)
    assert code.mean.shape == code.log_variance.shape == (4, 6)
    assert code.features.shape == (4, *feature_shape(shape))
    decoded = Decoder(shape, 6, batch_norm)(code.mean)
    assert decoded.shape == samples.shape
    if len(shape) == 3:
        assert ((decoded >= 0) & (decoded <= 1)).all()


def test_decoders_are_shared_or_separate():
    clean = torch.randn(4, 32)
    shared = Networks((1, 8, 8), Config()).eval()
    assert torch.allclose(*shared.decode(clean, clean), atol=1e-6)
    separate = Networks((1, 8, 8), Config(decoders="separate")).eval()
    one, other = separate.decode(clean, clean)
    assert not torch.allclose(one, other, atol=1e-3)


def test_a_mutual_information_of_weight_zero_is_not_computed():
    nets = Networks((1, 8, 8), Config())
    names = autoencoder_terms(nets, torch.rand(4, 1, 8, 8), Config(local_mi=0.0))[2]
    assert "local_mi" not in names
    assert "global_mi" in names


def test_the_released_codes_discriminator_is_not_trained_and_sees_the_code():
    nets = Networks((1, 8, 8), Config(train_discriminator=False, mi_input="latent", latent_dims=7))
    assert nets.global_discriminator.from_source.in_features == 7
    trained = {id(p) for p in nets.stage_one() if p.requires_grad}
    assert not trained & {id(p) for p in nets.global_discriminator.parameters()}


def test_sampling_noise_reconstructs_from_the_noisy_decoding():
    config = Config(noise="sampling", global_mi=0.0, local_mi=0.0, batch_norm=False)
    nets = Networks((1, 8, 8), config)
    images = torch.rand(6, 1, 8, 8)
    torch.manual_seed(3)
    _, noisy, terms = autoencoder_terms(nets, images, config)
    decoded = nets.decoder(noisy)
    assert terms["reconstruction"].item() == pytest.approx(
        (images - decoded).square().flatten(1).sum(1).mean().item(), rel=1e-4
    )


def test_orthonormal_coordinates_and_a_map_that_serves_other_samples():
    raw = torch.randn(200, 12) @ torch.randn(12, 12) + 3
    coordinates, transform, how = orthonormalise(raw)
    assert how == "cholesky"
    assert gram_error(coordinates) < 1e-4
    assert torch.allclose(raw @ transform, coordinates, atol=1e-3)
    # One sample's coordinates do not depend on which others are with it.
    assert torch.allclose(raw[3:4] @ transform, coordinates[3:4], atol=1e-3)


def test_orthonormalisation_keeps_the_span():
    raw = torch.randn(50, 4)
    coordinates, _, _ = orthonormalise(raw)
    projected = coordinates @ (coordinates.T @ raw) / 50
    assert torch.allclose(projected, raw, atol=1e-4)


def test_the_jitter_serves_a_nearly_singular_batch():
    raw = torch.randn(100, 4)
    raw[:, 3] = raw[:, 2] + 1e-6 * torch.randn(100)
    coordinates, _, how = orthonormalise(raw)
    assert how in ("jitter", "qr")
    assert torch.isfinite(coordinates).all()


@pytest.mark.parametrize("raw", [torch.randn(5, 8), torch.ones(30, 4), torch.zeros(30, 4)])
def test_qr_takes_over_where_the_gram_matrix_is_singular(raw):
    raw = raw.clone().requires_grad_()
    coordinates, transform, how = orthonormalise(raw)
    assert how in ("qr", "jitter")
    assert torch.isfinite(coordinates).all()
    assert torch.isfinite(transform).all()
    coordinates.square().sum().backward()
    assert torch.isfinite(raw.grad).all()


def test_gradients_flow_through_the_orthonormal_layer():
    raw = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: orthonormalise(x)[0], raw)


def test_a_random_copy_without_movement_is_the_image_and_keeps_its_shape_with_it():
    images = torch.rand(5, 3, 9, 13)
    assert torch.allclose(random_copy(images, 0, 0, 0), images, atol=1e-5)
    moved = random_copy(images, 0.1, 15, 0.2)
    assert moved.shape == images.shape
    assert not torch.allclose(moved, images, atol=1e-2)
    assert ((moved >= 0) & (moved <= 1)).all()


def test_a_random_copy_moves_by_the_share_of_the_width_that_is_asked():
    image = torch.zeros(400, 1, 21, 21)
    image[:, :, 10, 10] = 1
    moved = random_copy(image, 0.2, 0, 0)
    place = moved.flatten(1).argmax(1)
    offset = (place % 21 - 10).abs()
    assert offset.max() <= 5
    assert offset.float().mean() > 1

"""The networks: exact shapes for any size, and the orthonormal layer with its fallbacks."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.method.augmentation import random_copy
from dsc_core.method.feed import Feed, block_size, encode
from dsc_core.method.networks.autoencoder import Decoder, Encoder, convolve_upsampled
from dsc_core.method.networks.discriminators import GlobalDiscriminator, LocalDiscriminator
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.sizes import MAP, STEMS, describe_network, feature_shape, layers
from dsc_core.method.networks.spectral import orthonormalise, orthonormalise_on_device


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
        (1, 65, 65),
        (3, 65, 8),
        (1, 97, 140),
        (3, 224, 224),
        (1, 201, 223),
        (11,),
    ],
)
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("stem", STEMS)
def test_the_decoder_returns_the_shape_of_the_input(shape, batch_norm, stem):
    samples = torch.rand(4, *shape)
    code = Encoder(shape, 6, batch_norm, stem)(samples)
    assert code.mean.shape == code.log_variance.shape == (4, 6)
    assert code.features.shape == (4, *feature_shape(shape, stem))
    decoded = Decoder(shape, 6, batch_norm, stem)(code.mean)
    assert decoded.shape == samples.shape
    if len(shape) == 3:
        assert ((decoded >= 0) & (decoded <= 1)).all()


@pytest.mark.parametrize("size", [(14, 10), (13, 10), (14, 5), (7, 5)])
def test_a_convolution_of_upsampled_images_is_that_of_each_pixel(size):
    layer = torch.nn.Conv2d(6, 3, 3, padding=1)
    images = torch.randn(2, 6, 7, 5, requires_grad=True)
    inputs = [images, layer.weight, layer.bias]
    ours, plain = convolve_upsampled(images, size, layer), layer(functional.interpolate(images, size=size))
    torch.testing.assert_close(ours, plain)
    weigh = torch.randn_like(plain)
    gradients = torch.autograd.grad((ours * weigh).sum(), inputs)
    expected = torch.autograd.grad((plain * weigh).sum(), inputs)
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-4)


def plain_decoding(decoder: Decoder, latent: torch.Tensor) -> torch.Tensor:
    """What `Decoder` computes, one operation after another."""
    hidden = decoder.first(latent).reshape(-1, *decoder.map_shape)
    for layer, norm, size in zip(decoder.layers[:-1], decoder.norms, decoder.sizes, strict=True):
        hidden = torch.relu(norm(layer(hidden)))
        hidden = hidden if size is None else functional.interpolate(hidden, size=size)
    _, height, width = decoder.shape
    hidden = functional.pixel_shuffle(decoder.layers[-1](hidden), decoder.grow)
    return torch.sigmoid(hidden[:, :, :height, :width])


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (3, 27, 31), (3, 65, 8), (3, 96, 96)])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_decoder_computes_the_plain_layers(shape, batch_norm):
    decoder, latent = Decoder(shape, 6, batch_norm), torch.randn(8, 6)
    torch.testing.assert_close(decoder(latent), plain_decoding(decoder, latent), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 27), (2, 80, 96)])
def test_a_decoder_starts_near_the_mean_of_each_channel(shape):
    torch.manual_seed(0)
    decoder, means = Decoder(shape, 6, batch_norm=False), torch.linspace(0.05, 0.9, shape[0])
    decoder.start_at(means)
    decoded = decoder(torch.randn(5, 6)).mean((0, 2, 3))
    assert torch.allclose(decoded, means, atol=0.03)


def test_a_decoder_of_black_images_starts_where_its_sigmoid_still_learns():
    decoder = Decoder((1, 8, 8), 6, batch_norm=True)
    decoder.start_at(torch.zeros(1))
    decoded = decoder(torch.randn(16, 6))
    assert 0 < decoded.mean() < 0.05
    decoded.sum().backward()
    assert decoder.layers[-1].bias.grad.abs().max() > 1


def test_a_decoder_of_rows_keeps_its_biases():
    decoder = Decoder((7,), 3, batch_norm=True)
    before = decoder.layers[-1].bias.clone()
    decoder.start_at(torch.zeros(7))
    assert torch.equal(decoder.layers[-1].bias, before)


def test_the_discriminators_score_each_code_with_its_sample_or_cell():
    features, codes = torch.randn(5, 6, 4, 3), [torch.randn(5, 8), torch.randn(5, 8)]
    over_all, local = GlobalDiscriminator(72, 8), LocalDiscriminator((6, 4, 3), 8)
    for discriminator in (over_all, local):
        torch.nn.init.normal_(discriminator.score[-1].weight)
    found = zip(over_all(features.flatten(1), codes), local(features, codes), codes, strict=True)
    for over_all_score, local_score, code in found:
        hidden = over_all.from_source(features.flatten(1)) + over_all.from_code(code)
        torch.testing.assert_close(over_all_score, over_all.score(hidden))
        hidden = local.from_map(features) + local.from_code(code)[:, :, None, None]
        torch.testing.assert_close(local_score, local.score(hidden), rtol=1e-4, atol=1e-5)


def test_up_to_64_pixels_the_layers_are_those_of_the_released_code():
    for side in (16, 28, 64):
        stack = layers((1, side, side))
        assert [layer.width for layer in stack] == [32, 32, 64, 64]
        assert [layer.stride for layer in stack] == [(2, 2), (1, 1), (2, 2), (1, 1)]
        assert feature_shape((1, side, side)) == (64, side // 4, side // 4)
    assert [layer.stride for layer in layers((1, 8, 8))] == [(1, 1), (1, 1), (2, 2), (1, 1)]


@pytest.mark.parametrize("side", range(65, 225))
@pytest.mark.parametrize("stem", STEMS)
def test_above_64_pixels_layers_are_added_until_the_map_is_small(side, stem):
    for shape in ((3, side, side), (3, side, 8), (3, 40, side)):
        stack = layers(shape, stem)
        quarters = stem == "quarter" and 8 not in shape
        assert stack[0].stride == ((4, 4) if quarters else (2, 2))
        assert len(stack) >= 4
        assert max(feature_shape(shape, stem)[1:]) <= MAP
        assert min(feature_shape(shape, stem)[1:]) >= MAP // 2
        assert stack[0].before == shape[1:]
        assert all(one.after == other.before for one, other in pairwise(stack))


def test_networks_are_described_in_words():
    assert describe_network((1, 28, 28)) == (
        "Encoder: 4 convolutions, 28×28 → 14×14 → 7×7, 64 channels in the last; the decoder mirrors it."
    )
    assert (
        "6 convolutions, 224×224 → 112×112 → 56×56 → 28×28 → 14×14 → 7×7, 128 channels"
        in describe_network((3, 224, 224), stem="halve")
    )
    assert "5 convolutions, 224×224 → 56×56 → 28×28 → 14×14 → 7×7, 128" in describe_network((3, 224, 224))
    assert "3 dense layers" in describe_network((20,))
    assert describe_network((768,), "none") == "No encoder: the 768 numbers of a row are its latent code."


def test_without_an_encoder_rows_are_their_own_codes_and_images_are_refused():
    config = Config(encoder="none", latent_dims=5)
    nets, rows = Networks((7,), config), torch.randn(6, 7)
    code = nets.encoder(rows)
    assert torch.equal(code.mean, rows)
    assert torch.equal(code.sample(), rows)
    assert nets.centres.shape == (10, 7)
    assert torch.equal(nets.decode(rows, rows)[0], rows)
    assert not any("discriminator" in name or "decoder" in name for name in nets.state_dict())
    with pytest.raises(InputError, match="images of 1×8×8"):
        Networks((1, 8, 8), config)


def test_decoders_are_shared_or_separate():
    clean = torch.randn(4, 32)
    shared = Networks((1, 8, 8), Config()).eval()
    assert torch.allclose(*shared.decode(clean, clean), atol=1e-6)
    separate = Networks((1, 8, 8), Config(decoders="separate")).eval()
    one, other = separate.decode(clean, clean)
    assert not torch.allclose(one, other, atol=1e-3)


def test_the_discriminator_of_the_released_code_is_not_trained_and_sees_the_latent_code():
    nets = Networks((1, 8, 8), Config(train_discriminator=False, mi_input="latent", latent_dims=7))
    assert nets.global_discriminator.from_source.in_features == 7
    trained = {id(p) for p in nets.stage_one() if p.requires_grad}
    assert not trained & {id(p) for p in nets.global_discriminator.parameters()}


def test_coordinates_are_orthonormal_and_the_map_holds_for_other_samples():
    raw = torch.randn(200, 12) @ torch.randn(12, 12) + 3
    coordinates, transform, how = orthonormalise(raw)
    assert how == "cholesky"
    assert gram_error(coordinates) < 1e-4
    assert torch.allclose(raw @ transform, coordinates, atol=1e-3)
    # The coordinates of a sample do not depend on the others in its batch.
    assert torch.allclose(raw[3:4] @ transform, coordinates[3:4], atol=1e-3)


def test_orthonormalisation_preserves_the_span():
    raw = torch.randn(50, 4)
    coordinates, _, _ = orthonormalise(raw)
    projected = coordinates @ (coordinates.T @ raw) / 50
    assert torch.allclose(projected, raw, atol=1e-4)


def test_jitter_handles_a_nearly_singular_batch():
    raw = torch.randn(100, 4)
    raw[:, 3] = raw[:, 2] + 1e-6 * torch.randn(100)
    coordinates, _, how = orthonormalise(raw)
    assert how in ("jitter", "qr")
    assert torch.isfinite(coordinates).all()


@pytest.mark.parametrize("raw", [torch.randn(5, 8), torch.ones(30, 4), torch.zeros(30, 4)])
def test_qr_is_used_if_the_gram_matrix_is_singular(raw):
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


@pytest.mark.parametrize("like", [0.0, 1.0])
def test_the_form_for_the_device_makes_the_same_coordinates_and_gradients(like):
    raw = torch.randn(40, 6, dtype=torch.float64)
    raw[:, 5] = (1 - like) * raw[:, 5] + like * raw[:, 4]  # equal columns pass with a jitter only
    plain, there = raw.clone().requires_grad_(), raw.clone().requires_grad_()
    (wanted, _, how), (coordinates, failed) = orthonormalise(plain), orthonormalise_on_device(there)
    assert (how, bool(failed)) == ("jitter" if like else "cholesky", False)
    assert torch.allclose(coordinates, wanted, atol=1e-6)
    weights = torch.randn_like(wanted)
    (wanted * weights).sum().backward()
    (coordinates * weights).sum().backward()
    assert torch.allclose(there.grad, plain.grad, rtol=1e-5, atol=1e-6 * plain.grad.abs().max())


def test_the_form_for_the_device_passes_nothing_where_no_jitter_helps():
    raw = torch.zeros(30, 4, requires_grad=True)
    coordinates, failed = orthonormalise_on_device(raw)
    coordinates.sum().backward()
    assert bool(failed)
    assert coordinates.count_nonzero() == raw.grad.count_nonzero() == 0


def test_a_random_copy_without_movement_is_the_image_and_keeps_its_shape_with_it():
    images = torch.rand(5, 3, 9, 13)
    assert torch.allclose(random_copy(images, 0, 0, 0), images, atol=1e-5)
    moved = random_copy(images, 0.1, 15, 0.2)
    assert moved.shape == images.shape
    assert not torch.allclose(moved, images, atol=1e-2)
    assert ((moved >= -0.3) & (moved <= 1.3)).all(), "bicubic interpolation overshoots a little, and no more"


def test_a_random_copy_moves_by_up_to_the_given_share_of_the_width():
    image = torch.zeros(400, 1, 21, 21)
    image[:, :, 10, 10] = 1
    moved = random_copy(image, 0.2, 0, 0)
    position = moved.flatten(1).argmax(1)
    offset = (position % 21 - 10).abs()
    assert offset.max() <= 5
    assert offset.float().mean() > 1


@pytest.mark.parametrize(
    ("shape", "fewest", "most"), [((1, 8, 8), 300, 999), ((3, 96, 96), 32, 80), ((9,), 1000, 1000)]
)
def test_a_block_holds_fewer_samples_of_larger_images_and_blocks_change_no_code(shape, fewest, most):
    nets = Networks(shape, Config(device="cpu"))
    size = block_size(nets)
    assert fewest <= size <= most
    samples = np.random.default_rng(0).random((size + 5, *shape)).astype(np.float32)
    source = Feed(samples, (0.0, 1.0), torch.device("cpu"))
    codes = encode(nets, source)
    last = encode(nets, source, np.arange(size, size + 5))
    assert len(codes) == size + 5
    torch.testing.assert_close(codes[size:], last)
    assert nets.training

"""Properties of the scattering transform: what it must not see, what it must, and its averages."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dsc_core.errors import InputError
from dsc_core.method import scattering
from dsc_core.method.feed import Feed
from dsc_core.method.scattering import Scattering, wavelets


def images(count: int = 6, shape: tuple[int, int, int] = (1, 28, 28)) -> torch.Tensor:
    """Seeded smooth images, dark at their edges."""
    noise = torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)
    window = torch.hann_window(shape[1])[:, None] * torch.hann_window(shape[2])
    return smooth * window


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 8, 8), (3, 16, 12), (1, 28, 28), (3, 33, 47), (1, 96, 64)])
def test_a_description_has_the_announced_size_and_finite_values(shape: tuple[int, int, int]) -> None:
    transform = Scattering(shape)
    found = transform(images(3, shape))
    assert found.shape == (3, shape[0], transform.paths, math.prod(transform.positions))
    assert torch.isfinite(found).all()
    assert found.min() >= -1e-5


def test_too_small_images_are_refused() -> None:
    with pytest.raises(InputError, match="3×5 pixels are too small"):
        Scattering((1, 5, 3))


def test_a_flat_image_has_its_brightness_and_no_waves() -> None:
    found = Scattering((1, 28, 28))(torch.full((1, 1, 28, 28), 0.7))
    assert found[0, 0, 0] == pytest.approx(0.7, abs=1e-5)
    assert found[0, 0, 1:].abs().max() < 1e-4


def test_each_image_is_described_alone_and_each_channel_as_a_grey_image() -> None:
    colour = images(4, (3, 20, 20))
    together = Scattering((3, 20, 20))(colour)
    torch.testing.assert_close(together[2:3], Scattering((3, 20, 20))(colour[2:3]))
    torch.testing.assert_close(
        together[:, 1:2], Scattering((1, 20, 20))(colour[:, 1:2]), atol=1e-6, rtol=1e-4
    )


def test_the_transform_is_homogeneous() -> None:
    transform = Scattering((1, 28, 28))
    torch.testing.assert_close(transform(3 * images()), 3 * transform(images()), atol=1e-5, rtol=1e-4)


def test_a_small_shift_moves_the_description_far_less_than_the_pixels() -> None:
    transform, still = Scattering((1, 28, 28)), images()
    moved = still.roll(1, 3)

    def change(before: torch.Tensor, after: torch.Tensor) -> float:
        return float((before - after).norm() / before.norm())

    waves = transform(still)[:, :, 1:], transform(moved)[:, :, 1:]
    others = transform(still.flip(0))[:, :, 1:]
    assert change(*waves) < 0.5 * change(waves[0], others)
    of_pixels = change(still, moved), change(still, still.flip(0))
    assert change(*waves) / change(waves[0], others) < 0.75 * of_pixels[0] / of_pixels[1], of_pixels


def test_waves_are_found_in_the_orientation_and_scale_that_they_have() -> None:
    place = torch.arange(32.0)
    transform = Scattering((1, 32, 32))
    for scale, period in enumerate((8 / 3, 16 / 3)):  # of frequencies 3π/4 and 3π/8
        stripes = torch.sin(2 * math.pi * place / period).expand(1, 1, 32, 32)
        first = _first_order(transform, stripes)
        upright = scattering.ORIENTATIONS // 2 - 1  # the angle 0: along the width
        assert divmod(int(first.flatten().argmax()), scattering.ORIENTATIONS) == (scale, upright)
        turned = _first_order(transform, stripes.transpose(2, 3))
        assert int(turned[scale].argmax()) == scattering.ORIENTATIONS - 1


def _first_order(transform: Scattering, image: torch.Tensor) -> torch.Tensor:
    """The averages over all windows of the paths with one filter, (scales, orientations)."""
    found, start, rows = transform(image)[0, 0].mean(1), 1, []
    for scale in range(transform.scales):
        rows.append(found[start : start + 8])
        start += 8 + 64 * (transform.scales - 1 - scale)
    return torch.stack(rows)


def test_wavelets_have_no_mean_and_a_quarter_turn_maps_one_to_another() -> None:
    for scale in range(3):
        bank = wavelets(40, 40, scale)
        assert bank[:, 0, 0].abs().max() < 1e-6
        torch.testing.assert_close(
            bank[3].sum(0).abs().max(), bank[7].sum(1).abs().max(), rtol=1e-3, atol=1e-5
        )


def test_codes_do_not_depend_on_the_size_of_blocks_nor_on_how_often_they_are_made(monkeypatch) -> None:
    feed = Feed(images(40).numpy(), (0.0, 1.0), torch.device("cpu"))
    codes = scattering.codes(feed, (1, 28, 28), seed=0)
    assert codes.shape == (40, 40)
    assert torch.equal(codes, scattering.codes(feed, (1, 28, 28), seed=0))
    monkeypatch.setattr(scattering, "BLOCK", 2**18)
    torch.testing.assert_close(
        torch.cdist(codes, codes),
        torch.cdist(*2 * [scattering.codes(feed, (1, 28, 28), seed=0)]),
        atol=2e-2,
        rtol=1e-3,
    )


def test_equal_images_have_equal_codes_wherever_they_stand() -> None:
    few = images(5).numpy()
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 40))
    codes = scattering.codes(Feed(few[rows], (0.0, 1.0), torch.device("cpu")), (1, 28, 28), seed=0)
    assert len(torch.unique(codes, dim=0)) == 5


def test_more_samples_than_the_axes_are_fitted_on_are_all_described(monkeypatch) -> None:
    monkeypatch.setattr(scattering, "FITTED", 15)
    feed = Feed(images(40).numpy(), (0.0, 1.0), torch.device("cpu"))
    seen: list[tuple[int, int]] = []
    codes = scattering.codes(feed, (1, 28, 28), seed=0, progress=lambda *at: seen.append(at))
    assert codes.shape == (40, 15)
    assert np.isfinite(codes.numpy()).all()
    assert codes.norm(dim=1).min() > 0
    assert [total for _, total in seen] == len(seen) * [40]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_progress_can_end_the_work() -> None:
    feed = Feed(images(40).numpy(), (0.0, 1.0), torch.device("cpu"))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scattering.codes(feed, (1, 28, 28), seed=0, progress=stop)

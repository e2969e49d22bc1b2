"""Which transforms of random copies the data admit, and that copies without any are what they were."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core.config import FURTHER, Config
from dsc_core.method import admission, transforms
from dsc_core.method.admission import FEWEST, LIMIT, measure
from dsc_core.method.augmentation import copy_of, draws, random_copy
from dsc_core.method.batch import copy_images
from dsc_core.method.feed import Feed, copies_of
from dsc_core.method.share import Share
from dsc_core.method.transforms import TRANSFORMS
from dsc_core.presets import preset

DIGITS = load_digits().images[:, None].astype(np.float32)
SIXTEENTH = (0.0, 1 / 16)
NOTHING = dict.fromkeys(FURTHER, "off")
RAW = (0.0, 1.0)


def ratios(samples, scaling=RAW, seed=0):
    """The ratio of each transform by its name."""
    return {each.transform.name: each.ratio for each in measure(samples, scaling, seed)}


def shapes(count: int, side: int = 12, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Random smooth images (n, C, H, W) from 0 to 1."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((count, channels, 3, 3), np.float32))
    fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=True)
    return fine.numpy()


# The test ----------------------------------------------------------------------------------------------------


def test_digits_may_not_be_mirrored():
    """The table of the method: 1.77 for mirrored digits, 1.26 for darker ones."""
    found = ratios(DIGITS, SIXTEENTH)
    assert found["mirror"] == pytest.approx(1.77, abs=0.05)
    assert found["brightness"] == pytest.approx(1.26, abs=0.05)
    assert "hue" not in found


def test_a_transform_that_gives_images_like_the_others_is_admitted():
    images = shapes(600)
    both = np.concatenate([images, images[..., ::-1]])
    rng = np.random.default_rng(1)
    noisy = (both + 0.05 * rng.standard_normal(both.shape)).astype(np.float32)
    assert ratios(noisy)["mirror"] < 1.1
    lopsided = noisy * np.linspace(0, 1, 12, dtype=np.float32)
    assert ratios(lopsided)["mirror"] > LIMIT


def test_colour_counts_where_it_says_something():
    """Images that are all red: blue ones lie elsewhere. Images of all colours: any hue lies among them."""
    rng = np.random.default_rng(0)
    red = shapes(400, channels=3) * np.array([1, 0.1, 0.1], np.float32)[:, None, None]
    turned = torch.from_numpy(np.concatenate([red] * 3))
    any_hue = transforms.hue(turned, torch.from_numpy(rng.random(len(turned), np.float32) * 12 - 6))
    assert ratios(red)["hue"] > LIMIT
    assert ratios(red)["grey"] > LIMIT
    assert ratios(any_hue.numpy())["hue"] < LIMIT


def test_the_seed_decides_alone():
    assert ratios(DIGITS, SIXTEENTH, 3) == ratios(DIGITS, SIXTEENTH, 3)


@pytest.mark.parametrize("count", [1, 10, FEWEST - 1])
def test_few_images_admit_nothing(count):
    found = measure(DIGITS[:count], SIXTEENTH, 0)
    assert len(found) == 4
    assert all(math.isnan(each.ratio) and not each.admitted for each in found)


def test_one_constant_image_and_equal_images_do_no_harm():
    with_black = DIGITS[:200].copy()
    with_black[0] = 0
    assert all(math.isfinite(ratio) for ratio in ratios(with_black, SIXTEENTH).values())
    assert math.isnan(ratios(np.ones((80, 1, 8, 8), np.float32) / 2)["mirror"])


def test_images_that_exist_twice_count_once():
    assert ratios(np.repeat(DIGITS[:200], 2, 0), SIXTEENTH) == pytest.approx(ratios(DIGITS[:200], SIXTEENTH))


@pytest.mark.parametrize(("channels", "side"), [(1, 5), (2, 9), (3, 100), (4, 16)])
def test_other_sizes_and_channels(channels, side):
    found = ratios(shapes(60, side, channels))
    assert set(found) == set(FURTHER if channels == 3 else FURTHER[:4])
    assert all(ratio >= 0 for ratio in found.values())


def test_large_images_are_shrunk_block_by_block():
    images = shapes(60, 100)
    small = admission.shrunk(images, np.arange(60), RAW, lambda _: None)
    assert small.shape == (60, 1, 32, 32)
    assert torch.allclose(small.mean(), torch.from_numpy(images).mean(), atol=0.02)


def test_whole_numbers_and_missing_values():
    as_bytes = (DIGITS[:300] * 15).astype(np.uint8)
    spoilt = DIGITS[:300].copy()
    spoilt[3, 0, 2, 2] = np.nan
    assert ratios(as_bytes, (0.0, 1 / 240))["mirror"] == pytest.approx(
        ratios(DIGITS[:300], SIXTEENTH)["mirror"]
    )
    assert math.isfinite(ratios(spoilt, SIXTEENTH)["mirror"])


# The transforms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FURTHER)
def test_a_transform_changes_images_and_keeps_their_range(name):
    images = torch.from_numpy(shapes(20, channels=3))
    extreme = TRANSFORMS[name].extremes[0]
    changed = TRANSFORMS[name].apply(images, torch.full((20,), extreme))
    assert changed.shape == images.shape
    assert not torch.allclose(changed, images, atol=0.01)
    assert changed.min() > -0.1
    assert changed.max() < 1.1


def test_half_of_the_draws_mirror_and_the_middle_of_a_range_changes_nothing():
    images = torch.from_numpy(shapes(4, channels=3))
    middle = torch.full((4,), 0.5)
    assert torch.equal(
        TRANSFORMS["mirror"].apply(images, torch.tensor([0.1, 0.6, 0.4, 0.9]))[[0, 2]],
        images[[0, 2]].flip(-1),
    )
    for name in ("mirror", "zoom", "brightness", "contrast", "hue", "grey"):
        assert torch.allclose(TRANSFORMS[name].apply(images, middle), images, atol=1e-5), name


def test_grey_is_the_same_in_every_channel_and_hue_keeps_the_mean():
    images = torch.from_numpy(shapes(6, channels=3)) * 0.4 + 0.3
    plain = transforms.grey(images, torch.zeros(6))
    assert torch.allclose(plain, plain[:, :1].expand_as(plain))
    turned = transforms.hue(images, torch.ones(6))
    assert torch.allclose(turned.mean(1), images.mean(1), atol=1e-5)


# Copies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", ["off", "auto"])
def test_without_further_transforms_copies_and_draws_are_what_they_were(decision):
    """`auto` is no longer there in a run that makes copies: see `training.admitted`."""
    config = preset("standard", **dict.fromkeys(FURTHER, decision))
    images = torch.from_numpy(DIGITS[:32] / 16)
    torch.manual_seed(5)
    now, state = copy_images(images, config, Share(32)), torch.get_rng_state()
    torch.manual_seed(5)
    draw = torch.rand(32, 4)
    before = random_copy(images, config.shift, config.rotation, config.scaling, draw)
    assert torch.equal(now, before)
    assert torch.equal(state, torch.get_rng_state())
    feed = Feed(DIGITS[:32], SIXTEENTH, torch.device("cpu"))
    generator = torch.Generator().manual_seed(config.seed + 2**31)
    assert torch.equal(copies_of(feed, config)[0].draws, torch.rand(32, 4, generator=generator))


def test_the_copies_in_the_graph_and_those_of_a_batch_get_the_same_transforms():
    config = preset("standard", **NOTHING | {"mirror": "on", "brightness": "on"})
    assert draws(config, 1) == 6
    feed = Feed(DIGITS[:32], SIXTEENTH, torch.device("cpu"))
    copies = copies_of(feed, config)[0]
    assert copies.draws.shape == (32, 6)
    rows = np.arange(32)
    assert torch.equal(copies(rows), copy_of(feed(rows), config, copies.draws))
    torch.manual_seed(5)
    now = copy_images(feed(rows), config, Share(32))
    torch.manual_seed(5)
    assert torch.equal(now, copy_of(feed(rows), config, torch.rand(32, 6)))


def test_transforms_of_colour_are_for_colour_alone():
    config = Config(**NOTHING | {"hue": "on", "grey": "on"})
    assert draws(config, 1) == 4
    assert draws(config, 3) == 6


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.1, "1.10"), (1.2499, "1.2499"), (1.2504, "1.2504"), (float("inf"), "over 100")]
)
def test_a_ratio_in_words_is_on_its_side_of_the_limit(ratio, words):
    assert admission.Admission(TRANSFORMS["mirror"], ratio).in_words == words

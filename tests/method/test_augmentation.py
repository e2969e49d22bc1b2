"""What random copies of images do to the terms of both stages, and where they do nothing."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core.config import Config, preset
from dsc_core.method.augmentation import makes_copies
from dsc_core.method.feed import Feed, copies_of, encode
from dsc_core.method.graph import nearest, whole_graph
from dsc_core.method.networks.networks import Networks
from dsc_core.method.share import Share
from dsc_core.training import terms as batch_terms
from dsc_core.training.batches import Pairs

IMAGES = load_digits().images[:64, None].astype(np.float32)
UNMOVED = {"shift": 0.0, "rotation": 0.0, "scaling": 0.0}
ON = {"augmented_agreement": 1.0, "noise_level": 0.0, "spectral_width": 32}


@pytest.fixture
def feed():
    return Feed(IMAGES, (0.0, 1 / 16), torch.device("cpu"))


def nets_of(config: Config) -> Networks:
    torch.manual_seed(0)
    return Networks(IMAGES.shape[1:], config).eval()  # the batch's norm would move with the copies


def first(config: Config, feed) -> dict[str, float]:
    nets = nets_of(config)
    torch.manual_seed(1)
    return {
        name: float(term.detach())
        for name, term in batch_terms.first_terms(nets, feed, np.arange(32), config, Share(32)).items()
    }


def joint(config: Config, feed) -> dict[str, float]:
    nets, targets = nets_of(config), np.arange(64) % 11 - 1
    pairs = Pairs(whole_graph(feed(np.arange(64)).flatten(1), 5), np.random.default_rng(0), targets)
    torch.manual_seed(1)
    terms, _ = batch_terms.joint_terms(nets, feed, np.arange(32), pairs, config, Share(32))
    return {name: float(term.detach()) for name, term in terms.items()}


def test_stage_1_learns_from_moved_images_only_where_copies_are_made(feed, monkeypatch):
    plain = first(Config(**ON), feed)
    without = first(Config(**ON | {"augmented_agreement": 0.0}, augmented_input=True), feed)
    assert without == plain
    monkeypatch.setattr(batch_terms, "a_copy", lambda samples, config, share: samples)
    assert first(Config(**ON, augmented_input=True), feed) == plain
    monkeypatch.setattr(batch_terms, "a_copy", lambda samples, config, share: torch.zeros_like(samples))
    assert first(Config(**ON, augmented_input=True), feed)["prior"] != plain["prior"]


def test_copies_that_are_the_original_cost_nothing_in_the_latent(feed):
    terms = joint(Config(**ON | UNMOVED), feed)
    assert terms["augmented_latent"] == pytest.approx(0, abs=1e-6)
    assert joint(Config(**ON), feed)["augmented_latent"] > 1e-4


def test_self_training_asks_the_copy_for_its_share(feed):
    own, half, whole = (joint(Config(**ON, augmented_target=share), feed) for share in (0.0, 0.5, 1.0))
    assert half["self_training"] == pytest.approx(
        (own["self_training"] + whole["self_training"]) / 2, rel=1e-4
    )
    assert whole["self_training"] != pytest.approx(own["self_training"], rel=1e-4)
    assert {name: half[name] for name in half if name != "self_training"} == {
        name: own[name] for name in own if name != "self_training"
    }
    off = Config(**ON | {"augmented_agreement": 0.0}, augmented_target=1.0)
    assert joint(off, feed)["self_training"] == own["self_training"]


def test_the_copies_targets_are_their_originals(feed, monkeypatch):
    asked = []
    real = batch_terms.objective.self_training
    monkeypatch.setattr(
        batch_terms.objective,
        "self_training",
        lambda logits, targets: asked.append(targets) or real(logits, targets),
    )
    joint(Config(**ON, augmented_target=0.5), feed)
    samples, copies = asked
    assert len(samples) == 64
    assert torch.equal(copies, samples[:32])


def test_rows_of_a_table_have_no_copies():
    config = preset("augment")
    assert makes_copies(config, torch.zeros(4, 1, 8, 8))
    assert not makes_copies(config, torch.zeros(4, 8))
    assert not makes_copies(preset("standard"), torch.zeros(4, 1, 8, 8))


def test_a_copy_is_moved_as_far_as_the_settings_say():
    images = torch.rand(16, 1, 9, 9)
    share = Share(16)
    still = batch_terms.a_copy(images, Config(**UNMOVED), share)
    assert torch.allclose(still, images, atol=1e-5)
    assert not torch.allclose(batch_terms.a_copy(images, Config(), share), images, atol=1e-2)


def test_a_feed_of_copies_gives_the_same_copies_whatever_is_asked_for_first(feed):
    config = preset("augment")
    one, other = copies_of(feed, config)[:2]
    whole = one(np.arange(64))
    again = copies_of(feed, config)[0]
    assert torch.equal(again(np.array([40, 3])), whole[[40, 3]])
    assert not torch.equal(other(np.arange(64)), whole)
    assert not torch.equal(copies_of(feed, config.replace(seed=1))[0](np.arange(64)), whole)


def test_a_part_of_the_samples_has_copies_of_its_own_samples(feed):
    config = preset("augment", **UNMOVED)
    rows = np.array([5, 9, 60])
    part = feed.part(rows)
    assert torch.allclose(copies_of(part, config)[0](np.arange(3)), feed(rows), atol=1e-5)


def test_without_copies_the_graph_has_none(feed):
    assert copies_of(feed, preset("standard", augmented_graph=3)) == []
    assert len(copies_of(feed, preset("augment", augmented_graph=3))) == 3
    table = Feed(np.zeros((9, 4), np.float32), (0.0, 1.0), torch.device("cpu"))
    assert copies_of(table, preset("augment")) == []


def test_the_nearest_point_is_the_one_with_the_nearest_place():
    """Against all distances written out."""
    rng = np.random.default_rng(0)
    places = rng.standard_normal((3, 50, 4)).astype(np.float32)
    distances = np.linalg.norm(places[0][:, None, None] - places.transpose(1, 0, 2)[None], axis=3).min(2)
    np.fill_diagonal(distances, np.inf)
    index, found = nearest(torch.from_numpy(places[0]), 6, copies=list(torch.from_numpy(places[1:])))
    assert np.array_equal(index, np.argsort(distances, 1)[:, :6])
    assert np.allclose(found, np.sort(distances, 1)[:, :6], atol=1e-3)
    assert not np.array_equal(index, nearest(torch.from_numpy(places[0]), 6)[0])


def test_copies_that_are_their_originals_change_no_neighbour(feed):
    points = feed(np.arange(64)).flatten(1)
    plain, same = whole_graph(points, 5), whole_graph(points, 5, copies=[points, points])
    assert np.abs((plain - same).toarray()).max() < 1e-6


def test_encoding_can_be_cancelled(feed):
    class Enough(Exception):
        pass

    def check_cancelled():
        raise Enough

    with pytest.raises(Enough):
        encode(nets_of(Config(**ON)), feed, check_cancelled=check_cancelled)

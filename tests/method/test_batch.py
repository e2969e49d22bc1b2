"""The terms of a batch: a weight of zero computes nothing and draws no other random numbers; what copies change."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.method import batch as batches
from dsc_core.method.batch import Batch, autoencoder_terms, joint_terms
from dsc_core.method.feed import Feed
from dsc_core.method.graph import whole_graph
from dsc_core.method.networks.networks import Networks
from dsc_core.method.share import Share
from dsc_core.objective import TERMS
from dsc_core.presets import preset
from dsc_core.training.batches import Pairs

IMAGES = load_digits().images[:64, None].astype(np.float32)
UNMOVED = {"shift": 0.0, "rotation": 0.0, "scaling": 0.0}
ALL_ON = dict.fromkeys(TERMS, 1.0)  # every weight above zero
COPIES = {"augmented_agreement": 1.0, "noise_level": 0.0, "spectral_width": 32}


@pytest.fixture
def feed():
    return Feed(IMAGES, (0.0, 1 / 16), torch.device("cpu"))


def new_networks(config: Config) -> Networks:
    torch.manual_seed(0)
    return Networks(IMAGES.shape[1:], config).eval()  # the statistics of a batch would change with the copies


def stage_1(config: Config, feed) -> dict[str, float]:
    nets = new_networks(config)
    torch.manual_seed(1)
    terms = autoencoder_terms(nets, feed, np.arange(32), config, Share(32))
    return {name: float(term.detach()) for name, term in terms.items()}


def stage_2(config: Config, feed) -> dict[str, float]:
    nets, targets = new_networks(config), np.arange(64) % 11 - 1
    pairs = Pairs(whole_graph(feed(np.arange(64)).flatten(1), 5), np.random.default_rng(0), targets)
    torch.manual_seed(1)
    terms, _ = joint_terms(nets, feed, np.arange(32), pairs, config, Share(32))
    return {name: float(term.detach()) for name, term in terms.items()}


STAGES = {"autoencoder": stage_1, "joint": stage_2}
IN_STAGE = [
    (stage, name) for stage in STAGES for name, term in TERMS.items() if term.stage in (stage, objective.BOTH)
]


@pytest.fixture
def calls(monkeypatch):
    """The terms that were computed, in order."""
    called = []

    def counting(term):
        return lambda *inputs: called.append(term.name) or term.function(*inputs)

    for name, term in list(TERMS.items()):
        monkeypatch.setitem(TERMS, name, replace(term, function=counting(term)))
    return called


@pytest.mark.parametrize(("stage", "name"), IN_STAGE)
def test_a_term_with_weight_zero_is_not_computed_and_changes_no_other(stage, name, calls, feed):
    full = STAGES[stage](Config(**ALL_ON), feed)
    assert calls == [term for of, term in IN_STAGE if of == stage] == list(full)
    calls.clear()
    without = STAGES[stage](Config(**ALL_ON | {name: 0.0}), feed)
    # Without their agreement there are no copies at all.
    lost = {name, "augmented_latent"} if name == "augmented_agreement" else {name}
    assert calls == list(without) == [term for term in full if term not in lost]
    # Self-training draws noise of its own before the copies are drawn.
    same = without.keys() - (
        {"augmented_agreement", "augmented_latent"} if name == "self_training" else set()
    )
    assert all(without[term] == pytest.approx(full[term], rel=1e-4) for term in same)


@pytest.mark.parametrize(
    ("weights", "idle"),
    [
        ({"spectral": 0.0}, "orthonormalise"),
        ({"augmented_agreement": 0.0}, "copy_images"),
        ({"spectral": 0.0, "graph": "batch"}, "affinity_of"),
    ],
)
def test_what_only_a_term_of_weight_zero_needs_is_not_computed(weights, idle, feed, monkeypatch):
    def refuse(*_):
        raise AssertionError(idle)

    monkeypatch.setattr(batches, idle, refuse)
    stage_2(Config(**ALL_ON | weights), feed)


def test_without_reconstructions_nothing_is_decoded(feed, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(Networks, "decode", refuse)
    off = Config(**ALL_ON | {"reconstruction": 0.0, "relative": 0.0})
    assert stage_1(off, feed)
    # The noisy code is decoded for the relative reconstruction alone.
    stage_1(Config(**ALL_ON | {"relative": 0.0}, batch_norm=False), feed)


def test_in_stage_2_every_so_many_samples_one_is_decoded(feed, monkeypatch):
    decoded, decode = [], Networks.decode
    monkeypatch.setattr(
        Networks, "decode", lambda nets, *codes: decoded.append(len(codes[0])) or decode(nets, *codes)
    )
    config = preset("no-copies", spectral_width=32, neighbours=5)
    terms = {every: stage_2(config.replace(decode_every=every), feed) for every in (1, 2, 4, 64)}
    stage_1(config.replace(decode_every=4), feed)
    assert decoded == [32, 16, 8, 8, 32]  # never fewer than 8, and stage 1 decodes all
    assert terms[4] == terms[64]
    for name, term in TERMS.items():  # what does not decode is computed from all samples as before
        if name in terms[1] and term.stage == objective.JOINT:
            assert terms[1][name] == terms[2][name] == terms[4][name]


@pytest.mark.parametrize("stage", STAGES)
def test_with_all_weights_zero_there_are_no_terms_and_the_total_is_zero(stage, feed):
    config = Config(**dict.fromkeys(TERMS, 0.0))
    terms = STAGES[stage](config, feed)
    assert terms == {}
    assert objective.total(terms, config, stage) == 0


def test_the_total_weighs_each_term_and_in_stage_2_scales_those_of_the_autoencoder():
    config = Config(
        joint_share=0.5, **{name: float(number) for number, name in enumerate(TERMS)} | {"prior": 4.0}
    )
    ones = dict.fromkeys(TERMS, torch.tensor(1.0))
    shared = [name for name, term in TERMS.items() if term.stage == objective.BOTH]
    assert shared == ["reconstruction", "relative", "global_mi", "local_mi"]
    plain = sum(getattr(config, name) for name in TERMS)
    assert objective.total(ones, config, "autoencoder") == pytest.approx(plain)
    assert objective.total(ones, config, "joint") == pytest.approx(
        plain - 0.5 * sum(getattr(config, name) for name in shared)
    )


def one_batch(config: Config, samples) -> Batch:
    nets = Networks(tuple(samples.shape[1:]), config)
    torch.manual_seed(3)
    return Batch(nets, samples, nets.encoder(samples), config, Share(len(samples)))


def test_sampling_noise_reconstructs_from_the_noisy_decoding():
    images = torch.rand(6, 1, 8, 8)
    for relative in (0.0, 1.0):
        config = Config(noise="sampling", global_mi=0.0, local_mi=0.0, batch_norm=False, relative=relative)
        batch = one_batch(config, images)
        expected = (images - batch.nets.decoder(batch.noisy)).square().flatten(1).sum(1).mean().item()
        computed = objective.compute(batch, "autoencoder")["reconstruction"].item()
        assert computed == pytest.approx(expected, rel=1e-4)


def test_without_an_encoder_the_noisy_code_is_made_of_the_rows_and_there_are_no_terms():
    rows = torch.randn(6, 7)
    batch = one_batch(Config(encoder="none"), rows)
    assert batch.noisy.shape == rows.shape
    assert not torch.equal(batch.noisy, rows)
    assert objective.compute(batch, "autoencoder") == {}


def test_stage_1_sees_random_copies_only_where_copies_are_made(feed, monkeypatch):
    plain = stage_1(Config(**COPIES), feed)
    without = stage_1(Config(**COPIES | {"augmented_agreement": 0.0}, augmented_input=True), feed)
    assert without == plain
    monkeypatch.setattr(batches, "copy_images", lambda samples, config, share: samples)
    assert stage_1(Config(**COPIES, augmented_input=True), feed) == plain
    monkeypatch.setattr(batches, "copy_images", lambda samples, config, share: torch.zeros_like(samples))
    assert stage_1(Config(**COPIES, augmented_input=True), feed)["prior"] != plain["prior"]


def test_copies_equal_to_their_originals_have_the_same_codes(feed):
    terms = stage_2(Config(**COPIES | UNMOVED), feed)
    assert terms["augmented_latent"] == pytest.approx(0, abs=1e-6)
    assert stage_2(Config(**COPIES), feed)["augmented_latent"] > 1e-4


def test_a_share_of_self_training_trains_on_the_copies(feed):
    own, half, whole = (stage_2(Config(**COPIES, augmented_target=share), feed) for share in (0.0, 0.5, 1.0))
    mean = (own["self_training"] + whole["self_training"]) / 2
    assert half["self_training"] == pytest.approx(mean, rel=1e-4)
    assert whole["self_training"] != pytest.approx(own["self_training"], rel=1e-4)
    assert {**half, "self_training": 0} == {**own, "self_training": 0}
    off = Config(**COPIES | {"augmented_agreement": 0.0}, augmented_target=1.0)
    assert stage_2(off, feed)["self_training"] == own["self_training"]


def test_copies_have_the_targets_of_their_originals():
    logits, copies = torch.randn(6, 4), torch.randn(3, 4)
    targets = torch.tensor([0, -1, 3, 2, 1, -1])
    both = objective.self_training_loss(logits, targets, copies, 0.5)
    own, other = (
        objective.self_training_loss(logits, targets),
        objective.self_training_loss(copies, targets[:3]),
    )
    assert both.item() == pytest.approx((own + other).item() / 2)


def test_a_copy_is_moved_as_far_as_the_settings_say():
    images = torch.rand(16, 1, 9, 9)
    still = batches.copy_images(images, Config(**UNMOVED), Share(16))
    assert torch.allclose(still, images, atol=1e-5)
    assert not torch.allclose(batches.copy_images(images, Config(), Share(16)), images, atol=1e-2)


def test_a_table_has_no_copies_and_lacks_their_terms():
    rows = torch.rand(8, 5)
    batch = one_batch(preset("standard"), rows)
    assert not batch.has("images")
    assert not batch.has("copies")

"""Both stages on a small set: events, requests, repeatability and labels."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core.analysis.metrics import scores
from dsc_core.config import KNOBS, Config, idle
from dsc_core.errors import InputError
from dsc_core.method.networks.autoencoder import Decoder
from dsc_core.model import Fitted
from dsc_core.presets import PRESETS, preset
from tests.training.small import SCALING, SMALL, images, run


def test_every_sample_gets_a_label_in_input_order(trained):
    fitted, events = trained
    assert fitted.labels.shape == fitted.confidence.shape == (300,)
    assert set(np.unique(fitted.labels)) <= set(range(10))
    assert ((fitted.confidence > 0) & (fitted.confidence <= 1)).all()
    assert sum(events[-1].cluster_sizes) == 300
    assert events[-1].kind == "done"


def test_losses_are_named_weighted_and_fall(trained):
    epochs = [event for event in trained[1] if event.kind == "epoch"]
    assert [event.epoch for event in epochs] == [1, 2, 3, 4, 5]
    assert [event.stage for event in epochs] == ["autoencoder"] * 3 + ["joint"] * 2
    assert epochs[2].losses["reconstruction"] < 0.7 * epochs[0].losses["reconstruction"]
    weighted = {"reconstruction", "relative", "global_mi", "local_mi", "prior", "total"}
    assert set(epochs[0].losses) == weighted
    assert {"spectral", "agreement", "self_training", "balance", "cluster_prior"} <= set(epochs[-1].losses)
    for event in epochs:
        config = Config(**SMALL)
        shares = dict.fromkeys(
            ("reconstruction", "relative", "global_mi", "local_mi"),
            config.joint_share if event.stage == "joint" else 1.0,
        )
        parts = sum(
            getattr(config, name) * shares.get(name, 1.0) * value
            for name, value in event.losses.items()
            if name != "total"
        )
        assert event.losses["total"] == pytest.approx(parts, rel=1e-4)
        assert event.images_per_second > 0
    assert epochs[-1].remaining > 0, "the labelling is still to come"


def test_one_seed_gives_one_result_and_another_seed_another(trained):
    again, _ = run(images(), Config(**SMALL))
    other, _ = run(images(), Config(**SMALL, seed=1))
    assert np.array_equal(again.labels, trained[0].labels)
    assert np.array_equal(again.latent, trained[0].latent)
    assert not np.array_equal(other.latent, trained[0].latent)


def test_the_scores_of_the_observer_are_reported_and_change_nothing(trained):
    seen = []
    fitted, events = run(images(), Config(**SMALL), observe=lambda a: seen.append(a) or {"acc": 0.123})
    assert np.array_equal(fitted.labels, trained[0].labels)
    looks = [event for event in events if event.kind == "evaluation"]
    assert len(looks) == len(seen) >= 2
    assert all(event.scores == {"acc": 0.123} for event in looks)
    assert all(len(a) == 300 for a in seen)


@pytest.mark.parametrize("when", [0, 4, 30])
def test_a_stop_at_any_moment_leaves_labels_for_all(when):
    calls = iter(range(10**6))
    fitted, events = run(
        images(), Config(**SMALL), control=lambda: {"stop": True} if next(calls) >= when else {}
    )
    assert fitted.labels.shape == (300,)
    assert events[-1].step <= when
    assert any("Stopped" in event.message for event in events)


def test_a_weight_changes_within_one_step_and_is_reported():
    calls = iter(range(10**6))
    change = {"noise_level": 0.0, "local_mi": 0.0}
    _, events = run(images(), Config(**SMALL), control=lambda: change if next(calls) == 10 else {})
    notes = [event for event in events if "Changed while training" in event.message]
    assert len(notes) == 1
    assert notes[0].step == 10
    assert "Noise level 0.5 → 0" in notes[0].message
    assert "local_mi" not in [event for event in events if event.kind == "epoch"][-1].losses


def test_a_pause_waits_for_the_resume():
    answers = iter([{}, {"pause": True}, {}, {}, {"resume": True}])
    polled = []

    def control():
        polled.append(1)
        return next(answers, {})

    fitted, events = run(images(100), Config(**{**SMALL, "epochs": 1, "joint_epochs": 0}), control=control)
    assert fitted.labels.shape == (100,)
    assert len(polled) == events[-1].step + 3


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in ("quick",)])
def test_every_preset_trains_both_stages(name):
    changes = {**SMALL, "epochs": 1, "batches": 3, "clusters": 6}
    fitted, events = run(images(200), preset(name).replace(**changes))
    assert {event.stage for event in events} == {"autoencoder", "joint", "labels"}
    assert fitted.spectral.shape == (200, 6 if name in ("paper", "released-code") else 12)
    gram = fitted.spectral.T @ fitted.spectral / 200
    # A softmax's columns sum to one, but are orthonormal all the same if alive; damped ones have rows of norm 1.
    if name not in ("released-code", "paper-damped"):
        assert np.abs(gram - np.eye(len(gram))).max() < 1e-4


def test_tables_and_colour_images_of_odd_size_train():
    rng = np.random.default_rng(0)
    table = np.concatenate([rng.standard_normal((60, 5)) + shift for shift in (-4, 4)]).astype(np.float32)
    fitted, _ = run(table, Config(**{**SMALL, "clusters": 2, "epochs": 6, "joint_epochs": 1}))
    assert scores(np.repeat([0, 1], 60), fitted.labels)["acc"] > 0.95
    colour = rng.random((40, 3, 9, 13), dtype=np.float32)
    assert run(colour, Config(**{**SMALL, "clusters": 3, "epochs": 1, "joint_epochs": 1}))[
        0
    ].labels.shape == (40,)


def test_without_an_encoder_the_vectors_are_the_codes():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((4, 30)) * 3
    kinds = np.arange(200) % 4
    vectors = (centres[kinds] + rng.standard_normal((200, 30))).astype(np.float32)
    config = Config(**{**SMALL, "clusters": 4}, encoder="none")
    fitted, events = run(vectors, config)
    assert {event.stage for event in events} == {
        "autoencoder",
        "joint",
        "labels",
    }  # the first only as a place
    assert not any(event.kind == "epoch" and event.stage == "autoencoder" for event in events)
    assert np.allclose(fitted.latent, vectors * SCALING[1], atol=1e-6)
    assert fitted.spectral.shape == (200, 8)
    assert scores(kinds, fitted.labels)["acc"] > 0.95
    losses = [event for event in events if event.kind == "epoch"][-1].losses
    assert not {"reconstruction", "global_mi", "prior", "cluster_prior"} & set(losses)
    assert {"spectral", "agreement"} <= set(losses)
    again, _ = run(vectors, config)
    assert np.array_equal(again.spectral, fitted.spectral)


@pytest.mark.parametrize("encoder", ["none", "network"])
def test_idle_settings_have_no_effect(encoder):
    rows = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)
    config = Config(**{**SMALL, "clusters": 3}, encoder=encoder)
    other = {
        name: next(choice for choice in knob.choices if choice != getattr(config, name))
        if knob.choices
        else not getattr(config, name)
        if isinstance(knob.default, bool)
        else knob.low + knob.step
        if getattr(config, name) != knob.low + knob.step
        else knob.low
        for name, knob in KNOBS.items()
        if name in idle(encoder, (6,))
    }
    fitted, again = run(rows, config)[0], run(rows, config.replace(**other))[0]
    assert np.array_equal(fitted.spectral, again.spectral)
    assert np.array_equal(fitted.confidence, again.confidence)
    assert not idle(encoder, (3, 8, 8))


def test_images_need_an_encoder():
    with pytest.raises(InputError, match="The encoder 'none' is for rows"):
        run(images(40), Config(**SMALL, encoder="none"))


def test_the_first_stage_can_be_left_out():
    fitted, events = run(images(200), Config(**{**SMALL, "epochs": 0, "joint_epochs": 1}))
    assert [event.stage for event in events if event.kind == "epoch"] == ["joint"]
    assert fitted.labels.shape == (200,)


def test_fewer_samples_than_clusters_is_refused():
    with pytest.raises(InputError, match="choose fewer clusters"):
        run(images(12), Config(**{**SMALL, "clusters": 20}))


def test_a_few_epochs_on_digits_find_the_digits():
    fitted, _ = run(
        load_digits().images[:, None].astype(np.float32),
        Config(epochs=6, joint_epochs=0, batch=64, least_steps=0),
    )
    assert scores(load_digits().target, fitted.labels)["acc"] > 0.75


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is present")
@pytest.mark.parametrize("name", ["standard", "no-copies", "paper", "released-code"])
def test_cuda_trains_repeats_and_its_model_opens_on_the_cpu(name, tmp_path):
    config = preset(name).replace(**{**SMALL, "device": "cuda", "clusters": 6})
    fitted, _ = run(images(), config)
    again, _ = run(images(), config)
    assert np.array_equal(fitted.labels, again.labels)
    fitted.save(tmp_path)
    on_cpu = Fitted.load(tmp_path, "cpu").assign(images(), SCALING)
    assert np.mean(on_cpu.labels == fitted.labels) > 0.99


def test_the_decoders_start_at_the_mean_of_the_samples_and_a_resumed_run_keeps_its_own(monkeypatch):
    started = []
    real = Decoder.start_at
    monkeypatch.setattr(
        Decoder, "start_at", lambda decoder, means: started.append(means) or real(decoder, means)
    )
    states = []
    config = Config(**SMALL, decoders="separate")
    fitted, _ = run(images(), config, checkpoint=states.append)
    assert len(started) == 2
    assert float(started[0]) == pytest.approx(images().mean() / 16, rel=1e-4)
    again, _ = run(images(), config, resume_from=states[1])
    assert len(started) == 2
    assert np.array_equal(again.labels, fitted.labels)


def test_a_bare_autoencoder_learns_dark_images():
    """Without the start at their mean the first large steps leave a decoder that paints black."""
    dark = np.zeros((300, 1, 28, 28), np.float32)
    dark[:, :, 4:12, 4:12] = images(300)
    _, events = run(dark, Config(**SMALL | {"epochs": 12, "joint_epochs": 0}, batch_norm=False))
    last = [event for event in events if event.kind == "epoch"][-1].losses
    assert last["reconstruction"] < 0.6 * float(np.square(dark / 16).sum((1, 2, 3)).mean())
    assert last["prior"] > 1

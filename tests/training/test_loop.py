"""The two stages on a small set: what is promised of events, control, repeatability and labels."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core.analysis import map_film
from dsc_core.analysis.metrics import scores
from dsc_core.config import KNOBS, PRESETS, Config, idle, preset
from dsc_core.errors import InputError, RunError
from dsc_core.method import head
from dsc_core.method.cut import Readout
from dsc_core.method.feed import BLOCK
from dsc_core.model import Fitted
from dsc_core.training import film, finish, joint, setup, steering
from dsc_core.training.batches import with_least_steps
from dsc_core.training.clock import Clock
from dsc_core.training.loop import fit
from dsc_core.training.terms import AUTOENCODER
from dsc_core.training.trainer import learning_rate

SMALL = {
    "epochs": 3,
    "joint_epochs": 2,
    "evaluate_every": 1,
    "batch": 32,
    "joint_batch": 64,
    "spectral_width": 64,
    "least_steps": 0,
}
SCALING = (0.0, 1 / 16)


def images(count=300):
    return load_digits().images[:count, None].astype(np.float32)


def run(samples, config, **more):
    training, events = fit(samples, config, scaling=SCALING, **more), []
    while True:
        try:
            events.append(next(training))
        except StopIteration as end:
            return end.value, events


@pytest.fixture(scope="module")
def trained():
    return run(images(), Config(**SMALL))


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
        shares = dict.fromkeys(AUTOENCODER, config.joint_share if event.stage == "joint" else 1.0)
        parts = sum(
            getattr(config, name) * shares.get(name, 1.0) * value
            for name, value in event.losses.items()
            if name != "total"
        )
        assert event.losses["total"] == pytest.approx(parts, rel=1e-4)
        assert event.images_per_second > 0
    assert epochs[-1].remaining == pytest.approx(0, abs=0.5)


def test_the_step_size_stays_in_stage_1_and_falls_evenly_in_stage_2():
    config = Config(epochs=3, joint_epochs=4, learning_rate=0.01, final_rate=0.2)
    clock = Clock(config)
    rates = []
    for stage in ["autoencoder"] * 3 + ["joint"] * 4:
        clock.start_epoch(stage, 1)
        rates.append(learning_rate(config, clock))
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.008, 0.006, 0.004])
    assert learning_rate(config.replace(final_rate=1.0), clock) == 0.01


def test_one_seed_gives_one_result_and_another_seed_another(trained):
    again, _ = run(images(), Config(**SMALL))
    other, _ = run(images(), Config(**SMALL, seed=1))
    assert np.array_equal(again.labels, trained[0].labels)
    assert np.array_equal(again.latent, trained[0].latent)
    assert not np.array_equal(other.latent, trained[0].latent)


def test_what_the_observer_answers_is_told_and_changes_nothing(trained):
    seen = []
    fitted, events = run(images(), Config(**SMALL), observe=lambda a: seen.append(a) or {"acc": 0.123})
    assert np.array_equal(fitted.labels, trained[0].labels)
    looks = [event for event in events if event.kind == "evaluation"]
    assert len(looks) == len(seen) >= 2
    assert all(event.scores == {"acc": 0.123} for event in looks)
    assert all(len(a) == 300 for a in seen)


@pytest.mark.parametrize("every", [1, 2])
def test_looking_at_the_latent_changes_no_loss_and_no_label(trained, every):
    seen = []
    config = Config(**SMALL, map_every=every)
    fitted, events = run(images(), config, snapshot=lambda *shown: seen.append(shown))
    losses = lambda told: [event.losses for event in told if event.kind == "epoch"]  # noqa: E731
    assert losses(events) == losses(trained[1])
    for name in ("labels", "latent", "spectral", "confidence"):
        assert np.array_equal(getattr(fitted, name), getattr(trained[0], name)), name
    rows = map_film.film_rows(300, config)
    assert [epoch for epoch, _, _ in seen] == ([0, 1, 2, 3, 4, 5] if every == 1 else [0, 2, 4, 5])
    assert all(latent.shape == (len(rows), 32) for _, latent, _ in seen)
    assert all((clusters is None) == (epoch <= 3) for epoch, _, clusters in seen)
    assert all(clusters.shape == (len(rows),) for epoch, _, clusters in seen if epoch > 3)


def test_the_latents_shown_are_those_of_the_filmed_samples(monkeypatch):
    monkeypatch.setattr(map_film, "FEWEST", 40)
    seen, config = [], Config(**SMALL | {"joint_epochs": 1}, map_every=1)
    fitted, _ = run(images(), config, snapshot=lambda *shown: seen.append(shown))
    rows = map_film.film_rows(300, config)
    assert len(rows) == 75
    assert np.array_equal(seen[-1][1], fitted.latent[rows])


def test_without_maps_nobody_is_shown_anything():
    run(
        images(64),
        Config(**SMALL | {"joint_epochs": 0}, map_every=0),
        snapshot=lambda *_: pytest.fail("shown"),
    )


def test_a_latent_that_is_no_number_is_not_shown(monkeypatch):
    seen = []
    real = film.encode
    monkeypatch.setattr(film, "encode", lambda *given: real(*given) * float("nan"))
    run(images(64), Config(**SMALL | {"joint_epochs": 0}), snapshot=lambda *shown: seen.append(shown))
    assert seen == []


def test_new_samples_get_the_same_answer_alone_as_in_company(trained):
    fitted = trained[0]
    whole = fitted.assign(images(), SCALING)
    assert np.array_equal(whole.labels, fitted.labels)
    alone = fitted.assign(images()[7:8], SCALING)
    assert alone.labels[0] == whole.labels[7]
    assert np.allclose(alone.spectral, whole.spectral[7:8], atol=1e-3)
    assert np.allclose(whole.probabilities.sum(1), 1, atol=1e-5)


def test_samples_of_another_shape_are_refused(trained):
    with pytest.raises(InputError, match="1×8×8, not 1×9×8"):
        trained[0].assign(np.zeros((2, 1, 9, 8)), SCALING)


def test_a_model_survives_the_disk_and_damage_is_told(trained, tmp_path):
    fitted = trained[0]
    fitted.save(tmp_path / "model")
    loaded = Fitted.load(tmp_path / "model", "cpu")
    assert np.array_equal(loaded.assign(images(), SCALING).labels, fitted.labels)
    assert np.array_equal(loaded.latent, fitted.latent)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(RunError, match="cannot be read"):
        Fitted.load(tmp_path / "model", "cpu")


def test_a_stop_is_heard_while_the_graph_is_cut(monkeypatch):
    cutting, cut = [], joint.read_out

    def read_out(*given):
        cutting.append(True)
        return cut(*given)

    monkeypatch.setattr(joint, "read_out", read_out)
    monkeypatch.setattr(steering, "CHECK_PERIOD", 0.0)
    steps = fit(images(), Config(**SMALL), control=lambda: {"stop": True} if cutting else {})
    events = list(steps)
    assert any("Stopped" in event.message for event in events)
    assert cutting == [True]
    assert not any(event.stage == "joint" and event.kind == "epoch" for event in events)
    assert not any(event.kind == "evaluation" for event in events), "the cut itself was broken off"


@pytest.mark.parametrize(
    ("requests", "last"),
    [
        ([{"pause": True}, {"resume": True}], {"resume": True}),
        ([{"resume": True}, {"pause": True}], {"pause": True}),
    ],
)
def test_requests_during_a_long_computation_wait_for_the_next_step(requests, last, monkeypatch):
    monkeypatch.setattr(steering, "CHECK_PERIOD", 0.0)
    answers = iter([*requests, {"noise_level": 0.3}])
    steered = steering.Steering(Config(), lambda: next(answers, {}))
    for _ in range(3):
        steered.check_cancelled()
    assert steered.take() == last | {"noise_level": 0.3}
    assert steered.take() == {}


@pytest.mark.parametrize("when", [0, 4, 30])
def test_a_stop_at_any_moment_leaves_labels_for_all(when):
    calls = iter(range(10**6))
    fitted, events = run(
        images(), Config(**SMALL), control=lambda: {"stop": True} if next(calls) >= when else {}
    )
    assert fitted.labels.shape == (300,)
    assert events[-1].step <= when
    assert any("Stopped" in event.message for event in events)


def test_a_weight_moves_within_one_step_and_is_told():
    calls = iter(range(10**6))
    change = {"noise_level": 0.0, "local_mi": 0.0}
    _, events = run(images(), Config(**SMALL), control=lambda: change if next(calls) == 10 else {})
    notes = [event for event in events if "Changed while training" in event.message]
    assert len(notes) == 1
    assert notes[0].step == 10
    assert "noise_level 0.5 → 0" in notes[0].message
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


def test_a_loss_that_is_no_number_says_so():
    broken = images()
    broken[:] = np.inf
    with pytest.raises(RunError, match="NaN or infinite"):
        run(broken, Config(**SMALL))


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in ("quick",)])
def test_every_preset_trains_both_stages(name):
    changes = {**SMALL, "epochs": 1, "batches": 3, "clusters": 6}
    fitted, events = run(images(200), preset(name).replace(**changes))
    assert {event.stage for event in events} == {"autoencoder", "joint", "labels"}
    assert fitted.spectral.shape == (200, 12 if name in ("standard", "augment") else 6)
    gram = fitted.spectral.T @ fitted.spectral / 200
    if name != "released-code":  # a softmax's columns sum to one, but are orthonormal all the same if alive
        assert np.abs(gram - np.eye(len(gram))).max() < 1e-4


def test_rows_of_a_table_and_colour_images_of_odd_size_train():
    rng = np.random.default_rng(0)
    table = np.concatenate([rng.standard_normal((60, 5)) + shift for shift in (-4, 4)]).astype(np.float32)
    fitted, _ = run(table, Config(**{**SMALL, "clusters": 2, "epochs": 6, "joint_epochs": 1}))
    assert scores(np.repeat([0, 1], 60), fitted.labels)["acc"] > 0.95
    colour = rng.random((40, 3, 9, 13), dtype=np.float32)
    assert run(colour, Config(**{**SMALL, "clusters": 3, "epochs": 1, "joint_epochs": 1}))[
        0
    ].labels.shape == (40,)


def test_small_sets_get_more_epochs_and_large_ones_do_not():
    config = Config(epochs=6, joint_epochs=2, least_steps=300, batch=128, joint_batch=256)
    small, large = with_least_steps(config, 1797), with_least_steps(config, 10_000)
    assert small.epochs * 14 >= 300
    assert small.joint_epochs > 2
    assert large == config
    assert with_least_steps(config.replace(joint_epochs=0), 50).joint_epochs == 0


def test_neighbours_are_encoded_and_not_decoded(monkeypatch):
    encoded, decoded = [], []
    encode, decode = setup.Networks.__init__, setup.Networks.decode

    def made(nets, *given):
        encode(nets, *given)
        nets.encoder.register_forward_hook(
            lambda module, given, code: encoded.append(len(given[0])) if module.training else None
        )

    def seen(nets, clean, noisy):
        decoded.append(len(clean))
        return decode(nets, clean, noisy)

    monkeypatch.setattr(setup.Networks, "__init__", made)
    monkeypatch.setattr(setup.Networks, "decode", seen)
    rows = np.random.default_rng(0).random((64, 12), np.float32)
    settings = Config().replace(epochs=1, joint_epochs=1, batch=32, joint_batch=32, least_steps=0, clusters=3)
    for _ in fit(rows, settings):
        pass
    assert encoded == [32, 32, 64, 64]
    assert decoded == [32, 32, 32, 32]


def test_without_an_encoder_vectors_go_straight_to_the_graph_and_the_spectral_network():
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
def test_settings_that_are_said_to_be_without_effect_have_none(encoder):
    rows = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)
    config = Config(**{**SMALL, "clusters": 3}, encoder=encoder)
    other = {
        name: next(choice for choice in known.choices if choice != getattr(config, name))
        if known.choices
        else not getattr(config, name)
        if isinstance(known.default, bool)
        else known.low + known.step
        if getattr(config, name) != known.low + known.step
        else known.low
        for name, known in KNOBS.items()
        if name in idle(encoder, (6,))
    }
    fitted, again = run(rows, config)[0], run(rows, config.replace(**other))[0]
    assert np.array_equal(fitted.spectral, again.spectral)
    assert np.array_equal(fitted.confidence, again.confidence)
    assert not idle(encoder, (1, 8, 8))


def test_a_model_without_an_encoder_survives_the_disk(tmp_path):
    rows = np.random.default_rng(0).standard_normal((80, 6)).astype(np.float32)
    fitted, _ = run(rows, Config(**{**SMALL, "clusters": 3}, encoder="none"))
    fitted.save(tmp_path)
    loaded = Fitted.load(tmp_path, "cpu")
    assert np.array_equal(loaded.assign(rows, SCALING).labels, fitted.labels)


def test_images_cannot_do_without_an_encoder():
    with pytest.raises(InputError, match="encoder=none is for rows"):
        run(images(40), Config(**SMALL, encoder="none"))


@pytest.mark.parametrize("readout", ["softmax", "diffusion", "kmeans"])
def test_of_a_large_data_set_a_part_drawn_by_the_seed_makes_the_graph(readout, monkeypatch, tmp_path):
    from dsc_core.method import graph

    sizes, seen, real = [], [], graph.whole_graph
    monkeypatch.setattr(
        graph, "whole_graph", lambda points, *more: sizes.append(len(points)) or real(points, *more)
    )
    samples = np.tile(images(600), (2, 1, 1, 1))
    config = Config(**{**SMALL, "epochs": 2, "joint_epochs": 1}, readout=readout, graph_samples=1000)
    fitted, events = run(samples, config, observe=lambda labels: seen.append(labels) or {})
    assert set(sizes) == {1000}
    assert fitted.labels.shape == fitted.confidence.shape == (1200,)
    assert len(np.unique(fitted.labels)) > 3
    # What was not drawn is labelled by the same map: a copy gets the label of what it is a copy of.
    assert np.array_equal(fitted.labels[:600], fitted.labels[600:])
    assert all(len(labels) == 1200 and (labels < 0).sum() == 200 for labels in seen)
    assert any("uses 1,000 of the 1,200 samples" in event.message for event in events)
    again, _ = run(samples, config, scratch=tmp_path)
    assert isinstance(again.latent, np.memmap)
    assert np.array_equal(again.spectral, fitted.spectral)
    assert np.array_equal(again.labels, fitted.labels)
    assert list(tmp_path.iterdir()) == []


def test_the_film_of_a_large_data_set_shows_samples_off_the_graph_too(monkeypatch):
    seen = []
    config = Config(
        **{**SMALL, "epochs": 1, "joint_epochs": 1, "batches": 2},
        graph_samples=1000,
        map_every=1,
        readout="softmax",
    )
    fitted, _ = run(images(1797), config, snapshot=lambda *shown: seen.append(shown))
    rows = map_film.film_rows(1797, config)
    assert rows.max() >= 1000
    assert [epoch for epoch, _, _ in seen] == [0, 1, 2]
    assert np.array_equal(seen[-1][1], fitted.latent[rows])
    assert np.array_equal(seen[-1][2], fitted.labels[rows])


class Watched:
    """Samples that know how many of them were asked for at once."""

    def __init__(self, samples):
        self.samples, self.shape, self.most = samples, samples.shape, 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        picked = self.samples[index]
        self.most = max(self.most, len(picked))
        return picked


@pytest.mark.parametrize("most", [1000, 10_000])
def test_training_and_labelling_take_a_block_of_samples_at_a_time(most):
    samples = Watched(images(1797))
    config = Config(**{**SMALL, "epochs": 1, "joint_epochs": 1, "batches": 2}, graph_samples=most)
    fitted, _ = run(samples, config)
    assert fitted.labels.shape == (1797,)
    assert 128 <= samples.most <= BLOCK < len(samples)


def test_up_to_the_limit_nothing_is_drawn_and_nothing_changes(trained):
    fitted, events = run(
        images(1000), Config(**{**SMALL, "epochs": 1, "joint_epochs": 1}, graph_samples=1000)
    )
    other, _ = run(images(1000), Config(**{**SMALL, "epochs": 1, "joint_epochs": 1}))
    assert np.array_equal(fitted.spectral, other.spectral)
    assert not any("drawn by the seed" in event.message for event in events)


def silenced(monkeypatch, module, which):
    """Cluster 2 is forgotten whenever the head has been taught and `which(even)` says so."""
    teach = head.teach_head

    def forgetful(nets, latent, readout, config, steps=head.HEAD_STEPS, even=False):
        teach(nets, latent, readout, config, steps, even)
        if which(even):
            with torch.no_grad():
                nets.spectral.assignment.bias[2] -= 10

    monkeypatch.setattr(module, "teach_head", forgetful)


def warnings(events):
    return [event.message for event in events if event.kind == "note" and event.level == "warning"]


def test_a_cluster_that_is_lost_in_training_is_read_from_the_graph_again(monkeypatch):
    taught, looks, say, teach = [], iter(range(99)), joint.head_labels, joint.teach_head

    def without(nets, latent):
        labels = say(nets, latent)
        return np.where(labels == 2, 0, labels) if next(looks) == 0 else labels  # after the first joint epoch

    monkeypatch.setattr(joint, "head_labels", without)
    monkeypatch.setattr(joint, "teach_head", lambda *given: taught.append(given[4:]) or teach(*given))
    rng = np.random.default_rng(0)
    rows = np.repeat(5 * rng.standard_normal((3, 12)), 100, axis=0) + rng.standard_normal((300, 12))
    changes = {"epochs": 2, "joint_epochs": 4, "refresh": 100, "clusters": 3, "tolerance": 0.0}
    fitted, events = run(rows.astype(np.float32), Config(**{**SMALL, **changes}))
    assert warnings(events) == [
        "No samples after this epoch in cluster 2; the clusters are cut from a new graph."
    ]
    steps = head.HEAD_STEPS
    assert taught == [(steps, False), (steps, True)], "at the beginning, and once more, evenly"
    sizes = [event.cluster_sizes for event in events if event.kind == "evaluation"]
    assert sizes[1][2] == 0
    assert min(sizes[-1]) > 0
    assert np.bincount(fitted.labels, minlength=3).min() > 0


def test_a_cluster_that_is_lost_at_the_end_is_taught_again(monkeypatch):
    silenced(monkeypatch, finish, lambda even: not even)
    fitted, events = run(images(), Config(**{**SMALL, "joint_epochs": 0}))
    assert warnings(events) == [
        "Too small to be learned with the others: cluster 2; the head was taught again with equal shares."
    ]
    assert np.bincount(fitted.labels, minlength=10).min() > 0


def test_a_cluster_that_stays_lost_is_told(monkeypatch):
    silenced(monkeypatch, finish, lambda even: True)
    fitted, events = run(images(), Config(**{**SMALL, "joint_epochs": 0}))
    assert np.bincount(fitted.labels, minlength=10)[2] == 0
    assert warnings(events)[-1].startswith("No samples at the end in cluster 2;")


def test_an_even_teaching_learns_a_cluster_of_two():
    rng = np.random.default_rng(0)
    latent = torch.from_numpy(rng.standard_normal((2000, 8)).astype(np.float32))
    labels = (latent[:, 0] > 0).long().numpy()
    labels[:2] = 2
    latent[:2, 1] = 5.0
    settings = Config(clusters=3, spectral_width=64)
    nets = setup.Networks((8,), settings.replace(encoder="none"))
    readout = Readout(labels, rng.standard_normal((2000, 6)), np.ones(6))
    head.teach_head(nets, latent, readout, settings, even=True)
    assigned = head.assign_softly(nets, latent)[1].argmax(1).numpy()
    assert (assigned[:2] == 2).all()
    assert (assigned == labels).mean() > 0.95


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
@pytest.mark.parametrize("name", ["standard", "augment", "paper", "released-code"])
def test_cuda_trains_repeats_and_its_model_opens_on_the_cpu(name, tmp_path):
    config = preset(name).replace(**{**SMALL, "device": "cuda", "clusters": 6})
    fitted, _ = run(images(), config)
    again, _ = run(images(), config)
    assert np.array_equal(fitted.labels, again.labels)
    fitted.save(tmp_path)
    on_cpu = Fitted.load(tmp_path, "cpu").assign(images(), SCALING)
    assert np.mean(on_cpu.labels == fitted.labels) > 0.99

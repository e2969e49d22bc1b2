"""Stage 2: the graph that is rebuilt, what the head learns from it, and which samples are encoded."""

import numpy as np

from dsc_core.config import Config
from dsc_core.method import head
from dsc_core.training import joint, maps, setup, steering
from dsc_core.training.loop import fit
from tests.training.small import SMALL, images, run, warnings


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
    settings = Config(
        epochs=1, joint_epochs=1, batch=32, joint_batch=32, least_steps=0, clusters=3, decode_every=1
    )
    for _ in fit(rows, settings):
        pass
    assert encoded == [32, 32, 64, 64]
    assert decoded == [32, 32, 32, 32]


def test_a_stop_ends_the_cut_of_the_graph(monkeypatch):
    cutting, cut = [], joint.cut_graph

    def watched(*arguments):
        cutting.append(True)
        return cut(*arguments)

    monkeypatch.setattr(joint, "cut_graph", watched)
    monkeypatch.setattr(steering, "CHECK_PERIOD", 0.0)
    steps = fit(images(), Config(**SMALL), control=lambda: {"stop": True} if cutting else {})
    events = list(steps)
    assert any("Stopped" in event.message for event in events)
    assert cutting == [True]
    assert not any(event.stage == "joint" and event.kind == "epoch" for event in events)
    assert not any(event.kind == "evaluation" for event in events), "the cut itself was broken off"


def test_a_cluster_that_becomes_empty_is_cut_from_a_new_graph(monkeypatch):
    taught, looks, say, teach = [], iter(range(99)), maps.head_labels, joint.teach_head

    def without(nets, latent):
        labels = say(nets, latent)
        return np.where(labels == 2, 0, labels) if next(looks) == 0 else labels  # after the first joint epoch

    monkeypatch.setattr(maps, "head_labels", without)
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

"""The transforms of random copies are decided once, before training, and stay decided."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dsc_core.config import FURTHER, Config
from dsc_core.method import admission
from dsc_core.method.admission import Admission
from dsc_core.method.transforms import TRANSFORMS
from dsc_core.presets import preset
from dsc_core.training import admitted, loop
from dsc_core.training.admitted import in_words, with_admitted

IMAGES = load_digits().images[:120, None].astype(np.float32)
SCALING = (0.0, 1 / 16)
SMALL = {
    "epochs": 1,
    "joint_epochs": 1,
    "spectral_width": 32,
    "latent_dims": 8,
    "least_steps": 0,
    "augmented_graph": 1,
    "second_view": "none",
    "map_every": 0,
    "device": "cpu",
}
AUTO = dict.fromkeys(FURTHER, "auto")


def decisions(config):
    return {name: getattr(config, name) for name in FURTHER}


def found(**ratios):
    return [Admission(TRANSFORMS[name], ratio) for name, ratio in ratios.items()]


def fit(config, **more):
    """The events and the fitted model of a training."""
    training, events = loop.fit(IMAGES, config, scaling=SCALING, **more), []
    while True:
        try:
            events.append(next(training))
        except StopIteration as end:
            return events, end.value


def test_auto_is_decided_by_the_data_and_the_rest_by_the_settings():
    config, said = with_admitted(
        preset("standard", **AUTO | {"mirror": "on", "zoom": "off"}), IMAGES, SCALING
    )
    assert set(decisions(config).values()) <= {"on", "off"}
    assert (config.mirror, config.zoom) == ("on", "off")
    assert "mirrored" not in said
    assert "zoomed" not in said


@pytest.mark.parametrize(
    ("config", "samples"),
    [
        (preset("no-copies", **AUTO), IMAGES),
        (preset("standard", **AUTO), IMAGES.reshape(120, -1)),
        (preset("standard", **dict.fromkeys(FURTHER, "off")), IMAGES),
    ],
)
def test_nothing_is_measured_where_nothing_is_to_be_decided(config, samples, monkeypatch):
    monkeypatch.setattr(admission, "measure", None)
    assert with_admitted(config, samples, SCALING) == (config, "")


def test_the_decision_is_said_saved_and_not_made_again(monkeypatch):
    calls = []

    def measure(samples, scaling, seed, names):
        calls.append(names)
        return found(mirror=1.154, zoom=1.3)

    monkeypatch.setattr(admission, "measure", measure)
    states, config = [], preset("standard", **SMALL | AUTO)
    events, fitted = fit(config, checkpoint=states.append)
    (said,) = [event.message for event in events if "lie among the data" in event.message]
    assert "mirrored (1.15)" in said
    assert "not zoomed (1.30)" in said
    assert len(calls) == 1
    assert (fitted.config.mirror, fitted.config.zoom) == ("on", "off")
    assert states[0].config.mirror == "on"
    events, again = fit(Config(), resume_from=states[1])
    assert len(calls) == 1
    assert decisions(again.config) == decisions(fitted.config)
    assert np.array_equal(again.labels, fitted.labels)
    assert not [event for event in events if "lie among the data" in event.message]


def test_the_first_process_decides_for_all(monkeypatch):
    monkeypatch.setattr(admission, "measure", None)  # the others do not call it
    monkeypatch.setattr(admitted.distributed, "once", lambda compute: found(mirror=1.0))
    assert with_admitted(preset("standard", **AUTO), IMAGES, SCALING)[0].mirror == "on"


def test_words():
    assert in_words(found(mirror=math.nan)).startswith(
        "Random copies are only shifted, rotated and scaled: fewer"
    )
    assert in_words(found(mirror=1.5, zoom=1.3)) == (
        "Random copies are not mirrored (1.50) or zoomed (1.30): such images lie outside the data (a ratio of distances"
        " of 1.25 or more)."
    )


def test_runs_of_earlier_versions_keep_their_copies():
    before = {name: value for name, value in preset("standard").to_dict().items() if name not in FURTHER}
    assert set(decisions(Config.from_dict(before)).values()) == {"off"}

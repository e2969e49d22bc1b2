"""Knobs and presets: validated in one place, told in one sentence."""

import pytest

from dsc_core import config as settings
from dsc_core.config import GROUPS, KNOBS, PRESETS, Config, parse_settings, preset
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.training.loop import WEIGHTED


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_survive_json(name):
    config = PRESETS[name].config
    assert Config.from_dict(config.to_dict()) == config


def test_every_knob_has_help_a_group_and_a_default_in_its_range():
    for knob in KNOBS.values():
        assert knob.help.endswith(".")
        assert knob.group in GROUPS
        assert settings.checked(knob, knob.default) == knob.default
        assert knob.choices or isinstance(knob.default, bool) or knob.low < knob.high


def test_every_weighted_term_is_a_knob_that_may_move():
    assert all(KNOBS[name].live for name in WEIGHTED)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"noise_level": -1}, "from 0 to 2"),
        ({"noise_level": float("nan")}, "noise_level"),
        ({"latent_dims": 2.5}, "whole number"),
        ({"graph": "both"}, "whole or batch"),
        ({"batch_norm": "perhaps"}, "true or false"),
        ({"noise": None}, "multiplicative"),
        ({"speed": 3}, "no setting 'speed'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(changes, word):
    with pytest.raises(InputError, match=word) as refused:
        Config().replace(**changes)
    assert "\n" not in str(refused.value)


def test_settings_come_from_words():
    assert parse_settings(["noise_level=0.3", "batch_norm=off", "seed=7"]) == {
        "noise_level": 0.3,
        "batch_norm": False,
        "seed": 7,
    }
    for wrong in ("noise_level", "nope=1", "=3", "noise_level=x"):
        with pytest.raises(InputError):
            parse_settings([wrong])


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(InputError, match="quick, standard"):
        preset("slow")


def test_runs_from_before_a_setting_existed_have_what_training_then_did():
    old = {k: v for k, v in Config().to_dict().items() if k not in settings.BEFORE}
    assert Config.from_dict(old) == Config(**settings.BEFORE)
    assert Config.from_dict(Config().to_dict()) == Config()


def test_settings_of_another_version_are_passed_over():
    whole = Config(noise_level=0.1)
    assert Config.from_dict(whole.to_dict() | {"gone": 3}) == whole


def test_events_survive_json_and_leave_out_what_is_empty():
    event = Event("epoch", "joint", 3, 9, 40, {"spectral": 0.5}, 1.5, 200.0, 7.0, (3, 4), {"acc": 0.9})
    assert Event.from_json(event.to_json()) == event
    assert "message" not in event.to_json()
    assert Event.from_json('{"kind": "note", "stage": "joint", "of_a_later_version": 1}').kind == "note"

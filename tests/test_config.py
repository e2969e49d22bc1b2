"""Settings: validated in one place, with one-sentence errors, and described in words that a browser can show."""

import re
from dataclasses import fields

import pytest

from dsc_core.config import BEFORE, KNOBS, Config, idle, parse_settings
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.knobs import GROUPS, plain_number
from dsc_core.objective import TERMS


def test_every_setting_has_help_a_group_and_a_default_in_its_range():
    for knob in KNOBS.values():
        assert knob.help.endswith(".")
        assert knob.group in GROUPS
        assert knob.validate(knob.default) == knob.default
        assert knob.choices or isinstance(knob.default, bool) or knob.low < knob.high


def test_settings_stand_group_by_group():
    groups = [knob.group for knob in KNOBS.values()]
    assert groups == sorted(groups, key=GROUPS.index)
    assert set(groups) == set(GROUPS)


def test_everything_about_a_setting_is_in_its_field():
    for each in fields(Config):
        knob, about = KNOBS[each.name], each.metadata["knob"]
        assert (knob.default, knob.help, knob.group) == (each.default, about["help"], about["group"])
        assert knob.title == about.get("title", each.name.replace("_", " ").capitalize())
        assert knob.needs == about["needs"]
    titles = [knob.title for knob in KNOBS.values()]
    assert len(set(titles)) == len(titles)


def test_no_formula_source_or_command_line_flag_is_shown():
    for knob in KNOBS.values():
        assert not set(knob.symbol) & set("_^$\\{}")
        assert not re.search(r"[$\\]|\w_\w|--\w", f"{knob.title} {knob.help} {knob.unit}"), knob.name


def test_every_weight_can_be_changed_during_training():
    assert all(KNOBS[name].live for name in TERMS)


def test_settings_are_idle_by_what_the_data_and_the_encoder_lack():
    assert not idle("network", (3, 8, 8))
    assert idle("network", (1, 8, 8)) == {"hue", "grey"}
    assert idle("network", (6,)) == {name for name, knob in KNOBS.items() if "images" in knob.needs}
    assert idle("none", (6,)) >= idle("network", (6,)) | {"global_mi", "latent_dims", "epochs", "joint_share"}
    assert not idle("none", (6,)) & {"noise_level", "spectral", "clusters", "joint_epochs"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"noise_level": -1}, "from 0 to 2"),
        ({"noise_level": float("nan")}, "noise_level"),
        ({"latent_dims": 2.5}, "whole number"),
        ({"graph": "both"}, "whole or batch"),
        ({"batch_norm": "perhaps"}, "true or false"),
        ({"noise": None}, "multiplicative"),
        ({"speed": 3}, "Unknown setting 'speed'"),
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


def test_runs_from_before_a_setting_existed_have_what_training_then_did():
    old = {k: v for k, v in Config().to_dict().items() if k not in BEFORE}
    assert Config.from_dict(old) == Config(**BEFORE)
    assert Config.from_dict(Config().to_dict()) == Config()


def test_settings_of_another_version_are_ignored():
    whole = Config(noise_level=0.1)
    assert Config.from_dict(whole.to_dict() | {"gone": 3}) == whole


def test_events_survive_json_and_leave_out_what_is_empty():
    event = Event("epoch", "joint", 3, 9, 40, {"spectral": 0.5}, 1.5, 200.0, 7.0, (3, 4), {"acc": 0.9})
    assert Event.from_json(event.to_json()) == event
    assert "message" not in event.to_json()
    assert Event.from_json('{"kind": "note", "stage": "joint", "of_a_later_version": 1}').kind == "note"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e7, "10,000,000"),
        (2**31 - 1, "2,147,483,647"),
        (1e-6, "0.000001"),
        (1.5e-5, "0.000015"),
        (0.35, "0.35"),
        (-3, "-3"),
    ],
)
def test_numbers_are_written_without_an_exponent(value, text):
    assert plain_number(value) == text

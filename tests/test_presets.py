"""Presets: valid, and found by name."""

import pytest

from dsc_core.config import Config
from dsc_core.errors import InputError
from dsc_core.presets import DEFAULT_PRESET, PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_survive_json(name):
    config = PRESETS[name].config
    assert Config.from_dict(config.to_dict()) == config


def test_a_preset_lists_only_what_differs_from_the_defaults_or_is_zero_there_on_purpose():
    assert preset("no-copies") == Config()
    assert preset(DEFAULT_PRESET) == Config(**PRESETS[DEFAULT_PRESET].changes)
    assert preset("quick", seed=3) == Config(**PRESETS["quick"].changes, seed=3)


def test_the_name_of_an_earlier_version_leads_to_the_present_one():
    with pytest.raises(InputError, match="The preset 'augment' is now called 'standard'"):
        preset("augment")


def test_runs_of_before_the_second_view_had_none():
    old = {name: value for name, value in Config().to_dict().items() if name != "second_view"}
    assert Config.from_dict(old).second_view == "none"


def test_an_unknown_preset_names_the_others():
    with pytest.raises(InputError, match="Unknown preset 'slow'; the presets are quick, standard"):
        preset("slow")

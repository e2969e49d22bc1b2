"""The alarm where stage 1 is dead: it comes once, says what to do, and stays away from a training that learns."""

import math

import numpy as np
import pytest

from dsc_core.config import KNOBS, Config
from dsc_core.training.alarm import is_dead
from tests.training.small import SMALL, images, run, warnings

CHANCE = 2 * math.log(2)
LONG = SMALL | {"epochs": 13, "joint_epochs": 0}  # 13·9 = 117 steps on 300 images


@pytest.mark.parametrize("batch_norm", [True, False])
def test_codes_that_are_all_the_same_are_reported_once_with_what_to_do(batch_norm):
    # Nothing can be told about images that are all the same.
    samples = np.repeat(images(1), 300, 0)
    said = warnings(run(samples, Config(**LONG, batch_norm=batch_norm))[1])
    alarms = [each for each in said if "Stage 1 has learned nothing" in each]
    assert len(alarms) == 1
    assert "2·ln 2" in alarms[0]
    assert KNOBS["learning_rate" if batch_norm else "batch_norm"].title in alarms[0]


def test_a_prior_that_allows_no_code_is_reported():
    said = warnings(run(images(), Config(**LONG, batch_norm=False, prior=5.0))[1])
    assert any("Stage 1 has learned nothing" in each for each in said)


def test_a_stage_that_learns_is_not_reported():
    assert not warnings(run(images(), Config(**LONG, batch_norm=False))[1])


@pytest.mark.parametrize(
    ("losses", "dead"),
    [
        ({"prior": 0.01, "global_mi": CHANCE, "local_mi": CHANCE - 0.005}, True),
        ({"prior": 0.01}, True),  # no mutual information is computed
        ({"prior": 40.0, "global_mi": CHANCE, "local_mi": CHANCE}, False),  # an untrained discriminator
        ({"prior": 0.01, "global_mi": 0.4, "local_mi": CHANCE}, False),
        ({"global_mi": CHANCE, "local_mi": CHANCE}, False),  # nobody knows the KL
        ({}, False),
    ],
)
def test_all_signs_are_needed(losses, dead):
    assert is_dead(losses) is dead

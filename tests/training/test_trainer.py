"""One step: the learning rate, and losses that must not be followed."""

import numpy as np
import pytest

from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.objective import TERMS
from dsc_core.training.clock import Clock
from dsc_core.training.trainer import learning_rate
from tests.training.small import SMALL, images, run


def test_the_step_size_stays_in_stage_1_and_falls_evenly_in_stage_2():
    config = Config(epochs=3, joint_epochs=4, learning_rate=0.01, final_rate=0.2)
    clock = Clock(config)
    rates = []
    for stage in ["autoencoder"] * 3 + ["joint"] * 4:
        clock.start_epoch(stage, 1)
        rates.append(learning_rate(config, clock))
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.008, 0.006, 0.004])
    assert learning_rate(config.replace(final_rate=1.0), clock) == 0.01


def test_a_nan_loss_is_an_error():
    broken = images()
    broken[:] = np.inf
    with pytest.raises(RunError, match="NaN or infinite"):
        run(broken, Config(**SMALL))


def test_with_every_weight_zero_nothing_is_learned_and_labels_are_made():
    config = Config(**SMALL | {"epochs": 1, "joint_epochs": 0}, **dict.fromkeys(TERMS, 0.0))
    fitted, events = run(images(64), config)
    assert next(event for event in events if event.kind == "epoch").losses == {"total": 0.0}
    assert fitted.labels.shape == (64,)

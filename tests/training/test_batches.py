"""The number of epochs and batches."""

from dsc_core.config import Config
from dsc_core.training.epochs import with_least_steps


def test_small_sets_get_more_epochs_and_large_ones_do_not():
    config = Config(epochs=6, joint_epochs=2, least_steps=300, batch=128, joint_batch=256)
    small, large = with_least_steps(config, 1797), with_least_steps(config, 10_000)
    assert small.epochs * 14 >= 300
    assert small.joint_epochs > 2
    assert large == config
    assert with_least_steps(config.replace(joint_epochs=0), 50).joint_epochs == 0

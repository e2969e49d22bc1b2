"""The number of epochs and batches."""

from dsc_core.config import Config
from dsc_core.training.epochs import GRAPHS, departures, schedule, with_least_steps


def test_small_sets_get_more_epochs_and_large_ones_do_not():
    config = Config(epochs=6, joint_epochs=2, least_steps=300, batch=128, joint_batch=256)
    small, large = with_least_steps(config, 1797), with_least_steps(config, 10_000)
    assert small.epochs * 14 >= 300
    assert small.joint_epochs > 2
    assert large == config
    assert with_least_steps(config.replace(joint_epochs=0), 50).joint_epochs == 0


def test_graphs_and_frames_of_a_small_set_do_not_become_many_with_its_epochs():
    config = Config(epochs=4, joint_epochs=10, least_steps=400, refresh=2, evaluate_every=2, map_every=1)
    small = with_least_steps(config, 400)  # 12 and 2 batches in an epoch
    assert (small.epochs, small.joint_epochs) == (34, 25)
    assert (small.refresh, small.evaluate_every) == (5, 5)
    assert small.map_every == 5  # 14 frames were asked for, one each epoch
    assert schedule(config, 400).graphs == 5
    large = with_least_steps(config, 100_000)
    assert (large.refresh, large.evaluate_every, large.map_every) == (2, 2, 1)
    short = with_least_steps(
        config.replace(joint_epochs=1), 400
    )  # few were asked for: those of GRAPHS are enough
    assert len(range(short.refresh, short.joint_epochs, short.refresh)) <= GRAPHS
    assert with_least_steps(config.replace(map_every=0), 400).map_every == 0


def test_small_sets_train_in_smaller_batches_of_32_at_least():
    config = Config(epochs=8, batch=128, least_steps=500)
    sizes = {count: with_least_steps(config, count).batch for count in (50, 400, 1000, 1797, 70_000)}
    assert sizes == {50: 32, 400: 32, 1000: 72, 1797: 128, 70_000: 128}
    assert with_least_steps(config.replace(batch=16), 50).batch == 16
    for unchanged in (config.replace(least_steps=0), config.replace(encoder="none")):
        assert with_least_steps(unchanged, 400).batch == 128
    small = schedule(config, 400)
    assert (small.batch, small.batches, small.steps) == (32, 12, 504)
    long = config.replace(epochs=100, joint_epochs=0)
    assert departures(long, with_least_steps(long, 400), 400).startswith(
        "400 samples make few steps per epoch, so stage 1 has batches of 32 instead of 128 (see"
    )


def test_more_epochs_than_asked_for_are_said_with_the_setting_that_asks_for_them():
    asked = Config(epochs=3, joint_epochs=1, least_steps=300, batch=128, joint_batch=256)
    said = departures(asked, with_least_steps(asked, 1797), 1797)
    assert said == (
        "1,797 samples make few steps per epoch, so there are more epochs: 22 in stage 1 instead of 3 and 6 in"
        " stage 2 instead of 1 (see the setting Minimum steps per stage: 300)."
    )
    assert departures(asked, with_least_steps(asked, 100_000), 100_000) == ""
    without = asked.replace(encoder="none", least_steps=0)
    assert departures(without, with_least_steps(without, 1797), 1797) == ""

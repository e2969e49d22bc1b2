"""The clock of training: what its events average."""

import pytest

from dsc_core.config import Config
from dsc_core.training.clock import Clock
from dsc_core.training.costs import Job, plan
from dsc_core.training.countdown import Countdown


def test_a_term_is_averaged_over_the_steps_that_computed_it():
    """A weight that was 0 for part of an epoch leaves its term out of those steps, not at 0 in them."""
    clock = Clock(Config())
    clock.start_epoch("joint", 3)
    for terms in ({"a": 1.0}, {"a": 2.0, "b": 6.0}, {"a": 3.0}):
        clock.tick(terms, 8)
    assert clock.progress().losses == {"a": 2.0, "b": 6.0}
    assert clock.end_epoch().losses == {"a": 2.0, "b": 6.0}


def test_counts_begin_anew_with_period_and_epoch():
    clock = Clock(Config())
    clock.start_epoch("autoencoder", 1)
    clock.tick({"a": 1.0}, 8)
    clock.progress()
    clock.tick({"a": 5.0}, 8)
    assert clock.progress().losses == {"a": 5.0}
    clock.start_epoch("autoencoder", 1)
    clock.tick({"b": 7.0}, 8)
    assert clock.end_epoch().losses == {"b": 7.0}


def test_a_pause_counts_in_no_time():
    config = Config(epochs=4, joint_epochs=6)
    clock = Clock(config, Countdown(plan(Job(1000, (1, 28, 28), config))))
    clock.start_epoch("autoencoder", 10)
    clock.tick({"a": 1.0}, 8)
    before = clock.note("before")
    clock.pause(1000.0)
    after = clock.note("after")
    assert after.seconds - before.seconds == pytest.approx(-1000.0, abs=1.0)
    assert (before.paused, after.paused) == (None, 1000.0)
    assert after.remaining == pytest.approx(before.remaining, rel=0.01, abs=1.0)


def test_steps_count_as_pieces_of_their_stage_also_after_an_interruption():
    config = Config(epochs=2, joint_epochs=2)
    clock = Clock(config, Countdown(plan(Job(1000, (1, 28, 28), config))))
    for stage in ("autoencoder", "autoencoder", "joint"):
        clock.start_epoch(stage, 5)
        for _ in range(5):
            clock.tick({"a": 1.0}, 8)
        clock.end_epoch()
    assert clock.countdown.done == {"stage 2": 5}
    assert clock.countdown.spent["stage 1"][1] == 10
    later = Clock(config, Countdown(plan(Job(1000, (1, 28, 28), config))))
    later.measured = clock.measured
    assert later.countdown.spent == clock.countdown.spent
    assert later.remaining() == pytest.approx(clock.countdown.estimate(), rel=0.01)


def test_without_a_plan_nothing_is_promised():
    assert Clock(Config()).note("at the beginning").remaining is None

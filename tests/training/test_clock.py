"""The clock of training: what its events average."""

import pytest

from dsc_core.config import Config
from dsc_core.training.clock import Clock


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


def started(**settings):
    """A clock in the middle of the first epoch of stage 1, whose epochs have taken 2 s each."""
    clock = Clock(Config(epochs=4, joint_epochs=6, refresh=2, **settings))
    for _ in range(2):
        clock.start_epoch("autoencoder", 10)
        clock.tick({"a": 1.0}, 8)
        clock.end_epoch()
    clock.epoch_seconds["autoencoder"] = [2.0, 2.0]
    return clock


def test_the_time_left_holds_the_graphs_and_the_labelling():
    """2 epochs of stage 1 and 6 of stage 2 are left, and 4 graphs: before stage 2, twice in it, and for the labels."""
    clock = started()
    clock.epoch_seconds["joint"] = [5.0]
    clock.graph_seconds = [7.0, 7.0]
    assert clock.remaining(clock.epoch_began, epoch_over=True) == pytest.approx(2 * 2 + 6 * 5 + 4 * 7)
    assert started(readout="kmeans").remaining(0.0, True) < started().remaining(0.0, True)


def test_the_time_left_is_never_zero_while_something_is_left():
    clock = started()
    clock.graph_seconds = [7.0]
    clock.stage, clock.epoch = "joint", 10
    clock.epoch_seconds["joint"] = [5.0] * 6
    assert clock.remaining(clock.epoch_began, epoch_over=True) == 7.0
    clock.start_labels()
    assert clock.remaining(clock.epoch_began + 3.0) == pytest.approx(4.0)
    assert clock.remaining(clock.epoch_began + 8.0) is None, "it takes longer than expected"


def test_a_pause_counts_in_no_time():
    clock = started()
    clock.start_epoch("autoencoder", 10)
    clock.tick({"a": 1.0}, 8)
    before = clock.note("before")
    clock.pause(1000.0)
    after = clock.note("after")
    assert after.seconds - before.seconds == pytest.approx(-1000.0, abs=1.0)
    assert (before.paused, after.paused) == (None, 1000.0)
    assert after.remaining <= before.remaining

"""The clock of training: what its events average."""

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

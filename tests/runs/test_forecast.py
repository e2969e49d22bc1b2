"""When a queued run starts and how long it takes, from the runs before it and what is expected of each."""

import pytest

from dsc_core.events import Event
from dsc_core.runs import forecast, queue
from dsc_core.runs.expectation import about


@pytest.fixture
def three(store, dataset, config):
    """Three runs of the same settings: one that trains, and two that wait, in this order."""
    runs = [store.create(dataset, config, name=f"run {i}") for i in range(3)]
    store.claim(runs[0])
    for run_id in runs[1:]:
        store.index.enqueue(run_id)
    return runs


def ask(store, run_id, places=1):
    running = [run for run in store.list() if run.status == "running"]
    return forecast.starts_in(store, run_id, running, queue.waiting(store), places)


def remains(store, run_id, seconds):
    store.append(run_id, Event("progress", "joint", 1, 2, 3, remaining=seconds))
    store.append(run_id, Event("note", "joint", message="A note has no estimate."))


def test_a_queue_is_worked_off_in_its_order(store, three):
    remains(store, three[0], 400.0)
    start, whole = ask(store, three[1])
    assert start == 400.0
    assert ask(store, three[2])[0] == pytest.approx(400.0 + whole.seconds)
    assert queue.outlook(store, three[1]) == (
        f"Number 1 of 2 in the queue. It starts in {about(400)}, when an earlier run has ended, and then takes"
        f" {whole.words}."
    )


def test_with_two_places_the_first_to_end_makes_room(store, three):
    store.index.update_run(three[1], status="running", queued=None)
    remains(store, three[0], 400.0)
    remains(store, three[1], 90.0)
    assert ask(store, three[2], places=2)[0] == 90.0
    assert ask(store, three[2], places=1)[0] == 400.0  # one of the two was started beside the other


def test_a_run_that_has_reported_nothing_is_expected_to_take_what_was_promised(store, three):
    run = store.get(three[0])
    whole = forecast.expected(store, run, [])
    assert forecast.seconds_left(run, whole, run.started + 1) == pytest.approx(whole.seconds - 1)
    assert forecast.seconds_left(run, whole, run.started + 1e6) == forecast.LEAST * whole.seconds
    assert 0 < ask(store, three[1])[0] <= whole.seconds


def test_where_nothing_is_known_nothing_is_said(store, three, monkeypatch):
    monkeypatch.setattr(forecast, "expected", lambda *_: None)
    assert ask(store, three[1]) == (None, None)
    assert queue.outlook(store, three[1]) == (
        "Number 1 of 2 in the queue. It starts when an earlier run has ended."
    )

"""Requests between two steps: new settings, pause, resume and stop."""

import pytest

from dsc_core.config import Config
from dsc_core.training import steering
from dsc_core.training.clock import Clock
from dsc_core.training.steering import Steering, Stopped


def poll(answers):
    """The events of one poll whose control gives these answers, the settings after it, and what was saved."""
    left, saved = iter(answers), []
    steered = Steering(Config(), lambda: next(left, {"stop": True}))
    steered.save = lambda: saved.append(steered.config)
    try:
        return list(steered.poll(Clock(Config()))), steered.config, saved
    except Stopped:
        return None, steered.config, saved


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(steering, "PAUSE_PERIOD", 0.0)


def test_nothing_requested_changes_and_saves_nothing():
    assert poll([{}]) == ([], Config(), [])


def test_a_changed_setting_is_one_event_and_is_saved():
    (event,), config, saved = poll([{"noise_level": 0.25, "prior": Config().prior}])
    assert event.changes == {"noise_level": [0.5, 0.25]}
    assert (config.noise_level, saved) == (0.25, [config])


def test_a_setting_that_is_not_live_stays():
    assert poll([{"clusters": 3}]) == ([], Config(), [])


def test_a_pause_lasts_until_the_resume_and_takes_settings_meanwhile():
    events, config, saved = poll([{"pause": True}, {}, {"noise_level": 0.1}, {"resume": True}])
    assert [event.changes for event in events] == [{"noise_level": [0.5, 0.1]}]
    assert config.noise_level == 0.1
    assert [one.noise_level for one in saved] == [0.5, 0.1]


def test_a_stop_ends_a_pause():
    events, _, saved = poll([{"pause": True}, {"stop": True}])
    assert events is None
    assert len(saved) == 1


def test_a_long_computation_ends_where_a_stop_is_requested(monkeypatch):
    monkeypatch.setattr(steering, "CHECK_PERIOD", 0.0)
    answers = iter([{"pause": True}, {"stop": True}])
    steered = Steering(Config(), lambda: next(answers, {}))
    steered.check_cancelled()
    with pytest.raises(Stopped):
        steered.check_cancelled()
    assert steered.take() == {"pause": True, "stop": True}, "the requests are still there for the next poll"


@pytest.mark.parametrize(
    ("requests", "last"),
    [
        ([{"pause": True}, {"resume": True}], {"resume": True}),
        ([{"resume": True}, {"pause": True}], {"pause": True}),
    ],
)
def test_requests_during_a_long_computation_wait_for_the_next_step(requests, last, monkeypatch):
    monkeypatch.setattr(steering, "CHECK_PERIOD", 0.0)
    answers = iter([*requests, {"noise_level": 0.3}])
    steered = steering.Steering(Config(), lambda: next(answers, {}))
    for _ in range(3):
        steered.check_cancelled()
    assert steered.take() == last | {"noise_level": 0.3}
    assert steered.take() == {}


def test_a_pause_is_left_out_of_all_times(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(steering.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(steering.time, "sleep", lambda _: now.__setitem__(0, now[0] + 60))
    clock = Clock(Config(), began=now[0], marked=now[0])
    clock.start_epoch("autoencoder", 2)
    now[0] += 3.0
    answers = iter([{"pause": True}, {}, {"noise_level": 0.1}, {"resume": True}])
    events = list(Steering(Config(), lambda: next(answers, {})).poll(clock))
    assert [(event.seconds, event.paused) for event in events] == [(3.0, 120.0)]
    now[0] += 2.0
    assert clock.tick({"a": 1.0}, 10).images_per_second == 2.0
    assert (clock.end_epoch().seconds, clock.paused) == (5.0, 180.0)
    assert clock.countdown.spent == {"stage 1": [5.0, 1]}

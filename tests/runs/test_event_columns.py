"""Events as columns hold what the events hold one by one."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_core.config import Config
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.runs import Store, event_log
from dsc_core.runs.event_columns import CURVED, LAST, read_columns

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0, 3, float("nan"), float("inf"), -float("inf"), None])
)
LOSSES = st.dictionaries(st.sampled_from(["total", "global_mi", "ü"]), NUMBERS, max_size=3)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["progress", "progress", "epoch", "note", "evaluation", "done"]),
    stage=st.sampled_from(["autoencoder", "joint"]),
    step=st.integers(0, 9),
    losses=LOSSES,
    seconds=st.floats(0, 1e6),
    message=st.sampled_from(["", "NaN in it", 'a "quoted" line\nand a second']),
    scores=st.sampled_from([{}, {}, {"acc": 0.5}]),
    changes=st.sampled_from([{}, {}, {"noise_level": [0.5, 1]}]),
    paused=st.sampled_from([None, 0.0, 3.5]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=60))
def test_the_columns_hold_the_losses_of_all_events(events):
    columns = read_columns([event.to_json() for event in events])
    points = [event for event in events if event.kind in CURVED and event.losses]
    points = [event for i, event in enumerate(points) if not i or points[i - 1].step != event.step]
    assert columns.steps.tolist() == [event.step for event in points]
    for name in {name for event in points for name in event.losses}:
        expected = np.array([event.losses.get(name, np.nan) for event in points], float)
        np.testing.assert_array_equal(columns.losses[name], expected)
    stages = {}
    for event in points:
        stages.setdefault(event.stage, event.step)
    assert columns.stages == stages


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=60))
def test_every_event_that_holds_more_than_losses_is_named(events):
    others = set(read_columns([event.to_json() for event in events]).others)
    assert set(range(max(len(events) - LAST, 0), len(events))) <= others
    for position, event in enumerate(events):
        if event.kind not in CURVED or event.scores or event.changes or event.back_to is not None:
            assert position in others
    pauses = [event.paused or 0.0 for event in events]
    assert all(i in others for i in range(1, len(events)) if pauses[i] != pauses[i - 1])


@pytest.mark.parametrize("value", ["text", [1.0], {"a": 1}, True])
def test_a_loss_of_another_type_is_left_to_reading_one_by_one(value):
    event = json.loads(Event("progress", "joint", losses={"total": 1.0}).to_json())
    texts = [json.dumps(event | {"losses": {"total": value}})] * 30
    assert read_columns(texts) is None
    assert read_columns([*texts, json.dumps(event)]) is None


def test_a_step_that_is_no_whole_number_is_left_to_reading_one_by_one():
    assert (
        read_columns(['{"kind": "progress", "stage": "joint", "step": "x", "losses": {"total": 1}}']) is None
    )


def test_a_field_of_a_later_version_makes_an_event_one_to_be_read_by_itself():
    texts = [Event("progress", "joint", step=i, losses={"total": 1.0}).to_json() for i in range(100)]
    texts[3] = texts[3][:-1] + ', "of_tomorrow": [1, "a"]}'
    columns = read_columns(texts)
    assert columns is None or 3 in columns.others


def test_the_log_gives_all_texts_in_order_however_many_are_read_together(tmp_path, monkeypatch):
    store = Store(tmp_path / "home")
    run_id = store.create(open_dataset("digits"), Config().replace(clusters=10))
    events = [Event("note", "joint", step=i, message=f"line {i}\nand another") for i in range(25)]
    for event in events:
        store.append(run_id, event)
    for together in (4, 5, 100):
        monkeypatch.setattr(event_log, "TOGETHER", together)
        for after in (0, 7, 25):
            last, texts = store.event_log.texts(run_id, after)
            assert [Event.from_json(text) for text in texts] == events[after:]
            assert last == 25
    store.close()

"""A run that ended early, on the Train page and among the Runs: what happened, what is kept, and Resume.

The workers are real processes; what they train is faked, see tests/runs/fakes.py.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.runs import checkpoints, failures, launcher, queue
from pages.shared import formatting
from tests.pages.trained import at

TRAIN, RUNS = "pages/views/train.py", "pages/views/runs.py"
FAKES = Path(__file__).parents[1] / "runs" / "fakes.py"


@pytest.fixture
def run_id(store, monkeypatch):
    """A run whose worker trains as FAKE says."""
    monkeypatch.setattr(launcher, "worker_command", lambda run: [sys.executable, str(FAKES), run])
    samples = np.random.default_rng(0).integers(0, 255, (30, 1, 8, 8)).astype(np.uint8)
    dataset = Dataset("few", samples, np.arange(30).astype(str), None, "image", (0.0, 1 / 255))
    return store.create(dataset, Config(clusters=3, device="cpu"))


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
    return found


def trained(store, run_id, monkeypatch, how):
    """Train the run in a worker until it ends."""
    monkeypatch.setenv("FAKE", how)
    queue.enqueue(store, run_id)
    until(lambda: store.get(run_id).finished)
    monkeypatch.setenv("FAKE", "")
    return store.get(run_id)


def resumed(app, store, run_id):
    """Press Resume; the run, done."""
    app.button(key="go_on").click().run()
    assert not app.exception
    until(lambda: store.get(run_id).finished)
    assert store.get(run_id).status == "done", store.get(run_id).reason
    return store.get(run_id)


def steps(store, run_id):
    return [e.step for _, e in store.events(run_id) if e.kind == "progress" and e.stage == "joint"]


def test_a_full_disk_is_one_sentence_and_resume_goes_on_after_the_kept_epoch(app, store, run_id, monkeypatch):
    trained(store, run_id, monkeypatch, "raise:full")
    at(app, run_id, TRAIN)
    assert [one.value for one in app.error] == [
        formatting.plain(f"{failures.DISK_FULL} Resuming continues after epoch 1 of 3.")
    ]
    assert app.button(key="go_on").label == "Resume"
    resumed(app, store, run_id)
    assert steps(store, run_id) == list(range(1, 31)), "none twice, none lost"
    app.run()
    assert not app.error
    assert "go_on" not in [button.key for button in app.button]
    assert "to_results" in [button.key for button in app.button]


def test_a_truncated_checkpoint_is_told_before_and_after_and_the_one_before_serves(
    app, store, run_id, monkeypatch
):
    monkeypatch.setenv("FAKE", "endless")
    queue.enqueue(store, run_id)
    until(lambda: [one.epoch for one in store.checkpoints(run_id)][:1] > [1])
    os.kill(store.get(run_id).pid, signal.SIGKILL)
    until(lambda: store.get(run_id).status == "failed")
    newest, before = store.checkpoints(run_id)
    os.truncate(newest.path / checkpoints.ARRAYS, 40)
    monkeypatch.setenv("FAKE", "")
    at(app, run_id, TRAIN)
    damaged = f"The checkpoint of epoch {newest.epoch} is truncated or damaged."
    told = f"{failures.KILLED} {damaged} Resuming continues {before.position}."
    assert [one.value for one in app.error] == [formatting.plain(told)]
    resumed(app, store, run_id)
    warning, note = [event for _, event in store.events(run_id) if event.back_to is not None]
    assert (warning.level, warning.message) == ("warning", f"{damaged} Training uses the one before it.")
    assert note.message == f"Continues {before.position}."
    assert steps(store, run_id) == list(range(1, max(30, before.step) + 1))
    app.run()
    assert any(formatting.plain(damaged) in text.value for text in app.markdown), "it stands among the notes"


def test_without_a_checkpoint_it_can_be_started_again(app, store, run_id, monkeypatch):
    trained(store, run_id, monkeypatch, "raise:ValueError")
    for one in store.checkpoints(run_id):
        (one.path / checkpoints.FACTS).write_text("{")
    at(app, run_id, TRAIN)
    assert "begins anew" in app.error[0].value
    assert app.button(key="go_on").label == "Restart"
    resumed(app, store, run_id)
    assert steps(store, run_id) == list(range(1, 31))


def test_a_run_that_was_stopped_goes_on_too_and_one_that_is_done_does_not(app, store, run_id, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    queue.enqueue(store, run_id)
    until(lambda: store.checkpoints(run_id))
    store.control(run_id, stop=True)
    until(lambda: store.get(run_id).finished)
    monkeypatch.setenv("FAKE", "")
    at(app, run_id, TRAIN)
    shown = [button.key for button in app.button]
    assert ("go_on" in shown) == store.checkpoints(run_id)[0].left
    if "go_on" in shown:
        resumed(app, store, run_id)
        app.run()
        assert "go_on" not in [button.key for button in app.button]


def test_a_failed_run_can_be_resumed_from_the_list_of_runs(app, store, run_id, monkeypatch):
    trained(store, run_id, monkeypatch, "raise:MemoryError")
    at(app, run_id, RUNS)
    key = app.dataframe[0].proto.id.rsplit("-", 1)[-1]
    app.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert any(formatting.plain(failures.OUT_OF_MEMORY) in text.value for text in app.caption)
    resumed(app, store, run_id)
    assert steps(store, run_id) == list(range(1, 31))

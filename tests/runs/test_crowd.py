"""Many at one workspace at once: two readers of the Train page, the command line, and more runs than may train."""

import pytest

from tests.benchmarks import crowd


@pytest.mark.slow
def test_a_crowd_loses_no_event_and_meets_no_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE", "")  # which `crowd` sets, as it does the worker's command
    monkeypatch.setattr(crowd.launcher, "worker_command", None)
    found = crowd.crowd(tmp_path / "home", runs=6, events=1000, pace=0.1, rest=1)
    assert found.errors == []
    assert (found.runs, found.done) == (6, 6)
    # Of each run, beside its steps: two maps are drawn, and it is done.
    assert found.events == sum(crowd.PER_EPOCH * of["epochs"] + 3 for _, of in crowd.sizes(6, 1000))
    assert found.events >= 1000
    assert found.commands
    assert len(found.alone) == 2, "both readers stayed to the end"

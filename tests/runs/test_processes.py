"""Whether a run's process lives: its identity tells where it is known, else its heartbeats, whatever the clocks say."""

import os
import time

import pytest

from dsc_core.runs import processes

HOUR = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock of this machine, which a test sets forward."""
    now = [0.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(processes, "_heard", {})
    return now


@pytest.mark.parametrize("age", [-1000 * HOUR, -HOUR, 0.0, HOUR, 1000 * HOUR])
def test_a_process_that_can_be_looked_at_lives_or_not_whatever_its_heartbeat(age):
    mine = processes.identity(os.getpid())
    if mine is None:
        pytest.skip("processes have no identity on this system")
    heartbeat = time.time() - age
    assert processes.alive(os.getpid(), mine, heartbeat)
    assert not processes.alive(os.getpid(), f"{mine}0", heartbeat), "its id was given to another process"
    assert not processes.alive(2**22 + 1, f"{processes.boot_id()}/1", heartbeat), "there is no such process"


@pytest.mark.parametrize("identity", [None, "another-boot/pid:[1]/12345"])
@pytest.mark.parametrize(
    ("age", "lives"),
    [(0.0, True), (30.0, True), (-30.0, True), (61.0, False), (-61.0, False), (-1000 * HOUR, False)],
)
def test_else_a_recent_heartbeat_tells_and_one_in_the_future_does_not(identity, age, lives, clock):
    assert processes.alive(1, identity, time.time() - age) is lives
    assert not processes.alive(1, identity, None)


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_a_process_by_a_clock_that_is_wrong_lives_while_its_heart_beats(off, clock):
    first = time.time() + off
    assert not processes.alive(1, None, first)
    assert processes.alive(1, None, first + 5), "it moved on"
    clock[0] += processes.SILENCE - 1
    assert processes.alive(1, None, first + 5)
    clock[0] += 2
    assert not processes.alive(1, None, first + 5), "nothing came for a minute"
    assert processes.alive(1, None, first + 70)
    assert not processes.alive(2, None, first + 70), "another process"

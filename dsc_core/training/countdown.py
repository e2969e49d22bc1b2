"""What is left of a run: first from what its parts are expected to take, then more and more from what they have taken.

Every second of a run belongs to one part of one phase. `enter` ends the part before it. A part is done in pieces: a
step of training, or the whole of one graph, each with the seconds that it is expected to take.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RUNNING_IN = 0.03  # of all expected time: for so much the expectation counts against what was measured
MEMORY = 0.1  # of the expected time, after which a measurement, or the expectation itself, counts half
OUTLIER = 50.0  # times longer or shorter than expected; what is further off says no more about the machine
LEAST = 0.1  # of a piece: so much of it is left, as far as one can tell, until it is over
LATE = 0.05  # of the time that a piece has taken: so much is left of one that takes far longer than expected
SETTLING = 0.05  # of the time left, in which a new estimate takes the place of the last one


@dataclass(frozen=True)
class Load:
    """How often a part is done in a phase, and the seconds that each time is expected to take.

    share: of what is left of the part, how much is expected to be done; below 1 where a phase may end early.
    """

    pieces: float
    seconds: float
    share: float = 1.0

    @property
    def total(self) -> float:
        """The expected seconds of the part in this phase."""
        return self.pieces * self.seconds * self.share


Plan = dict[str, dict[str, Load]]  # by phase, in their order, then by part


def total_seconds(plan: Plan) -> float:
    """The expected seconds of a whole plan."""
    return sum(load.total for loads in plan.values() for load in loads.values())


class Countdown:
    """Measures the parts of a run and says how many seconds are left of all.

    plan: what is expected. timer: gives the present second; pauses are taken out by `pause`. spent: by part, [seconds,
    pieces] so far. done: pieces by part in the present phase.
    """

    def __init__(self, plan: Plan, timer: Callable[[], float] = lambda: time.monotonic()) -> None:
        self.plan, self.timer = plan, timer
        self.phase = next(iter(plan), "")
        self.part = ""
        self.counted = False  # whether pieces of the present part were counted one by one
        self.began = self.shown_at = timer()
        self.shown: float | None = None
        self.done: dict[str, float] = {}
        self.spent: dict[str, list[float]] = {}
        # By part: measured and expected seconds, the older ones faded, and what the expectation still counts.
        self.paces = [0.0, 0.0, RUNNING_IN * total_seconds(plan)]  # the same for all parts, in logarithms
        self.recent: dict[str, list[float]] = {}

    # -- what happens ----------------------------------------------------------------------------------------

    def enter(self, part: str, phase: str | None = None) -> None:
        """A part begins, perhaps with a new phase; the part before it is over."""
        self._close(0 if self.counted else 1)
        if phase is not None and phase != self.phase:
            self.phase, self.done, self.shown = phase, {}, None
        self.part, self.counted = part, False

    def count(self) -> None:
        """A piece of the present part is done, and the next one begins."""
        self._close(1)
        self.counted = True

    def pause(self, seconds: float) -> None:
        """Leave `seconds` that just passed out of all times."""
        self.began, self.shown_at = self.began + seconds, self.shown_at + seconds

    def _close(self, pieces: int) -> None:
        now = self.timer()
        seconds, self.began = max(now - self.began, 0.0), now
        if not self.part:
            return
        spent = self.spent.setdefault(self.part, [0.0, 0])
        spent[0], spent[1] = spent[0] + seconds, spent[1] + pieces
        if pieces:
            self.done[self.part] = self.done.get(self.part, 0) + pieces
            self._learn(self.part, seconds, self._expected(self.part))

    def _learn(self, part: str, seconds: float, expected: float) -> None:
        """Take in that a piece of a part took `seconds`, where `expected` were expected."""
        if expected <= 0:
            return
        before = self.recent.get(part) or self._nothing_measured(part)
        self.recent[part] = _faded(before, [seconds, expected, 0.0], expected / self._total(part))
        pace = expected * _log_ratio(seconds, expected)
        self.paces = _faded(self.paces, [pace, expected, 0.0], expected / total_seconds(self.plan))

    def _nothing_measured(self, part: str) -> list[float]:
        return [0.0, 0.0, MEMORY * self._total(part)]

    # -- what is left ----------------------------------------------------------------------------------------

    def remaining(self) -> float:
        """The estimated seconds until the end of the plan, never below zero. A new estimate is taken over smoothly."""
        now, new = self.timer(), self.estimate()
        if self.shown is not None:
            passed = max(now - self.shown_at, 0.0)
            due = max(self.shown - passed, 0.0)
            new = due + (new - due) * min(1.0, passed / max(SETTLING * new, 1.0))
        self.shown, self.shown_at = new, now
        return new

    def estimate(self) -> float:
        """The seconds until the end of the plan by what is known at this moment."""
        elapsed, phases = max(self.timer() - self.began, 0.0), list(self.plan)
        pace = self._pace(elapsed)
        later = phases[phases.index(self.phase) + 1 :] if self.phase in self.plan else []
        left = sum(
            load.total * self._ratio(part, pace) for name in later for part, load in self.plan[name].items()
        )
        for part, load in self.plan.get(self.phase, {}).items():
            pieces = max(load.pieces - self.done.get(part, 0), 0)
            each = load.seconds * self._ratio(part, pace)
            if part == self.part:  # one piece of it is running
                left += _rest(each, elapsed)
                pieces = max(pieces - 1, 0)
            left += pieces * load.share * each
        return left

    def _pace(self, elapsed: float) -> float:
        """How much longer than expected everything takes: 1 at first, 2 where the machine is twice slower."""
        logarithms, expected, prior = self.paces
        running = self._expected(self.part)
        if elapsed > running > 0:  # the running piece shows already that it takes longer
            logarithms += running * _log_ratio(elapsed, running)
            expected += running
        return math.exp(logarithms / (expected + prior)) if expected + prior else 1.0

    def _ratio(self, part: str, pace: float) -> float:
        """How much longer than expected a part takes; `pace` until it was measured."""
        seconds, expected, prior = self.recent.get(part) or self._nothing_measured(part)
        return (seconds + prior * pace) / (expected + prior) if expected + prior else pace

    def _expected(self, part: str) -> float:
        """The seconds that a piece of a part is expected to take in the present phase; 0 where none was expected."""
        load = self.plan.get(self.phase, {}).get(part)
        return load.seconds if load else 0.0

    def _total(self, part: str) -> float:
        """The expected seconds of a part in all phases, at least those of one piece."""
        loads = [loads[part] for loads in self.plan.values() if part in loads]
        return max([sum(load.total for load in loads), *(load.seconds for load in loads)], default=0.0)

    # -- for a checkpoint ------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Any]:
        """What was measured, in types that JSON has."""
        names = ("phase", "part", "counted", "done", "spent", "recent", "paces")
        return {name: getattr(self, name) for name in names} | {"elapsed": self.timer() - self.began}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        state = dict(state)
        self.began, self.shown = self.timer() - state.pop("elapsed", 0.0), None
        for name, value in state.items():
            setattr(self, name, value)


def _faded(before: list[float], new: list[float], share: float) -> list[float]:
    """`before` as it counts once a `share` of the expected time has passed since, and `new` beside it."""
    fading = 0.5 ** (share / MEMORY)
    return [fading * old + more for old, more in zip(before, new, strict=True)]


def _log_ratio(seconds: float, expected: float) -> float:
    return math.log(min(max(seconds / expected, 1 / OUTLIER), OUTLIER))


def _rest(expected: float, elapsed: float) -> float:
    """What is left of a piece of `expected` seconds that began `elapsed` seconds ago; it never ends by itself."""
    return max(expected - elapsed, LEAST * expected, LATE * elapsed)

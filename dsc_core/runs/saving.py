"""When the states of a training are written as checkpoints: not each one where epochs are short."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsc_core.runs import checkpoints, claim, failures
from dsc_core.training.costs import SAVE_EVERY

if TYPE_CHECKING:
    from dsc_core.runs.run import Run
    from dsc_core.runs.store import Store
    from dsc_core.training.checkpoint import State


@dataclass
class Saver:
    """Writes the newest state of a run, at most one in SAVE_EVERY seconds unless somebody has asked for something.

    warn: called with a sentence where the disk refuses a checkpoint. requested: somebody has asked for something since
    the last one. unsaved: the newest state that was not written, and the number of the last event before it. written:
    when one was, by the monotonic clock. failing: whether the last one was refused.
    """

    store: Store
    run: Run
    warn: Callable[[str], None]
    requested: bool = False
    unsaved: tuple[State, int] | None = None
    written: float | None = None
    failing: bool = False

    def keep(self, state: State, events: int) -> None:
        """Write a state, or put it off where the last one is fresh. events: the number of the last event before it."""
        self.unsaved = state, events
        if self.requested or self.written is None or time.monotonic() - self.written >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the newest state; if the disk refuses it, training continues and the one before stays."""
        if not self.unsaved:
            return
        claim.check(self.store, self.run)
        (state, events), self.unsaved = self.unsaved, None
        self.requested, self.written = False, time.monotonic()
        try:
            checkpoints.save(self.run.folder, state, events)
            self.failing = False
        except OSError as error:
            if not self.failing:
                self.failing = True
                reason = failures.os_reason(error)
                message = f"The checkpoint {state.position} could not be saved: {reason}."
                self.warn(f"{message} Training continues; earlier checkpoints remain.")

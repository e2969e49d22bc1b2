"""The last good state of training: saving it, and stepping back to it after a bad loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dsc_core.config import KNOBS
from dsc_core.errors import RunError
from dsc_core.events import Event
from dsc_core.knobs import plain_number
from dsc_core.training.checkpoint import State, pack, unpack
from dsc_core.training.divergence import ADVICE, Diverged
from dsc_core.training.trainer import Trainer

SETBACKS = 3  # times that training steps back

SaveState = Callable[[State], None]


@dataclass
class Keeper:
    """Keeps the last good state, hands it to `checkpoint`, and brings training back to it."""

    trainer: Trainer
    checkpoint: SaveState | None
    good: State | None = None

    def save(self) -> None:
        """Keep the present state and hand it on; Diverged where the networks are destroyed."""
        self.keep()
        if self.checkpoint and self.good:
            self.checkpoint(self.good)

    def keep(self) -> None:
        """Keep the present state; Diverged where the weights are NaN, which the loss has yet to show."""
        trainer = self.trainer
        trainer.settle()
        finite = [torch.isfinite(value).all() for value in trainer.nets.state_dict().values()]
        if not torch.stack(finite).all():  # one look at the device for all of them
            raise Diverged(f"The networks' weights are NaN or infinite; {ADVICE}")
        self.good = pack(
            trainer.nets, trainer.optimiser, trainer.rng, trainer.clock, trainer.config, trainer.carry
        )

    def go_to(self, state: State) -> None:
        """Make `state` the present one, under the settings as they are now."""
        trainer = self.trainer
        trainer.start_stage(state.stage)
        unpack(state, trainer.nets, trainer.optimiser, trainer.rng, trainer.clock, trainer.carry)
        self.good = state

    def step_back(self, error: Diverged) -> Event:
        """Return to the last good state with half the learning rate; after SETBACKS times `error` is final."""
        clock, carry, steering = self.trainer.clock, self.trainer.carry, self.trainer.steering
        setbacks, step, began, paused = carry.setbacks + 1, clock.step, clock.began, clock.paused
        if setbacks > SETBACKS or self.good is None:
            raise RunError(str(error)) from error
        old = steering.config.learning_rate
        new = max(old / 2, KNOBS["learning_rate"].low or 0.0)
        steering.config = steering.config.replace(learning_rate=new)
        self.go_to(self.good)
        # The undone steps stay in the events, so steps and time count on.
        carry.setbacks, clock.step, clock.began, clock.paused = setbacks, step, began, paused
        message = (
            f"{str(error).split(';')[0]}: training returns to its state {self.good.position} with half the learning"
            f" rate, {plain_number(old)} → {plain_number(new)} ({setbacks} of at most {SETBACKS} times)."
        )
        return clock.note(message, level="warning", changes={"learning_rate": [old, new]})

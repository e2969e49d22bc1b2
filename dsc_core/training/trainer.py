"""One step of training: the weighted sum, its gradients, the checks of the loss, the learning rate, the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.events import Event
from dsc_core.method.networks.networks import Networks
from dsc_core.training import distributed
from dsc_core.training.checkpoint import Carry
from dsc_core.training.clock import Clock, magnitude
from dsc_core.training.steering import Steering

EXPLODED = 1e4  # times the previous epoch's terms: no change of a setting and no odd sample does that
ADVICE = "try a smaller learning_rate or smaller weights."


class Diverged(RunError):
    """The loss is NaN or infinite, or has exploded."""


@dataclass
class Trainer:
    """The networks in training, with all that changes from step to step."""

    nets: Networks
    steering: Steering
    clock: Clock
    rng: np.random.Generator
    carry: Carry = field(default_factory=Carry)

    def __post_init__(self) -> None:
        self.start_stage("autoencoder")

    @property
    def config(self) -> Config:
        """The settings as they are now."""
        return self.steering.config

    def start_stage(self, stage: str) -> None:
        """Begin with a new optimiser for the parameters that the stage trains."""
        self.optimiser = make_optimiser(self.nets, stage, self.config)
        self.synchronised: Callable[..., Any] | None = None

    def compute(self, terms: Callable[..., Any], *arguments: Any) -> Any:
        """`terms(nets, *arguments)`, with gradients averaged over all processes."""
        if self.synchronised is None:
            self.synchronised = distributed.averaged(self.nets)
        return self.synchronised(terms, *arguments)

    def step(self, terms: dict[str, Tensor], images: int) -> Event | None:
        """One step down the weighted sum of the terms of a batch; an event about once per second."""
        loss = objective.total(terms, self.config, self.clock.stage)
        self.optimiser.zero_grad(set_to_none=True)
        if loss.requires_grad:  # where every weight is zero, there is nothing to learn
            # Before the check: no process may leave the others waiting for its gradients.
            loss.backward()
        values = {name: float(term.detach()) for name, term in terms.items()}
        values["total"] = float(loss.detach())
        self.check(values)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.clock)
        self.optimiser.step()
        return self.clock.tick(values, images)

    def check(self, values: dict[str, float]) -> None:
        """Diverged where the loss must not be followed: one step on NaN would destroy the networks."""
        if not np.isfinite(values["total"]):
            raise Diverged(f"The loss is NaN or infinite; {ADVICE}")
        size = magnitude(values)
        if self.clock.usual is None:
            self.clock.usual = size
        if size > EXPLODED * max(self.clock.usual, 1.0):
            raise Diverged(f"The loss has exploded; {ADVICE}")


def make_optimiser(nets: Networks, stage: str, config: Config) -> torch.optim.Optimizer:
    """A new Adam for the parameters that a stage trains.

    Fused: one pass over each parameter and its moments, on the CPU in less than a third of the time of several.
    """
    joint = [parameter for parameter in nets.parameters() if parameter.requires_grad]
    trained = nets.stage_one() if stage == "autoencoder" else joint
    return torch.optim.Adam(trained, config.learning_rate, fused=True)


def learning_rate(config: Config, clock: Clock) -> float:
    """Adam's step size now: constant in stage 1, and falling evenly from epoch to epoch of stage 2."""
    done = clock.epoch - 1 - config.epochs if clock.stage == "joint" else 0
    return config.learning_rate * (1 - (1 - config.final_rate) * done / max(config.joint_epochs, 1))

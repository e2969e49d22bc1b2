"""One step of training: the weighted sum, its gradients, the checks of the loss, the learning rate, the optimiser."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.events import Event
from dsc_core.method.networks.networks import Networks
from dsc_core.method.optimiser import adam
from dsc_core.training import distributed
from dsc_core.training.checkpoint import Carry
from dsc_core.training.clock import Clock, magnitude
from dsc_core.training.divergence import EXPLODED, NOT_FINITE, TOO_LARGE, bad_loss
from dsc_core.training.steering import Steering

FALLBACK = "The orthonormalisation fell back to QR: the batch spans fewer than K′ dimensions."


class Settling(Protocol):
    """Steps whose sums lie on the device; see `captured.StaticSteps`."""

    def step(self, index: np.ndarray) -> Iterator[Event]:
        """One step, with the event that is due. index: (m,)."""

    def settle(self) -> None:
        """Take in the sums; Diverged where one of the steps was bad."""


@dataclass
class Trainer:
    """The networks in training, with all that changes from step to step.

    static: the steps of the present stage where they are recorded; None where each is done anew. records: whether
    recording was never seen to fail. notes: what there is to report at the next event. alarmed: whether it was said
    that stage 1 is dead.
    """

    nets: Networks
    steering: Steering
    clock: Clock
    rng: np.random.Generator
    carry: Carry = field(default_factory=Carry)
    static: Settling | None = None
    records: bool = True
    notes: list[Event] = field(default_factory=list)
    alarmed: bool = False

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
        self.static = None
        self.rate = self.config.learning_rate

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
        self.set_rate()
        self.optimiser.step()
        return self.clock.tick(values, images)

    def set_rate(self) -> None:
        """Bring the optimiser to the present learning rate."""
        if (rate := learning_rate(self.config, self.clock)) == self.rate:
            return
        self.rate = rate
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):  # a recorded step reads this very tensor
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def settle(self) -> None:
        """Take in what the steps have summed on the device; Diverged where one of them was bad."""
        if self.static is not None:
            self.static.settle()

    def taken_notes(self) -> list[Event]:
        """The notes so far, which are thereby reported."""
        notes, self.notes = self.notes, []
        return notes

    def note_fallbacks(self, count: int) -> None:
        """Count orthonormalisations without a Cholesky factor, and note the first."""
        if not self.carry.fallbacks:
            self.notes.append(self.clock.note(FALLBACK, level="warning"))
        self.carry.fallbacks += count

    def check(self, values: dict[str, float]) -> None:
        """Diverged where the loss must not be followed: one step on NaN would destroy the networks."""
        if not np.isfinite(values["total"]):
            raise bad_loss(NOT_FINITE)
        size = magnitude(values)
        if self.clock.usual is None:
            self.clock.usual = size
        if size > EXPLODED * max(self.clock.usual, 1.0):
            raise bad_loss(TOO_LARGE)


def make_optimiser(nets: Networks, stage: str, config: Config) -> torch.optim.Optimizer:
    """A new Adam for the parameters that a stage trains.

    Fused: one pass over each parameter and its moments, on the CPU in less than a third of the time of several. On
    CUDA it can be recorded in a graph, which reads the learning rate from a tensor.
    """
    joint = [parameter for parameter in nets.parameters() if parameter.requires_grad]
    trained = nets.stage_one() if stage == "autoencoder" else joint
    if not nets.centres.is_cuda:
        return adam(trained, config.learning_rate)
    # The first steps of a size are not recorded, which torch takes for a mistake.
    warnings.filterwarnings("ignore", message="This instance was constructed with capturable=True")
    rate = torch.tensor(config.learning_rate, device=nets.centres.device)
    return adam(trained, rate, capturable=True)


def learning_rate(config: Config, clock: Clock) -> float:
    """Adam's step size now: constant in stage 1, and falling evenly from epoch to epoch of stage 2."""
    done = clock.epoch - 1 - config.epochs if clock.stage == "joint" else 0
    return config.learning_rate * (1 - (1 - config.final_rate) * done / max(config.joint_epochs, 1))

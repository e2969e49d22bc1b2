"""All that training is at one moment, as named arrays and plain facts, so that it can go on from there exactly.

`pack` copies it out of a training that runs, `unpack` puts it back into one that was just set up the same way.
Where and how such a state lies on the disk is `runs/checkpoints.py`'s affair.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np

from dsc_core.config import Config
from dsc_core.errors import RunError

VERSION = 1  # of what a State holds
COUNTERS = (
    "stage",
    "epoch",
    "step",
    "seen",
    "sums",
    "count",
    "epoch_sums",
    "epoch_count",
    "epoch_seconds",
    "batches",
    "epoch_step",
    "epoch_images",
    "usual",
)
TIMES = (
    "began",
    "marked",
    "epoch_began",
)  # kept as seconds ago: a clock of one process says nothing in another
CARRIED = ("last_loss", "fallbacks", "setbacks", "over")


@dataclass
class Carry:
    """What training takes along from step to step and from epoch to epoch, beside the networks and the clock.

    order: the batches of the epoch under way, each (m,) indices; None between two epochs.
    affinity: the graph of the whole data set, sparse (n, n). targets: (n,), the clusters that self-training asks
    for, −1 where none. labels: (n,), of the last joint epoch.
    last_loss: that epoch's mean. fallbacks: orthonormalisations by QR. setbacks: how often training went back
    after a loss that was no number. over: the joint stage has ended, perhaps early.
    """

    order: list[np.ndarray] | None = None
    affinity: object | None = None
    targets: np.ndarray | None = None
    labels: np.ndarray | None = None
    last_loss: float | None = None
    fallbacks: int = 0
    setbacks: int = 0
    over: bool = False


@dataclass(frozen=True)
class State:
    """Training at one moment. arrays: by name, on the CPU. facts: what JSON can hold; neither is ever changed."""

    arrays: dict[str, np.ndarray]
    facts: dict

    @property
    def config(self) -> Config:
        """The settings of that moment."""
        return Config.from_dict(self.facts["config"])

    @property
    def stage(self) -> str:
        """ "autoencoder" or "joint"."""
        return self.facts["clock"]["stage"]

    @property
    def step(self) -> int:
        """Steps done since training began."""
        return self.facts["clock"]["step"]

    @property
    def epoch(self) -> int:
        """The epoch that was just over, or that is under way; counted from 1 through both stages."""
        return self.facts["clock"]["epoch"]

    @property
    def epochs(self) -> int:
        """Epochs in all."""
        return self.config.epochs + self.config.joint_epochs

    @property
    def whole(self) -> bool:
        """Whether it is the end of an epoch, not the middle of one."""
        return self.facts["order"] is None

    @property
    def done(self) -> int:
        """Epochs that are over."""
        return self.epoch if self.whole else self.epoch - 1

    @property
    def left(self) -> bool:
        """Whether there is anything left to train; epochs that an early end left out count."""
        return not self.whole or self.epoch < self.epochs

    @property
    def seconds(self) -> float:
        """Seconds of training that led here."""
        return self.facts["times"]["began"]

    def branched(self, changes: dict) -> State:
        """The same state with other settings, free to train on where the joint stage had ended early."""
        facts = copy.deepcopy(self.facts)
        facts["config"] |= changes
        facts["carried"]["over"] = False
        return State(self.arrays, facts)

    @property
    def place(self) -> str:
        """The place in words: "after epoch 3 of 12", or "in epoch 4 of 12, after 5 of its 14 batches"."""
        if self.whole:
            return f"after epoch {self.epoch} of {self.epochs}" if self.epoch else "at the beginning"
        clock = self.facts["clock"]
        done = f"after {clock['epoch_step']} of its {clock['batches']} batches"
        return f"in epoch {self.epoch} of {self.epochs}, {done}"


def pack(nets, optimiser, rng: np.random.Generator, clock, config: Config, carry: Carry) -> State:
    """A copy of everything, to be taken between two steps. clock: `train.Clock`."""
    import torch

    tensors = {f"networks.{name}": value for name, value in nets.state_dict().items()}
    for name, parameter in nets.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{name}.{key}"] = value
    tensors["random.torch"] = torch.get_rng_state()
    if nets.centres.is_cuda:
        tensors["random.cuda"] = torch.cuda.get_rng_state(nets.centres.device)
    # In C order whatever the layout on the device: the names' strides are the networks' own affair.
    arrays = {name: np.array(value.detach().cpu().numpy(), order="C") for name, value in tensors.items()}
    if carry.order is not None:
        arrays["order"] = np.concatenate(carry.order)
    arrays |= {
        name: getattr(carry, name) for name in ("labels", "targets") if getattr(carry, name) is not None
    }
    if carry.affinity is not None:
        arrays |= {f"graph.{part}": getattr(carry.affinity, part) for part in ("data", "indices", "indptr")}
    now = time.monotonic()
    facts = {
        "config": config.to_dict(),
        "clock": copy.deepcopy({name: getattr(clock, name) for name in COUNTERS}),
        "times": {name: now - getattr(clock, name) for name in TIMES},
        "random": copy.deepcopy(rng.bit_generator.state),
        "carried": {name: getattr(carry, name) for name in CARRIED},
        "order": None if carry.order is None else [len(part) for part in carry.order],
    }
    return State(arrays, facts)


def unpack(state: State, nets, optimiser, rng: np.random.Generator, clock, carry: Carry) -> None:
    """The inverse of `pack`, in place: networks and optimiser are those of the state's config and stage.

    RunError where the state is not of networks like these.
    """
    import torch

    arrays, facts = state.arrays, copy.deepcopy(state.facts)
    try:
        nets.load_state_dict(
            {name: torch.tensor(arrays[f"networks.{name}"]) for name in nets.state_dict()}, strict=True
        )
        parameters = dict(nets.named_parameters())
        optimiser.state.clear()
        for name in arrays:
            if name.startswith("optimiser."):
                parameter, _, key = name.removeprefix("optimiser.").rpartition(".")
                put_back(optimiser, parameters[parameter], key, torch.tensor(arrays[name]))
        rng.bit_generator.state = facts["random"]
        torch.set_rng_state(torch.tensor(arrays["random.torch"]))
        if "random.cuda" in arrays and nets.centres.is_cuda:
            torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]), nets.centres.device)
        for name in COUNTERS:
            setattr(clock, name, facts["clock"][name])
        for name in TIMES:
            setattr(clock, name, time.monotonic() - facts["times"][name])
        for name in CARRIED:
            setattr(carry, name, facts["carried"][name])
        take_along(state, carry)
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise RunError("The checkpoint is of another version of the program; train a new run.") from error


def put_back(optimiser, parameter, key: str, value) -> None:
    """One tensor of the optimiser's memory, with the layout of its parameter, as the optimiser itself makes it."""
    import torch

    if value.dim():  # Adam's count of steps is a number, and stays on the CPU
        like = torch.empty_like(parameter, memory_format=torch.preserve_format, requires_grad=False)
        value = like.copy_(value)
    optimiser.state[parameter][key] = value


def take_along(state: State, carry: Carry) -> None:
    """The arrays that `carry` held."""
    import scipy.sparse as sparse

    arrays, lengths = state.arrays, state.facts["order"]
    carry.order = None if lengths is None else np.split(arrays["order"], np.cumsum(lengths)[:-1])
    carry.labels, carry.targets = arrays.get("labels"), arrays.get("targets")
    carry.affinity = None
    if "graph.data" in arrays:
        rows = len(arrays["graph.indptr"]) - 1
        parts = tuple(arrays[f"graph.{part}"] for part in ("data", "indices", "indptr"))
        carry.affinity = sparse.csr_matrix(parts, shape=(rows, rows))

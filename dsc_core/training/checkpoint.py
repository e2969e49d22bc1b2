"""The complete state of training at one moment, as named arrays and plain facts, from which it continues exactly.

`pack` copies it out of a running training, `unpack` puts it back into one that was just set up in the same way.
`runs/checkpoints.py` stores such states on disk.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.config import Config
from dsc_core.errors import RunError

if TYPE_CHECKING:  # PyTorch and SciPy are loaded only where they are needed
    import scipy.sparse as sparse
    import torch

    from dsc_core.method.networks.networks import Networks
    from dsc_core.training.clock import Clock

VERSION = 1  # of what a State holds
COUNTERS = (
    "stage",
    "epoch",
    "step",
    "seen",
    "sums",
    "counts",
    "count",
    "epoch_sums",
    "epoch_counts",
    "epoch_count",
    "batches",
    "epoch_step",
    "epoch_images",
    "usual",
    "paused",
    "measured",
)
# Saved as seconds ago: the monotonic clock of one process means nothing in another.
TIMES = ("began", "marked", "epoch_began")
ARRAYS = ("labels", "targets", "eigenvalues")
GRAPH_PARTS = ("data", "indices", "indptr")
CARRIED = ("last_loss", "fallbacks", "setbacks", "over")


@dataclass
class Carry:
    """What training carries from step to step and from epoch to epoch, beside the networks and the clock.

    order: the batches of the current epoch, (m,) indices each; None between two epochs.
    affinity: the graph of the whole data set, sparse (n, n). eigenvalues: of that graph, (dims,), descending.
    targets: (n,), the clusters for self-training, −1 where none. labels: (n,), of the last joint epoch. last_loss:
    its mean. fallbacks: orthonormalisations by QR. setbacks: how often training stepped back after a bad loss.
    over: stage 2 has ended, perhaps early.
    """

    order: list[np.ndarray] | None = None
    affinity: sparse.csr_matrix | None = None
    eigenvalues: np.ndarray | None = None
    targets: np.ndarray | None = None
    labels: np.ndarray | None = None
    last_loss: float | None = None
    fallbacks: int = 0
    setbacks: int = 0
    over: bool = False


@dataclass(frozen=True)
class State:
    """Training at one moment. arrays: by name, on the CPU. facts: in types that JSON has. Neither is ever changed."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]

    @property
    def config(self) -> Config:
        """The settings at that moment."""
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
        """The epoch just completed, or the current one; counted from 1 through both stages."""
        return self.facts["clock"]["epoch"]

    @property
    def epochs(self) -> int:
        """Epochs of both stages."""
        return self.config.epochs + self.config.joint_epochs

    @property
    def whole(self) -> bool:
        """Whether this is the end of an epoch, not the middle of one."""
        return self.facts["order"] is None

    @property
    def done(self) -> int:
        """Complete epochs."""
        return self.epoch if self.whole else self.epoch - 1

    @property
    def left(self) -> bool:
        """Whether anything is left to train, including epochs that an early end left out."""
        return not self.whole or self.epoch < self.epochs

    @property
    def seconds(self) -> float:
        """Seconds of training until then, without pauses."""
        return self.facts["times"]["began"]

    @property
    def paused(self) -> float:
        """Seconds of the pauses until then."""
        return self.facts["clock"].get("paused", 0.0)

    def branched(self, changes: dict[str, Any]) -> State:
        """The same state with other settings, and with the rest of a stage 2 that had ended early."""
        facts = copy.deepcopy(self.facts)
        facts["config"] |= changes
        facts["carried"]["over"] = False
        return State(self.arrays, facts)

    @property
    def position(self) -> str:
        """The position in words: "after epoch 3 of 12", or "in epoch 4 of 12, after 5 of its 14 batches"."""
        if self.whole:
            return f"after epoch {self.epoch} of {self.epochs}" if self.epoch else "at the beginning"
        clock = self.facts["clock"]
        done = f"after {clock['epoch_step']} of its {clock['batches']} batches"
        return f"in epoch {self.epoch} of {self.epochs}, {done}"


def pack(
    nets: Networks,
    optimiser: torch.optim.Optimizer,
    rng: np.random.Generator,
    clock: Clock,
    config: Config,
    carry: Carry,
) -> State:
    """A copy of everything, taken between two steps."""
    now = time.monotonic()
    facts = {
        "config": config.to_dict(),
        "clock": copy.deepcopy({name: getattr(clock, name) for name in COUNTERS}),
        "times": {name: now - getattr(clock, name) for name in TIMES},
        "random": copy.deepcopy(rng.bit_generator.state),
        "carried": {name: getattr(carry, name) for name in CARRIED},
        "order": None if carry.order is None else [len(part) for part in carry.order],
    }
    return State(_network_arrays(nets, optimiser) | _carried_arrays(carry), facts)


def _network_arrays(nets: Networks, optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """Copies of the networks, the optimiser's memory and torch's random generators."""
    import torch

    tensors = {f"networks.{name}": value for name, value in nets.state_dict().items()}
    for name, parameter in nets.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{name}.{key}"] = value
    tensors["random.torch"] = torch.get_rng_state()
    if nets.centres.is_cuda:
        tensors["random.cuda"] = torch.cuda.get_rng_state(nets.centres.device)
    return on_host(tensors)


def on_host(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Copies as arrays, in C order whatever the layout on the device, which the networks restore themselves.

    The copies from a graphics card are started together and waited for once.
    """
    import torch

    device = next((value.device for value in tensors.values() if value.is_cuda), None)
    if device is not None:
        pinned = {
            name: torch.empty_like(value, device="cpu", pin_memory=True).copy_(value, non_blocking=True)
            for name, value in tensors.items()
        }
        torch.cuda.current_stream(device).synchronize()
        tensors = pinned
    return {name: np.array(value.detach().numpy(), order="C") for name, value in tensors.items()}


def _carried_arrays(carry: Carry) -> dict[str, np.ndarray]:
    """The arrays of `carry`."""
    arrays = {name: getattr(carry, name) for name in ARRAYS if getattr(carry, name) is not None}
    if carry.order is not None:
        arrays["order"] = np.concatenate(carry.order)
    if carry.affinity is not None:
        arrays |= {f"graph.{part}": getattr(carry.affinity, part) for part in GRAPH_PARTS}
    return arrays


def unpack(
    state: State,
    nets: Networks,
    optimiser: torch.optim.Optimizer,
    rng: np.random.Generator,
    clock: Clock,
    carry: Carry,
) -> None:
    """The inverse of `pack`, in place: networks and optimiser are those of the state's config and stage.

    RunError where the state is of other networks.
    """
    facts = copy.deepcopy(state.facts)
    try:
        _restore_networks(state.arrays, nets, optimiser)
        rng.bit_generator.state = facts["random"]
        counters = _counters(facts["clock"])
        for name in COUNTERS:
            setattr(clock, name, counters[name])
        for name in TIMES:
            setattr(clock, name, time.monotonic() - facts["times"][name])
        for name in CARRIED:
            setattr(carry, name, facts["carried"][name])
        _restore_carried(state, carry)
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise RunError("The checkpoint is of another version of the program; train a new run.") from error


def _counters(facts: dict[str, Any]) -> dict[str, Any]:
    """The counters of a checkpoint; those of version 0.1.0 had one count of steps for all terms, and fewer times."""
    return {
        "paused": 0.0,
        "measured": {},
        "counts": dict.fromkeys(facts["sums"], facts["count"]),
        "epoch_counts": dict.fromkeys(facts["epoch_sums"], facts["epoch_count"]),
    } | facts


def _restore_networks(
    arrays: dict[str, np.ndarray], nets: Networks, optimiser: torch.optim.Optimizer
) -> None:
    """The networks, the optimiser's memory and torch's random generators."""
    import torch

    nets.load_state_dict(
        {name: torch.tensor(arrays[f"networks.{name}"]) for name in nets.state_dict()}, strict=True
    )
    parameters = dict(nets.named_parameters())
    optimiser.state.clear()
    for name in arrays:
        if name.startswith("optimiser."):
            parameter, _, key = name.removeprefix("optimiser.").rpartition(".")
            _restore_moment(optimiser, parameters[parameter], key, torch.tensor(arrays[name]))
    torch.set_rng_state(torch.tensor(arrays["random.torch"]))
    if "random.cuda" in arrays and nets.centres.is_cuda:
        torch.cuda.set_rng_state(torch.tensor(arrays["random.cuda"]), nets.centres.device)


def _restore_moment(
    optimiser: torch.optim.Optimizer, parameter: torch.nn.Parameter, key: str, value: torch.Tensor
) -> None:
    """One tensor of the optimiser's memory, in the layout of its parameter, as the optimiser itself makes it."""
    import torch

    if value.dim():
        like = torch.empty_like(parameter, memory_format=torch.preserve_format, requires_grad=False)
        value = like.copy_(value)
    else:  # Adam's count of steps
        value = value.to(parameter.device)
    optimiser.state[parameter][key] = value


def _restore_carried(state: State, carry: Carry) -> None:
    """The arrays of `carry`."""
    import scipy.sparse as sparse

    arrays, lengths = state.arrays, state.facts["order"]
    carry.order = None if lengths is None else np.split(arrays["order"], np.cumsum(lengths)[:-1])
    for name in ARRAYS:
        setattr(carry, name, arrays.get(name))
    carry.affinity = None
    if "graph.data" in arrays:
        rows = len(arrays["graph.indptr"]) - 1
        parts = tuple(arrays[f"graph.{part}"] for part in GRAPH_PARTS)
        carry.affinity = sparse.csr_matrix(parts, shape=(rows, rows))

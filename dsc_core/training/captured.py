"""Static steps: a step that asks nothing of the host, which a CUDA graph records once for each batch size and replays.

The batch, the weights, the noise level and the learning rate are tensors that the step reads, so that steering needs
no new recording; only a weight that becomes zero, or stops being it, does, since it decides what is computed. Losses
are summed on the device and read about once per second; a bad one is noticed there at once and acted upon then, when
training returns to the last good state: what was computed in between is lost either way.

The same step runs without a graph on every device (`Direct`), which is how it is tested without CUDA.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core import objective
from dsc_core.events import Event
from dsc_core.method.batch import autoencoder_terms, joint_terms
from dsc_core.method.feed import Feed
from dsc_core.method.networks.networks import spectral_dimensions
from dsc_core.method.share import Share
from dsc_core.training import distributed
from dsc_core.training.batches import Pairs
from dsc_core.training.device_graph import DeviceGraph
from dsc_core.training.divergence import EXPLODED, NOT_FINITE, TOO_LARGE, bad_loss
from dsc_core.training.inputs import Inputs, Resident, Slot, Streamed
from dsc_core.training.trainer import Trainer

AHEAD = 8  # steps that the host may be ahead of the device, so that a request waits no longer than these
WARM_UP = 2  # steps of a size before it is recorded: libraries and the optimiser set themselves up in these
FAULTS = {1: NOT_FINITE, 2: TOO_LARGE}
UNRECORDED = "A step could not be recorded for this graphics card, so training goes on without ({})."


class NotRecorded(Exception):
    """A step cannot be recorded; nothing of it has been done."""


# Replaying ---------------------------------------------------------------------------------------------------


class Direct:
    """A step that is done anew each time."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work

    def __call__(self) -> None:
        """Do the step."""
        self.work()


class Recorded:
    """A step that is recorded after WARM_UP times, and replayed from then on. Every call is a step, none is lost."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work, self.done = work, 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do the step. NotRecorded if it cannot be recorded."""
        if self.done < WARM_UP:
            self._apart()
            self.done += 1
            return
        if self.graph is None:
            self.graph = record(self.work)
        self.graph.replay()

    def _apart(self) -> None:
        """The step on a stream of its own, as it will be recorded."""
        stream, present = side_stream(), torch.cuda.current_stream()
        stream.wait_stream(present)
        with torch.cuda.stream(stream):
            self.work()
        present.wait_stream(stream)


@cache
def side_stream() -> torch.cuda.Stream:
    """The stream on which steps are recorded, and done before that, so that libraries have set themselves up for it."""
    return torch.cuda.Stream()


def record(work: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """A graph of the device's part of `work`, which is not done yet. NotRecorded where that is impossible."""
    graph, present = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    unused = generator.clone_state()
    try:
        # Other threads, such as the one that reads batches, may use the device meanwhile.
        with torch.cuda.graph(graph, stream=side_stream(), capture_error_mode="thread_local"):
            work()
    except Exception as error:
        # A recording that broke off leaves its stream and its random generator in use.
        torch.cuda.set_stream(present)
        generator.graphsafe_set_state(unused)
        raise NotRecorded(" ".join(str(error).split())[:200]) from error
    return graph


def recorder(device: torch.device) -> Callable[[Callable[[], None]], Any] | None:
    """What replays the steps on a device; None where each is done anew, as the plain step."""
    return Recorded if device.type == "cuda" else None


def begin(trainer: Trainer, feed: Feed, stage: str, batches: Sequence[np.ndarray]) -> None:
    """Prepare the steps of an epoch, or of the rest of one: the trainer's `static`, None for the plain step.

    One process alone records its steps. The orthonormalisation of batches that are too small, or that were once of too
    low a rank, needs the host.
    """
    replay, carry, config = recorder(feed.device), trainer.carry, trainer.config
    joint = stage == objective.JOINT
    whole = joint and config.graph == "whole"
    rows = min(map(len, batches)) * (2 if whole else 1)
    low_rank = carry.fallbacks or rows < max(spectral_dimensions(config), config.clusters)
    if replay is None or distributed.size() > 1 or not trainer.records or (joint and low_rank):
        trainer.static = None
        return
    if not isinstance(trainer.static, StaticSteps):
        trainer.static = StaticSteps(trainer, feed, stage, replay)
    trainer.static.begin(batches, carry.affinity if whole else None, carry.targets)


def give_up(trainer: Trainer, error: NotRecorded) -> Event:
    """Continue with the plain step for good."""
    static, trainer.static, trainer.records = trainer.static, None, False
    assert static is not None
    static.settle()
    return trainer.clock.note(UNRECORDED.format(error))


# The steps of a stage ----------------------------------------------------------------------------------------


class StaticSteps:
    """The steps of one stage on tensors that stay where they are.

    live: the noise level and the factor of each term. tally: the sums of the terms and of the total since they were
    last read, then a fault (see FAULTS), how often the orthonormalisation failed, and the usual magnitude of the terms.
    """

    def __init__(
        self, trainer: Trainer, feed: Feed, stage: str, replay: Callable[[Callable[[], None]], Any]
    ) -> None:
        self.trainer, self.feed, self.stage, self.replay = trainer, feed, stage, replay
        device = feed.device
        self.inputs: Inputs = Streamed(feed) if feed.resident is None else Resident(feed)
        self.graph: DeviceGraph | None = None
        self.affinity: sparse.csr_matrix | None = None  # what `graph` holds
        self.names = [name for name, term in objective.TERMS.items() if term.stage in (stage, objective.BOTH)]
        self.live = torch.zeros(1 + len(self.names), device=device)
        self.tally = torch.zeros(len(self.names) + 4, dtype=torch.float64, device=device)
        self.nothing = torch.zeros((), device=device)
        self.steps: dict[int, tuple[Slot, Callable[[], None]]] = {}
        self.computed: dict[int, list[str]] = {}  # the terms in a step of each size
        self.counts: dict[str, int] = {}  # steps with each term since the tally was last read
        self.shown: tuple[float, ...] = ()  # what `live` holds
        self.active: tuple[bool, ...] = ()  # which of it is not zero
        self.running: deque[Any] = deque()  # events at the end of steps that the device may not have done yet

    def begin(
        self, batches: Sequence[np.ndarray], affinity: sparse.csr_matrix | None, targets: np.ndarray | None
    ) -> None:
        """The batches that come next, (m,) each; in stage 2 the graph (n, n) and its targets (n,), if there is one."""
        trainer, host = self.trainer, None
        if affinity is not None:
            self._take_graph(affinity, targets)
            host = Pairs(affinity, np.random.default_rng()) if isinstance(self.inputs, Streamed) else None
        place = (trainer.config.seed, trainer.clock.epoch, trainer.clock.epoch_step)
        self.inputs.begin(batches, host, place)
        usual = trainer.clock.usual
        self.tally[-1] = np.nan if usual is None else usual

    def _take_graph(self, affinity: sparse.csr_matrix, targets: np.ndarray | None) -> None:
        """Put a graph that was built anew on the device; into the present tensors if they have room."""
        if affinity is self.affinity:
            return
        self.affinity = affinity
        if self.graph is not None and self.graph.fits(affinity, targets):
            self.graph.update(affinity, targets)
            return
        # Room for any later graph: a symmetric one has at most twice as many edges as neighbours were asked for.
        room = 2 * affinity.shape[0] * self.trainer.config.neighbours
        self.graph = DeviceGraph(affinity, targets, room, self.feed.device)
        self.steps.clear()

    def step(self, index: np.ndarray) -> Iterator[Event]:
        """One step, with the event that is due. index: (m,), the next of the batches."""
        clock, size = self.trainer.clock, len(index)
        self._show_settings()
        slot, replay = self._made(size)
        self.inputs.fill(slot)
        replay()
        for name in self.computed[size]:
            self.counts[name] = self.counts.get(name, 0) + 1
        self._pace()
        clock.advance(size)
        if clock.due:
            self.settle()
            yield from self.trainer.taken_notes()
            yield clock.progress()

    def _made(self, size: int) -> tuple[Slot, Callable[[], None]]:
        """The tensors and the step for batches of `size`."""
        if size not in self.steps:
            slot = self.inputs.slot(size, self.graph)
            self.steps[size] = slot, self.replay(lambda: self._work(slot))
        return self.steps[size]

    def _show_settings(self) -> None:
        """Bring the tensors that the step reads to the present settings; forget the steps if others are needed."""
        config = self.trainer.config
        factors = objective.weights(self.names, config, self.stage)
        active = tuple(bool(getattr(config, name)) for name in (*self.names, "joint_share"))
        if active != self.active:
            self.active = active
            self.steps.clear()
        shown = (config.noise_level, *factors.values())
        if shown != self.shown:
            self.shown = shown
            self.live.copy_(torch.tensor(shown))
        self.trainer.set_rate()

    def _work(self, slot: Slot) -> None:
        """The step itself: nothing in here may wait for the device, or depend on its numbers."""
        trainer = self.trainer
        terms, failed = self._terms(slot)
        self.computed[len(slot.index)] = [*terms, "total"]
        loss = objective.weighted_sum(terms, dict(zip(self.names, self.live[1:], strict=True)))
        trainer.optimiser.zero_grad(set_to_none=True)
        if terms and loss.requires_grad:
            loss.backward()
        self._watch(terms, loss.detach() if terms else self.nothing, failed)
        trainer.optimiser.step()

    def _terms(self, slot: Slot) -> tuple[dict[str, Tensor], Any]:
        """The terms of the batch in `slot`, and whether its orthonormalisation failed, "" where there is none."""
        trainer, share = self.trainer, Share(len(slot.index))
        given = (slot.source, slot.index)
        if self.stage == objective.AUTOENCODER:
            return trainer.compute(autoencoder_terms, *given, trainer.config, share, self.live[0]), ""
        return trainer.compute(joint_terms, *given, slot.pairs, trainer.config, share, self.live[0])

    def _watch(self, terms: dict[str, Tensor], loss: Tensor, failed: Any) -> None:
        """Add to the sums, and keep the first fault: the loss is not finite, or the terms have exploded."""
        values = (
            torch.stack([*(terms.get(name, self.nothing) for name in self.names), loss]).detach().double()
        )
        sums, fault, failures, usual = self.tally[:-3], self.tally[-3], self.tally[-2], self.tally[-1]
        sums += values
        size = values[:-1].abs().sum()
        usual.copy_(torch.where(usual.isnan(), size, usual))
        bad = ~values[-1].isfinite()
        large = (size > EXPLODED * usual.clamp_min(1.0)) & ~bad
        fault += (fault == 0) * (bad.double() + 2 * large.double())
        if isinstance(failed, Tensor):
            failures += failed

    def _pace(self) -> None:
        """Wait for a step that was done some time ago, so that the host is never far ahead."""
        if self.feed.device.type != "cuda":
            return
        done = torch.cuda.Event()
        done.record()
        self.running.append(done)
        if len(self.running) > AHEAD:
            self.running.popleft().synchronize()

    def settle(self) -> None:
        """Read the sums and hand them to the clock. Diverged where one of the steps must not have been followed."""
        if not self.counts:
            return
        *sums, fault, failures, usual = self.tally.tolist()
        self.tally[:-1] = 0
        self.running.clear()
        counts, self.counts = self.counts, {}
        if fault:
            raise bad_loss(FAULTS[int(fault)])
        clock = self.trainer.clock
        if clock.usual is None:
            clock.usual = usual
        named = dict(zip((*self.names, "total"), sums, strict=True))
        clock.gather({name: named[name] for name in counts}, counts)
        if failures:
            self.trainer.note_fallbacks(int(failures))

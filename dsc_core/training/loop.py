"""The two stages of training: one flat loop that yields events. Labels of the data never come here."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dsc_core.analysis import map_film
from dsc_core.config import KNOBS, Config
from dsc_core.errors import RunError
from dsc_core.events import Event
from dsc_core.method import graph, objective
from dsc_core.method.augmentation import makes_copies, random_copy
from dsc_core.method.cut import lost, numbered, read_out, sure_labels
from dsc_core.method.networks.autoencoder import transform_noise
from dsc_core.method.networks.networks import Networks, autoencoder_terms
from dsc_core.method.networks.sizes import check_encoder
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.model import (
    HEAD_STEPS,
    Feed,
    Fitted,
    copies_of,
    encode,
    finish,
    graph_rows,
    head_labels,
    teach_head,
)
from dsc_core.training import distributed
from dsc_core.training.checkpoint import Carry, State, pack, unpack
from dsc_core.training.device import describe

Control = Callable[[], dict]
Observe = Callable[[np.ndarray], dict]
Checkpoint = Callable[[State], None]
Snapshot = Callable[[int, np.ndarray, np.ndarray | None], None]
REFRESH_STEPS = 150  # of teaching the head what the rebuilt graph says
# Of the algorithm: raised when the same settings give other labels, so that old results are known.
REVISION = 5
BUILDING = "Building the graph of the whole data set"
DRAWN = (
    "Of {:,} samples, {:,} are drawn by the seed for the graph and what is trained on it (graph_samples); the"
    " spectral network labels the others."
)
PERIOD = 1.0  # seconds between two progress events
GLANCE = 1.0  # seconds between two looks at what is asked, while something long goes on
EXPLODED = 1e4  # times the epoch before: no noise level that a person turns, and no odd sample, does that
SETBACKS = 3  # times that training goes back to the last good state
ADVICE = "try a smaller learning_rate or smaller weights."
WEIGHTED = (
    "reconstruction",
    "relative",
    "global_mi",
    "local_mi",
    "prior",
    "cluster_prior",
    "spectral",
    "agreement",
    "self_training",
    "noisy_agreement",
    "augmented_agreement",
    "augmented_latent",
    "balance",
    "entropy",
)
AUTOENCODER = ("reconstruction", "relative", "global_mi", "local_mi")


def total(terms: dict[str, Tensor], config: Config, share: float = 1.0) -> Tensor:
    """The objective: every term times the weight of the same name. This line is why a weight may move.

    share: the factor on the autoencoder's terms.
    """
    return sum(
        getattr(config, name) * (share if name in AUTOENCODER else 1.0) * term for name, term in terms.items()
    )


@dataclass
class Clock:
    """Counts steps and epochs, averages losses, and says when the next event is due.

    step counts every step ever done, also those that a setback made undone: it never runs backwards.
    usual: what the unweighted terms came to in the epoch before, all added up.
    """

    config: Config
    stage: str = "autoencoder"
    epoch: int = 0
    step: int = 0
    began: float = field(default_factory=time.monotonic)
    marked: float = field(default_factory=time.monotonic)
    seen: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    epoch_sums: dict[str, float] = field(default_factory=dict)
    epoch_count: int = 0
    epoch_seconds: dict[str, list[float]] = field(default_factory=lambda: {"autoencoder": [], "joint": []})
    batches: int = 1
    epoch_began: float = field(default_factory=time.monotonic)
    epoch_step: int = 0
    epoch_images: int = 0
    usual: float | None = None

    @property
    def epochs(self) -> int:
        return self.config.epochs + self.config.joint_epochs

    def start_epoch(self, stage: str, batches: int) -> None:
        if self.epoch_count:
            self.usual = _size(self.epoch_sums) / self.epoch_count
        self.stage, self.batches, self.epoch_step = stage, batches, 0
        self.epoch += 1
        self.epoch_began = time.monotonic()
        self.epoch_sums, self.epoch_count, self.epoch_images = {}, 0, 0

    def tick(self, terms: dict[str, float], images: int) -> Event | None:
        """One step is over; an Event about once a PERIOD."""
        self.step += 1
        self.epoch_step += 1
        self.count += 1
        self.epoch_count += 1
        self.seen += images
        self.epoch_images += images
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.epoch_sums[name] = self.epoch_sums.get(name, 0.0) + value
        return self.event("progress") if time.monotonic() - self.marked >= PERIOD else None

    def event(self, kind: str, **more) -> Event:
        now = time.monotonic()
        whole = kind == "epoch"
        sums, count = (self.epoch_sums, self.epoch_count) if whole else (self.sums, self.count)
        losses_now = {name: value / max(count, 1) for name, value in sums.items()} if kind != "note" else {}
        rate = self.seen / max(now - self.marked, 1e-9) if kind == "progress" else 0.0
        if whole:
            self.epoch_seconds[self.stage].append(now - self.epoch_began)
            rate = self.epoch_images / max(now - self.epoch_began, 1e-9)
        if kind == "progress":
            self.marked, self.seen, self.sums, self.count = now, 0, {}, 0
        return Event(
            kind,
            self.stage,
            self.epoch,
            self.epochs,
            self.step,
            losses_now,
            now - self.began,
            rate,
            self.remaining(now, whole),
            **more,
        )

    def remaining(self, now: float, epoch_over: bool) -> float | None:
        """Seconds left, from the median epoch so far; a joint epoch not yet seen is taken as 2.5 of stage 1.

        None before the first step, when nothing is known.
        """
        first, second = self.epoch_seconds["autoencoder"], self.epoch_seconds["joint"]
        if not (first or second or self.epoch_step):
            return None
        share = 1.0 if epoch_over else self.epoch_step / self.batches
        running = (now - self.epoch_began) / max(share, 1e-3)
        one = float(np.median(first)) if first else running
        two = float(np.median(second)) if second else (running if self.stage == "joint" else 2.5 * one)
        done_one = min(self.epoch - 1 + share, self.config.epochs)
        done_two = max(self.epoch - 1 + share - self.config.epochs, 0)
        return one * (self.config.epochs - done_one) + two * (self.config.joint_epochs - done_two)


class Stopped(Exception):
    """The control said stop."""


class Diverged(RunError):
    """The loss is no longer a number, or has exploded."""


@dataclass
class Steering:
    """The settings as they are now: `poll` takes what the control row says between two steps.

    save: keeps the state of that moment, so that neither a pause nor a changed weight is lost with the process.
    """

    config: Config
    control: Control | None
    optimiser: torch.optim.Optimizer | None = None
    save: Callable[[], None] = lambda: None
    waiting: dict = field(default_factory=dict)
    heard: float = field(default_factory=time.monotonic)

    def poll(self, clock: Clock) -> Iterator[Event]:
        """Between two steps: take new settings, wait while paused, raise Stopped."""
        changes = self.asked()
        moved = self.move(changes, clock)
        yield from moved
        paused = bool(changes.get("pause"))
        if moved or paused or changes.get("stop"):
            self.save()
        while paused and not (changes.get("resume") or changes.get("stop")):
            time.sleep(0.1)
            changes = self.asked()
            if moved := self.move(changes, clock):
                yield from moved
                self.save()
        if changes.get("stop"):
            raise Stopped

    def asked(self) -> dict:
        """What has been asked since the last call; several processes hear it from the first, at the same step."""

        def take() -> dict:
            self.hear()
            changes, self.waiting = self.waiting, {}
            return changes

        return distributed.once(take)

    def hear(self) -> None:
        """Take up what is asked, to wait for `asked`: of a pause and its end, the one that came later."""
        self.heard = time.monotonic()
        new = self.control() if self.control else {}
        for wish, undone in (("pause", "resume"), ("resume", "pause")):
            if new.get(wish):
                self.waiting.pop(undone, None)
        self.waiting |= new

    def glance(self) -> None:
        """About once a GLANCE while something long is computed between two steps: raise Stopped where that is asked.

        Of several processes the others would wait for ever for the one that hears it: they stop at the next step.
        """
        if time.monotonic() - self.heard < GLANCE:
            return
        self.hear()
        if self.waiting.get("stop") and distributed.size() == 1:
            raise Stopped

    def move(self, changes: dict, clock: Clock) -> list[Event]:
        """Take the values among `changes` that are new; one event where there are any."""
        live = {name: value for name, value in changes.items() if name in KNOBS and KNOBS[name].live}
        before, self.config = self.config, self.config.replace(**live) if live else self.config
        moved = {name: [getattr(before, name), getattr(self.config, name)] for name in live}
        moved = {name: pair for name, pair in moved.items() if pair[0] != pair[1]}
        if not moved:
            return []
        told = ", ".join(f"{name} {old:g} → {new:g}" for name, (old, new) in moved.items())
        return [clock.event("note", message=f"Changed while training: {told}.", changes=moved)]


@dataclass
class Keeper:
    """Keeps the last good state of training, hands it on, and brings training back to it."""

    nets: Networks
    rng: np.random.Generator
    clock: Clock
    steering: Steering
    carry: Carry
    checkpoint: Checkpoint | None
    good: State | None = None

    def keep(self, tell: bool = True) -> None:
        """Keep the present state; Diverged where the networks are spoilt, which the loss has yet to show."""
        if not all(bool(torch.isfinite(value).all()) for value in self.nets.state_dict().values()):
            raise Diverged(f"The networks' weights are no longer numbers; {ADVICE}")
        self.good = pack(
            self.nets, self.steering.optimiser, self.rng, self.clock, self.steering.config, self.carry
        )
        if self.checkpoint and tell:
            self.checkpoint(self.good)

    def go_to(self, state: State) -> None:
        """Make `state` the present one, with the settings that hold now."""
        self.steering.optimiser = _optimiser(self.nets, state.stage, self.steering.config)
        unpack(state, self.nets, self.steering.optimiser, self.rng, self.clock, self.carry)
        self.good = state

    def step_back(self, trouble: Diverged) -> Event:
        """Back to the last good state with half the learning rate; after SETBACKS times `trouble` is final."""
        setbacks, step, began = self.carry.setbacks + 1, self.clock.step, self.clock.began
        if setbacks > SETBACKS:
            raise RunError(str(trouble)) from trouble
        old = self.steering.config.learning_rate
        new = max(old / 2, KNOBS["learning_rate"].low)
        self.steering.config = self.steering.config.replace(learning_rate=new)
        self.go_to(self.good)
        # What was undone stands in the events: steps and time count on.
        self.carry.setbacks, self.clock.step, self.clock.began = setbacks, step, began
        told = (
            f"{str(trouble).split(';')[0]}: back to where training was {self.good.place}, with half the"
            f" learning rate, {old:g} → {new:g} ({setbacks} of at most {SETBACKS} times)."
        )
        return self.clock.event("note", level="warning", message=told, changes={"learning_rate": [old, new]})


@dataclass
class Showing:
    """Shows the caller where a few samples lie in the latent space, from time to time. `rows`: which samples."""

    nets: Networks
    feed: Feed
    snapshot: Snapshot | None
    every: int
    rows: np.ndarray

    def after(self, epoch: int, last: bool, latent: Tensor | None = None, labels=None) -> None:
        """Show what there is after `epoch`, where it is due.

        latent: μ of all samples (n, d), labels: their clusters (n,); or of those on the graph, if these are fewer.
        """
        if not (self.snapshot and self.every and distributed.first()) or (epoch % self.every and not last):
            return
        if latent is not None and len(latent) == len(self.feed):
            latent, labels = latent[self.rows], None if labels is None else labels[self.rows]
        else:  # most of the film's samples are not on the graph
            latent = encode(self.nets, self.feed, self.rows)
            labels = None if labels is None else head_labels(self.nets, latent)
        latent = latent.cpu().numpy()
        if np.isfinite(latent).all():  # else the loss has yet to show it, and training goes back
            self.snapshot(epoch, latent, labels)


def fit(
    samples: np.ndarray,
    config: Config,
    *,
    control: Control | None = None,
    observe: Observe | None = None,
    scaling: tuple[float, float] = (0.0, 1.0),
    checkpoint: Checkpoint | None = None,
    snapshot: Snapshot | None = None,
    resume_from: State | None = None,
    scratch: Path | None = None,
) -> Generator[Event, None, Fitted | None]:
    """Train both stages and label every sample. Yields events; the generator's return value is the `Fitted`.

    Processes that have joined (see parallel.py) all call it, with the same samples and settings. The first one's
    `control`, `observe`, `checkpoint` and `snapshot` count; the others return None.

    samples: (n, C, H, W) images or (n, F) rows, raw; scaling = (offset, factor) brings them to [0, 1].
    control: called before every step, returns what changed since: {"stop": True}, {"pause": True},
    {"resume": True}, or new values of knobs that are `live`. observe: called now and then with the clusters
    of the moment, (n,) integers, -1 for a sample that has none yet; the scores it returns go into the event and
    nowhere else.
    checkpoint: called with the `State` at the end of every epoch, at a pause, at a stop and after a change of
    weights; all events until then have been yielded. resume_from: such a state of a training on the same
    samples, whose settings then count in place of `config`'s: on the CPU it goes on to the very same labels.
    snapshot: called before the first step, with epoch 0, and after every `map_every`-th epoch and the last, before
    its checkpoint: with the epoch, the latents (m, d) of the samples that `film.filmed` names, and their clusters
    (m,) by the head, None in stage 1. scratch: a folder for nameless files, which hold the codes of more than
    `graph_samples` samples; without it they are held in memory.
    A loss that is no number or explodes: back to the last good state with half the learning rate, at most
    SETBACKS times; then RunError. Seeds torch's global generator.
    """
    config = with_least_steps(resume_from.config if resume_from else config, len(samples))
    check_encoder(samples.shape[1:], config.encoder)
    device, _ = describe(config.device)
    torch.manual_seed(config.seed)
    if device.type == "cuda":  # the fastest kernels do not repeat themselves
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    rng = np.random.default_rng(config.seed)
    feed = Feed(samples, scaling, device)
    check_processes(len(samples), config)
    nets = distributed.normalised_together(Networks(samples.shape[1:], config).to(device))
    if len(nets.shape) == 3:
        nets = nets.to(memory_format=torch.channels_last)
    clock, steering, carry = Clock(config), Steering(config, control), Carry()
    steering.optimiser = _optimiser(nets, "autoencoder", config)
    keeper = Keeper(nets, rng, clock, steering, carry, checkpoint)
    steering.save = keeper.keep
    showing = Showing(nets, feed, snapshot, config.map_every, map_film.filmed(len(samples), config))
    if resume_from:
        keeper.go_to(resume_from)
    else:
        keeper.keep(tell=False)
        showing.after(0, last=False)
        if len(feed) > config.graph_samples:
            yield clock.event("note", message=DRAWN.format(len(feed), config.graph_samples))
    while True:
        try:
            yield from _autoencoder_stage(nets, feed, steering, clock, rng, carry, showing)
            if config.joint_epochs and not carry.over:
                yield from _joint_stage(nets, feed, steering, clock, rng, carry, observe, showing)
        except Stopped:
            yield clock.event("note", message="Stopped; the labels are made from what was learned so far.")
        except Diverged as trouble:
            yield keeper.step_back(trouble)
            continue  # the stages take up where the state left off
        break
    if not distributed.first():
        return None
    joint, clock.stage = clock.stage == "joint", "labels"
    yield clock.event("note", message="Reading the labels out")
    told: list[str] = []
    fitted = finish(nets, feed, steering.config, joint, carry.affinity, scratch, told.append)
    if gone := lost(fitted.labels, config.clusters):
        told.append(
            f"Without samples at the end: {numbered(gone)}; ask for fewer clusters, or raise the balance."
        )
    for sentence in told:
        yield clock.event("note", level="warning", message=sentence)
    yield clock.event("done", cluster_sizes=_sizes(fitted.labels, config.clusters))
    return fitted


def check_processes(count: int, config: Config) -> None:
    """InputError where `count` samples, or this machine, cannot be trained on by as many processes as have joined."""
    smallest = min(_smallest(count, size) for size in (config.batch, config.joint_batch))
    distributed.check(describe(config.device)[0], smallest)


def with_least_steps(config: Config, count: int) -> Config:
    """More epochs where `count` samples make so few batches that a stage would end before `least_steps`.

    None of stage 1 without an encoder, which has nothing to learn there.
    """

    def enough(name: str, batch: int, least: int) -> int:
        epochs, steps = getattr(config, name), max(1, round(count / batch))
        steps = min(steps, config.batches) if config.batches else steps
        return min(max(epochs, math.ceil(least / steps)), KNOBS[name].high) if epochs else 0

    first = enough("epochs", config.batch, config.least_steps) if config.encoder == "network" else 0
    # The joint stage needs fewer: its networks are past their beginning.
    second = enough("joint_epochs", config.joint_batch, config.least_steps // 8)
    return config.replace(epochs=first, joint_epochs=second)


def _optimiser(nets: Networks, stage: str, config: Config) -> torch.optim.Optimizer:
    """A new Adam for the parameters that a stage trains."""
    joint = [parameter for parameter in nets.parameters() if parameter.requires_grad]
    return torch.optim.Adam(nets.stage_one() if stage == "autoencoder" else joint, config.learning_rate)


def _epoch_indices(count: int, batch: int, limit: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A random order of the samples in equal batches of about `batch`, at most `limit` of them (0: all)."""
    parts = np.array_split(rng.permutation(count), max(1, round(count / batch)))
    return parts[:limit] if limit else parts


def _smallest(count: int, batch: int) -> int:
    """Samples in the smallest of those batches."""
    return count // max(1, round(count / batch))


def _batches(stage: str, count: int, batch: int, limit: int, clock: Clock, rng, carry: Carry):
    """The batches of an epoch that begins, or those left of one that was broken off."""
    if carry.order is None:
        carry.order = _epoch_indices(count, batch, limit, rng)
        clock.start_epoch(stage, len(carry.order))
    return carry.order[clock.epoch_step :]


def _epochs_over(clock: Clock, carry: Carry) -> int:
    return clock.epoch - (carry.order is not None)


def _rate(config: Config, clock: Clock) -> float:
    """Adam's step size now: that of the settings, which falls evenly from epoch to epoch of stage 2."""
    done = clock.epoch - 1 - config.epochs if clock.stage == "joint" else 0
    return config.learning_rate * (1 - (1 - config.final_rate) * done / max(config.joint_epochs, 1))


def _size(terms: dict[str, float]) -> float:
    """All unweighted terms, added up without their signs."""
    return sum(abs(value) for name, value in terms.items() if name != "total")


def _step(terms: dict[str, Tensor], steering: Steering, clock: Clock, images: int) -> Event | None:
    """One step down the weighted sum. The loss is looked at first: a step on NaN would spoil the networks."""
    loss = total(terms, steering.config, steering.config.joint_share if clock.stage == "joint" else 1.0)
    steering.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # before the look: processes that train together may not leave the gradients half exchanged
    told = {name: float(term.detach()) for name, term in terms.items()} | {"total": float(loss.detach())}
    if not np.isfinite(told["total"]):
        raise Diverged(f"The loss is no longer a number; {ADVICE}")
    clock.usual = _size(told) if clock.usual is None else clock.usual
    if _size(told) > EXPLODED * max(clock.usual, 1.0):
        raise Diverged(f"The loss has exploded; {ADVICE}")
    for group in steering.optimiser.param_groups:
        group["lr"] = _rate(steering.config, clock)
    steering.optimiser.step()
    return clock.tick(told, images)


def _autoencoder_stage(
    nets, feed: Feed, steering: Steering, clock: Clock, rng, carry: Carry, showing: Showing
) -> Generator[Event, None, None]:
    config, of_all = steering.config, distributed.averaged(nets)
    for _ in range(_epochs_over(clock, carry), config.epochs):
        batches = _batches("autoencoder", len(feed), config.batch, config.batches, clock, rng, carry)
        nets.train()
        for index in batches:
            yield from steering.poll(clock)
            terms = of_all(first_terms, feed, index, steering.config)
            if event := _step(terms, steering, clock, len(index)):
                yield event
        yield clock.event("epoch")
        carry.order = None
        showing.after(clock.epoch, last=clock.epoch == clock.epochs)
        steering.save()


def first_terms(nets, feed: Feed, index: np.ndarray, config: Config) -> dict[str, Tensor]:
    """All terms of stage 1 for the samples at `index` (m,), unweighted."""
    share = distributed.share(len(index))
    samples = feed(share.mine(index))
    if config.augmented_input and makes_copies(config, samples):
        samples = a_copy(samples, config, share)
    code, _, terms = autoencoder_terms(nets, samples, config, share)
    terms["prior"] = objective.gaussian_kl(code.mean, code.log_variance)
    return share.mean(terms)


def a_copy(samples: Tensor, config: Config, share: distributed.Share) -> Tensor:
    """A random copy of each image, moved as the settings allow; the rows of `share` of a batch. (m, C, H, W) → same."""
    draw = share.mine(torch.rand(share.count, 4, device=samples.device))
    return random_copy(samples, config.shift, config.rotation, config.scaling, draw)


class Pairs:
    """The whole-data graph, from which a batch is drawn together with one neighbour of each of its samples.

    targets: (n,), the clusters that self-training asks for, −1 where none; None: there are none at all.
    """

    def __init__(self, affinity, rng: np.random.Generator, targets: np.ndarray | None = None):
        self.affinity, self.rng, self.targets = affinity, rng, targets
        # Per row, the running sum of weights: one uniform number a row then picks a neighbour by its weight.
        self.running = np.cumsum(affinity.data)
        self.before = np.concatenate([[0.0], self.running])[affinity.indptr]

    def neighbours(self, index: np.ndarray) -> np.ndarray:
        """A neighbour of each sample, drawn by the edge weights. (m,) → (m,)."""
        low, high = self.before[index], self.before[index + 1]
        place = np.searchsorted(self.running, low + self.rng.random(len(index)) * (high - low), side="right")
        return self.affinity.indices[
            np.clip(place, self.affinity.indptr[index], self.affinity.indptr[index + 1] - 1)
        ]

    def among(self, index: np.ndarray, device) -> Tensor:
        """The affinities within a batch, (m, m)."""
        return torch.from_numpy(self.affinity[index][:, index].toarray()).float().to(device)


def _joint_stage(
    nets, feed: Feed, steering: Steering, clock: Clock, rng, carry: Carry, observe, showing: Showing
):
    config = steering.config
    whole = config.graph == "whole"
    if whole and (rows := graph_rows(len(feed), config)) is not None:
        feed, observe = feed.part(rows), _of_part(observe, rows, len(feed))
    if clock.stage != "joint":  # else it goes on where it was broken off
        if whole:
            yield clock.event("progress", message=BUILDING)
            labels = _build(nets, feed, steering, carry, HEAD_STEPS)
            yield _look(labels, clock, config, observe, "Labels read from the graph of stage 1's latent")
        else:
            torch.nn.init.normal_(nets.centres, std=0.1)
        steering.optimiser = _optimiser(nets, "joint", steering.config)
    of_all = distributed.averaged(nets)
    pairs = Pairs(carry.affinity, rng, carry.targets) if whole else None
    for epoch in range(_epochs_over(clock, carry) - config.epochs, config.joint_epochs):
        # Without an encoder the latent stays what it is, and so does its graph.
        due = config.encoder == "network" and epoch and epoch % config.refresh == 0
        gone = carry.labels is not None and lost(carry.labels, config.clusters)
        if whole and (due or gone) and carry.order is None:
            yield clock.event("progress", message=BUILDING)
            # The latent is better than when the head was taught: what its graph says now is taught again.
            _build(nets, feed, steering, carry, HEAD_STEPS if gone else REFRESH_STEPS, even=bool(gone))
            pairs = Pairs(carry.affinity, rng, carry.targets)
        batches = _batches("joint", len(feed), config.joint_batch, config.batches, clock, rng, carry)
        nets.train()
        for index in batches:
            yield from steering.poll(clock)
            terms, how = of_all(joint_terms, feed, index, pairs, steering.config)
            if how == "qr" and not carry.fallbacks:
                yield clock.event(
                    "note",
                    level="warning",
                    message="The orthonormalisation fell back to QR: the "
                    "batch spans fewer dimensions than K′.",
                )
            carry.fallbacks += how == "qr"
            if event := _step(terms, steering, clock, len(index)):
                yield event
        ended = clock.event("epoch")
        yield ended
        latent = encode_together(nets, feed)
        labels = distributed.once(lambda z=latent: head_labels(nets, z))
        if (epoch + 1) % config.evaluate_every == 0:
            yield _look(labels, clock, config, observe)
        loss, before, last_loss = ended.losses["total"], carry.labels, carry.last_loss
        settled = before is not None and np.mean(labels != before) < config.tolerance
        level = bool(last_loss) and abs(last_loss - loss) < config.tolerance
        gone = lost(labels, config.clusters) if whole else []
        if gone:
            told = f"Without samples after this epoch: {numbered(gone)}; the graph is cut into clusters anew."
            yield clock.event("note", level="warning", message=told)
        over = bool(settled if config.stopping == "labels" else level) and not gone
        carry.over = distributed.once(lambda answer=over: answer)  # no process goes on alone for a rounding
        carry.order, carry.labels, carry.last_loss = None, labels, loss
        showing.after(clock.epoch, carry.over or clock.epoch == clock.epochs, latent, labels)
        steering.save()
        if carry.over:
            break


def encode_together(nets: Networks, feed, asked: Callable[[], None] | None = None) -> Tensor:
    """μ of every sample, (n, d); each of several processes encodes its share. asked: as of `encode`."""
    share = distributed.share(len(feed))
    (latent,) = share.whole(encode(nets, feed, share.mine(np.arange(len(feed))), asked))
    return latent


def _build(
    nets: Networks, feed: Feed, steering: Steering, carry: Carry, steps: int, even: bool = False
) -> np.ndarray:
    """Build the whole-data graph of the present latent and teach the head what is read from it: labels, (n,).

    The graph and self-training's targets go into `carry`, whose labels lend their numbering. Of several processes
    one reads, since machines may round differently. Stopped where that is asked meanwhile.
    """
    config = steering.config
    latent, *copies = (
        encode_together(nets, some, steering.glance) for some in (feed, *copies_of(feed, config))
    )

    def read():
        affinity = graph.whole_graph(latent, config.neighbours, lambda done, total: steering.glance(), copies)
        return affinity, read_out(affinity, config, carry.labels, steering.glance)

    carry.affinity, readout = distributed.once(read)
    carry.targets = sure_labels(carry.affinity, readout.labels, config)
    teach_head(nets, latent, readout, config, steps, even)
    distributed.spread(nets)
    return readout.labels


def joint_terms(nets, feed: Feed, index: np.ndarray, pairs: Pairs | None, config: Config):
    """All terms of stage 2 for the samples at `index` (m,) and, on a whole-data graph, a neighbour of each.

    → the terms, unweighted, and how the orthonormalisation was done. Terms of weight zero are left out. The
    neighbours are there for the graph's sake: only the samples themselves are decoded, and copied.
    """
    count, share = len(index), distributed.share(len(index))
    rows, own = share.mine(index), len(share.mine(index))
    if pairs:
        near = pairs.neighbours(index)
        rows, index = np.concatenate([rows, share.mine(near)]), np.concatenate([index, near])
    samples = feed(rows)
    code = nets.encoder(samples)
    _, noisy, terms = autoencoder_terms(nets, samples[:own], config, share, code.first(own))
    terms = share.mean(terms)
    # From here on each process computes with the codes of the whole batch.
    mean, log_variance, raw, logits = _whole(share, code.mean, code.log_variance, *nets.spectral(code.mean))
    assignment = logits.softmax(1)
    if config.encoder == "network":
        terms["cluster_prior"] = objective.cluster_conditional_kl(
            mean, log_variance, assignment, nets.centres
        )
    coordinates, _, how = orthonormalise(raw)
    affinity = (
        pairs.among(index, feed.device)
        if pairs
        else graph.batch_affinity(mean, config.neighbours, config.bandwidth)
    )
    terms["spectral"] = objective.spectral_loss(coordinates, affinity)
    if config.agreement and pairs:
        terms["agreement"] = objective.agreement(assignment[:count], assignment[count:])
    if config.self_training and pairs and pairs.targets is not None:
        targets = torch.from_numpy(pairs.targets[index]).to(feed.device)
        terms["self_training"] = objective.self_training(_shaken(nets, mean, config), targets)
    if config.noisy_agreement:
        (shaken,) = share.whole(nets.spectral(noisy)[1])
        terms["noisy_agreement"] = objective.agreement(assignment[:count], shaken.softmax(1))
    if makes_copies(config, samples):
        moved = nets.encoder(a_copy(samples[:own], config, share)).mean
        moved, told = share.whole(moved, nets.spectral(moved)[1])
        terms["augmented_agreement"] = objective.agreement(assignment[:count], told.softmax(1))
        terms["augmented_latent"] = (mean[:count] - moved).square().sum(1).mean()
        if config.augmented_target and "self_training" in terms:
            asked = objective.self_training(_shaken(nets, moved, config), targets[:count])
            terms["self_training"] = torch.lerp(terms["self_training"], asked, config.augmented_target)
    if config.balance:
        terms["balance"] = objective.balance(assignment, nets.shares)
    if config.entropy:
        terms["entropy"] = objective.assignment_kl(assignment)
    return terms, how


def _shaken(nets: Networks, mean: Tensor, config: Config) -> Tensor:
    """The spectral network's logits for noisy codes: no few numbers of a code may decide alone. (m, d) → (m, K)."""
    return nets.spectral(transform_noise(mean, config.noise_level))[1]


def _whole(share: distributed.Share, *parts: Tensor) -> list[Tensor]:
    """The rows of all processes, of parts in which those of the samples' neighbours may stand below their own."""
    if share.size == 1:
        return list(parts)
    own = share.rows.stop - share.rows.start
    cut = [part.split(own) for part in parts]
    whole = iter(share.whole(*itertools.chain(*cut)))
    return [torch.cat([next(whole) for _ in pieces]) for pieces in cut]


def _of_part(observe: Observe | None, rows: np.ndarray, count: int) -> Observe | None:
    """`observe` for the labels of the samples at `rows` alone; of the others among `count` nothing is known."""

    def spread(labels: np.ndarray) -> dict:
        every = np.full(count, -1)
        every[rows] = labels
        return observe(every)

    return spread if observe else None


def _look(labels, clock: Clock, config: Config, observe, message: str = "") -> Event:
    scores = observe(labels) if observe else {}
    return clock.event(
        "evaluation", cluster_sizes=_sizes(labels, config.clusters), scores=scores, message=message
    )


def _sizes(assignments: np.ndarray, clusters: int) -> tuple[int, ...]:
    return tuple(int(size) for size in np.bincount(assignments, minlength=clusters))

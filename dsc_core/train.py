"""The two stages of training: one flat loop that yields events. Labels of the data never come here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dsc_core import graph, losses
from dsc_core.cluster import Feed, Fitted, assign_softly, encode, finish, read_out, teach_head
from dsc_core.config import KNOBS, Config
from dsc_core.device import describe
from dsc_core.errors import RunError
from dsc_core.events import Event
from dsc_core.model.augment import random_copy
from dsc_core.model.networks import Networks, autoencoder_terms
from dsc_core.model.spectral import orthonormalise

Control = Callable[[], dict]
Observe = Callable[[np.ndarray], dict]
REFRESH_STEPS = 150  # of teaching the head what the rebuilt graph says
REVISION = (
    1  # of the algorithm: raised when the same settings give other labels, so that old results are known
)
BUILDING = "Building the graph of the whole data set"
PERIOD = 1.0  # seconds between two progress events
WEIGHTED = (
    "reconstruction", "relative", "global_mi", "local_mi", "prior", "cluster_prior", "spectral", "agreement",
    "noisy_agreement", "augmented_agreement", "augmented_latent", "balance", "entropy",
)  # fmt: skip


def total(terms: dict[str, Tensor], config: Config) -> Tensor:
    """The objective: every term times the weight of the same name. This line is why a weight may move."""
    return sum(getattr(config, name) * term for name, term in terms.items())


@dataclass
class Clock:
    """Counts steps and epochs, averages losses, and says when the next event is due."""

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

    @property
    def epochs(self) -> int:
        return self.config.epochs + self.config.joint_epochs

    def start_epoch(self, stage: str, batches: int) -> None:
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
            kind, self.stage, self.epoch, self.epochs, self.step, losses_now, now - self.began, rate,
            self.remaining(now, whole), **more,
        )  # fmt: skip

    def remaining(self, now: float, epoch_over: bool) -> float:
        """Seconds left, from the median epoch so far; a joint epoch not yet seen is taken as 2.5 of stage 1."""
        first, second = self.epoch_seconds["autoencoder"], self.epoch_seconds["joint"]
        share = 1.0 if epoch_over else self.epoch_step / self.batches
        running = (now - self.epoch_began) / max(share, 1e-3)
        one = float(np.median(first)) if first else running
        two = float(np.median(second)) if second else (running if self.stage == "joint" else 2.5 * one)
        done_one = min(self.epoch - 1 + share, self.config.epochs)
        done_two = max(self.epoch - 1 + share - self.config.epochs, 0)
        return one * (self.config.epochs - done_one) + two * (self.config.joint_epochs - done_two)


class Stopped(Exception):
    """The control said stop."""


@dataclass
class Steering:
    """The settings as they are now: `poll` takes what the control row says between two steps."""

    config: Config
    control: Control | None
    optimiser: torch.optim.Optimizer | None = None

    def poll(self, clock: Clock) -> list[Event]:
        changes = self.control() if self.control else {}
        notes = []
        if changes.get("pause"):
            while not (changes.get("resume") or changes.get("stop")):
                time.sleep(0.1)
                changes = {**changes, **self.control()}
        if changes.get("stop"):
            raise Stopped
        moved = {name: value for name, value in changes.items() if name in KNOBS and KNOBS[name].live}
        if moved:
            before = self.config
            self.config = self.config.replace(**moved)
            told = ", ".join(f"{n} {getattr(before, n):g} → {getattr(self.config, n):g}" for n in moved)
            notes.append(clock.event("note", message=f"Changed while training: {told}."))
            for group in self.optimiser.param_groups if self.optimiser else ():
                group["lr"] = self.config.learning_rate
        return notes


def fit(
    samples: np.ndarray,
    config: Config,
    *,
    control: Control | None = None,
    observe: Observe | None = None,
    scaling: tuple[float, float] = (0.0, 1.0),
) -> Generator[Event, None, Fitted]:
    """Train both stages and label every sample. Yields events; the generator's return value is the `Fitted`.

    samples: (n, C, H, W) images or (n, F) rows, raw; scaling = (offset, factor) brings them to [0, 1].
    control: called before every step, returns what changed since: {"stop": True}, {"pause": True},
    {"resume": True}, or new values of knobs that are `live`. observe: called now and then with the clusters
    of the moment, (n,) integers; the scores it returns go into the event and nowhere else.
    Raises RunError when the loss is no longer a number. Seeds torch's global generator.
    """
    device, _ = describe(config.device)
    torch.manual_seed(config.seed)
    if device.type == "cuda":  # the fastest kernels do not repeat themselves
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    rng = np.random.default_rng(config.seed)
    config = with_least_steps(config, len(samples))
    feed = Feed(samples, scaling, device)
    nets = Networks(samples.shape[1:], config).to(device)
    if len(nets.shape) == 3:
        nets = nets.to(memory_format=torch.channels_last)
    clock, steering = Clock(config), Steering(config, control)
    try:
        yield from _autoencoder_stage(nets, feed, steering, clock, rng)
        if config.joint_epochs:
            yield from _joint_stage(nets, feed, steering, clock, rng, observe)
    except Stopped:
        yield clock.event("note", message="Stopped; the labels are made from what was learned so far.")
    joint, clock.stage = clock.stage == "joint", "labels"
    yield clock.event("note", message="Reading the labels out")
    fitted = finish(nets, feed, steering.config, joint=joint)
    sizes = _sizes(fitted.labels, config.clusters)
    if empty := [str(cluster) for cluster, size in enumerate(sizes) if not size]:
        told = f"Empty clusters: {', '.join(empty)}; ask for fewer clusters, or raise the balance."
        yield clock.event("note", level="warning", message=told)
    yield clock.event("done", cluster_sizes=sizes)
    return fitted


def with_least_steps(config: Config, count: int) -> Config:
    """More epochs where `count` samples make so few batches that a stage would end before `least_steps`."""

    def enough(name: str, batch: int, least: int) -> int:
        epochs, steps = getattr(config, name), max(1, round(count / batch))
        steps = min(steps, config.batches) if config.batches else steps
        return min(max(epochs, math.ceil(least / steps)), KNOBS[name].high) if epochs else 0

    first = enough("epochs", config.batch, config.least_steps)
    # The joint stage needs fewer: its networks are past their beginning.
    second = enough("joint_epochs", config.joint_batch, config.least_steps // 8)
    return config.replace(epochs=first, joint_epochs=second)


def _epoch_indices(count: int, batch: int, limit: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A random order of the samples in equal batches of about `batch`, at most `limit` of them (0: all)."""
    parts = np.array_split(rng.permutation(count), max(1, round(count / batch)))
    return parts[:limit] if limit else parts


def _step(terms: dict[str, Tensor], steering: Steering, clock: Clock, images: int) -> Event | None:
    """One step down the weighted sum. The loss is looked at first: a step on NaN would spoil the networks."""
    loss = total(terms, steering.config)
    told = {name: float(term.detach()) for name, term in terms.items()} | {"total": float(loss.detach())}
    if not np.isfinite(told["total"]):
        raise RunError("The loss is no longer a number; try a smaller learning_rate or smaller weights.")
    steering.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    steering.optimiser.step()
    return clock.tick(told, images)


def _autoencoder_stage(
    nets, feed: Feed, steering: Steering, clock: Clock, rng
) -> Generator[Event, None, None]:
    steering.optimiser = torch.optim.Adam(nets.stage_one(), steering.config.learning_rate)
    for _ in range(steering.config.epochs):
        batches = _epoch_indices(len(feed), steering.config.batch, steering.config.batches, rng)
        clock.start_epoch("autoencoder", len(batches))
        nets.train()
        for index in batches:
            yield from steering.poll(clock)
            code, _, terms = autoencoder_terms(nets, feed(index), steering.config)
            terms["prior"] = losses.gaussian_kl(code.mean, code.log_variance)
            if event := _step(terms, steering, clock, len(index)):
                yield event
        yield clock.event("epoch")


class Pairs:
    """The whole-data graph, from which a batch is drawn together with one neighbour of each of its samples."""

    def __init__(self, affinity, rng: np.random.Generator):
        self.affinity, self.rng = affinity, rng
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


def _joint_stage(nets, feed: Feed, steering: Steering, clock: Clock, rng, observe):
    config = steering.config
    whole = config.graph == "whole"
    pairs = None
    if whole:
        yield clock.event("progress", message=BUILDING)
        latent = encode(nets, feed)
        pairs = Pairs(graph.whole_graph(latent, config.neighbours), rng)
        readout = read_out(pairs.affinity, config)
        teach_head(nets, latent, readout, config)
        yield _look(readout.labels, clock, config, observe, "Labels read from the graph of stage 1's latent")
    else:
        torch.nn.init.normal_(nets.centres, std=0.1)
    steering.optimiser = torch.optim.Adam(
        [p for p in nets.parameters() if p.requires_grad], config.learning_rate
    )
    labels, before, last_loss, fallbacks = None, None, None, 0
    for epoch in range(config.joint_epochs):
        if whole and epoch and epoch % config.refresh == 0:
            yield clock.event("progress", message=BUILDING)
            # The latent is better than when the head was taught: what its graph says now is taught again.
            latent = encode(nets, feed)
            pairs = Pairs(graph.whole_graph(latent, config.neighbours), rng)
            readout = read_out(pairs.affinity, config, labels)
            teach_head(nets, latent, readout, config, REFRESH_STEPS)
        batches = _epoch_indices(len(feed), config.joint_batch, config.batches, rng)
        clock.start_epoch("joint", len(batches))
        nets.train()
        for index in batches:
            yield from steering.poll(clock)
            terms, how = joint_terms(nets, feed, index, pairs, steering.config)
            if how == "qr" and not fallbacks:
                yield clock.event("note", level="warning", message="The orthonormalisation fell back to QR: the "
                    "batch spans fewer dimensions than K′.")  # fmt: skip
            fallbacks += how == "qr"
            if event := _step(terms, steering, clock, len(index)):
                yield event
        ended = clock.event("epoch")
        yield ended
        latent = encode(nets, feed)
        labels = assign_softly(nets, latent)[1].argmax(1).cpu().numpy()
        if (epoch + 1) % config.evaluate_every == 0:
            yield _look(labels, clock, config, observe)
        if (
            config.stopping == "labels"
            and before is not None
            and np.mean(labels != before) < config.tolerance
        ):
            break
        if (
            config.stopping == "loss"
            and last_loss
            and abs(last_loss - ended.losses["total"]) < config.tolerance
        ):
            break
        before, last_loss = labels, ended.losses["total"]


def joint_terms(nets, feed: Feed, index: np.ndarray, pairs: Pairs | None, config: Config):
    """All terms of stage 2 for the samples at `index` (m,) and, on a whole-data graph, a neighbour of each.

    → the terms, unweighted, and how the orthonormalisation was done. Terms of weight zero are left out.
    """
    count = len(index)
    if pairs:
        index = np.concatenate([index, pairs.neighbours(index)])
    samples = feed(index)
    code, noisy, terms = autoencoder_terms(nets, samples, config)
    raw, logits = nets.spectral(code.mean)
    assignment = logits.softmax(1)
    terms["cluster_prior"] = losses.cluster_conditional_kl(
        code.mean, code.log_variance, assignment, nets.centres
    )
    coordinates, _, how = orthonormalise(raw)
    affinity = (
        pairs.among(index, feed.device) if pairs
        else graph.batch_affinity(code.mean, config.neighbours, config.bandwidth)
    )  # fmt: skip
    terms["spectral"] = losses.spectral_loss(coordinates, affinity)
    if config.agreement and pairs:
        terms["agreement"] = losses.agreement(assignment[:count], assignment[count:])
    if config.noisy_agreement:
        terms["noisy_agreement"] = losses.agreement(assignment, nets.spectral(noisy)[1].softmax(1))
    if config.augmented_agreement and samples.dim() == 4:
        copy = random_copy(samples, config.shift, config.rotation, config.scaling)
        moved = nets.encoder(copy).mean
        terms["augmented_agreement"] = losses.agreement(assignment, nets.spectral(moved)[1].softmax(1))
        terms["augmented_latent"] = (code.mean - moved).square().sum(1).mean()
    if config.balance:
        terms["balance"] = losses.balance(assignment, nets.shares)
    if config.entropy:
        terms["entropy"] = losses.assignment_kl(assignment)
    return terms, how


def _look(labels, clock: Clock, config: Config, observe, message: str = "") -> Event:
    scores = observe(labels) if observe else {}
    return clock.event(
        "evaluation", cluster_sizes=_sizes(labels, config.clusters), scores=scores, message=message
    )


def _sizes(assignments: np.ndarray, clusters: int) -> tuple[int, ...]:
    return tuple(int(size) for size in np.bincount(assignments, minlength=clusters))

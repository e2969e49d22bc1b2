"""Everything that one training works with, made from its samples and settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from dsc_core.analysis import map_film
from dsc_core.config import Config
from dsc_core.device import describe
from dsc_core.events import Event
from dsc_core.method.answers import Marks
from dsc_core.method.feed import BLOCK, Feed, graph_rows, on_device
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.sizes import check_encoder
from dsc_core.method.searches import check_search
from dsc_core.method.second_view import SecondView
from dsc_core.sampling import sample_rows
from dsc_core.training import distributed
from dsc_core.training.batches import check_processes
from dsc_core.training.clock import Clock
from dsc_core.training.countdown import Countdown
from dsc_core.training.film import Film, Snapshot
from dsc_core.training.recovery import Keeper, SaveState
from dsc_core.training.requests import Control
from dsc_core.training.steering import Steering
from dsc_core.training.trainer import Trainer

MEAN_SAMPLE = 10_000  # samples whose mean the decoders begin with

Observe = Callable[[np.ndarray], dict[str, float]]


@dataclass
class Training:
    """The parts of one training. feed, second_view, observe, marks: of the samples that the present stage trains on."""

    trainer: Trainer
    feed: Feed
    second_view: SecondView
    film: Film
    keeper: Keeper
    observe: Observe | None
    marks: Marks | None = None

    @property
    def config(self) -> Config:
        """The settings as they are now."""
        return self.trainer.config

    @cached_property
    def on_graph(self) -> Training:
        """The same training on the samples of the graph, where a part of a large data set was drawn for it."""
        rows = graph_rows(len(self.feed), self.config) if self.config.graph == "whole" else None
        if rows is None:
            return self
        feed, observe = self.feed.part(rows), _observe_part(self.observe, rows, len(self.feed))
        marks = None if self.marks is None else self.marks.among(rows)
        view = SecondView(feed, self.config)
        return replace(self, feed=feed, second_view=view, observe=observe, marks=marks)

    def evaluation(self, labels: np.ndarray, message: str = "") -> Event:
        """The sizes of the clusters of `labels` (n,), and the scores that the caller has for them."""
        scores = self.observe(labels) if self.observe else {}
        return self.trainer.clock.evaluation(cluster_sizes(labels, self.config.clusters), scores, message)


def set_up(
    samples: np.ndarray,
    config: Config,
    scaling: tuple[float, float],
    control: Control | None,
    observe: Observe | None,
    checkpoint: SaveState | None,
    snapshot: Snapshot | None,
    countdown: Countdown,
    marks: Marks | None = None,
) -> Training:
    """New networks on the device of the settings, and all that trains them; seeds torch's global generator."""
    check_encoder(samples.shape[1:], config.encoder)
    check_search(config)  # rather before training than after stage 1
    device, _ = describe(config.device)
    torch.manual_seed(config.seed)
    if device.type == "cuda":  # the fastest kernels are not deterministic
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    check_processes(len(samples), config)
    nets = distributed.normalised_together(Networks(samples.shape[1:], config).to(device))
    if len(nets.shape) == 3:
        nets = nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    feed = Feed(samples, scaling, device, resident=on_device(samples, device))
    steering = Steering(config, control)
    trainer = Trainer(nets, steering, Clock(config, countdown), np.random.default_rng(config.seed))
    keeper = Keeper(trainer, checkpoint)
    steering.save, steering.settle = keeper.save, trainer.settle
    film = Film(nets, feed, snapshot, config.map_every, map_film.film_rows(len(samples), config))
    return Training(trainer, feed, SecondView(feed, config), film, keeper, observe, marks)


@torch.no_grad()
def start_decoders(training: Training) -> None:
    """Let the decoders of images begin near the mean of the training data; see `Decoder.start_at`.

    The mean is that of MEAN_SAMPLE samples drawn by the seed, in the units of the networks, and the same in all
    processes.
    """
    feed, decoders = training.feed, training.trainer.nets.decoders()
    if not decoders or len(training.trainer.nets.shape) != 3:
        return
    rows = sample_rows(len(feed), MEAN_SAMPLE, training.config.seed)

    def channel_means() -> torch.Tensor:
        blocks = (feed(part).double() for part in np.array_split(rows, math.ceil(len(rows) / BLOCK)))
        return sum((block.mean((2, 3)).sum(0).cpu() for block in blocks), torch.zeros(())) / len(rows)

    means = (
        distributed.once(channel_means).float().nan_to_num(0.5)
    )  # the loss will say what is wrong with NaN
    for decoder in decoders:
        decoder.start_at(means.to(feed.device))


def cluster_sizes(labels: np.ndarray, clusters: int) -> tuple[int, ...]:
    """How many of the labels (n,) name each cluster."""
    return tuple(int(size) for size in np.bincount(labels, minlength=clusters))


def _observe_part(observe: Observe | None, rows: np.ndarray, count: int) -> Observe | None:
    """`observe` for labels of the samples at `rows` alone; the others among `count` get −1."""
    if observe is None:
        return None

    def observe_part(labels: np.ndarray) -> dict[str, float]:
        every = np.full(count, -1)
        every[rows] = labels
        return observe(every)

    return observe_part

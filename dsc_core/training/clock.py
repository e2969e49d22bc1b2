"""Where training is: steps and epochs, averaged terms, speed, remaining time, and when the next event is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsc_core.config import Config
from dsc_core.events import Event

PERIOD = 1.0  # seconds between two progress events
# What a joint epoch takes, and building a graph and reading its clusters, in epochs of stage 1, until it was measured.
JOINT_EPOCHS, GRAPH_EPOCHS = 2.5, 3.0


def magnitude(terms: dict[str, float]) -> float:
    """The sum of the absolute values of all unweighted terms."""
    return sum(abs(value) for name, value in terms.items() if name != "total")


@dataclass
class Clock:
    """Counts steps and epochs, averages the terms, and says when the next event is due.

    stage: "autoencoder", "joint" or "labels". step counts every step, also those undone after a bad loss: it never
    runs backwards. sums, counts, count and seen are of the current period, epoch_… of the current epoch; counts has
    the steps of each term, since one of weight 0 is not computed. usual: the magnitude of the terms in the last
    complete epoch. began, marked, epoch_began: readings of the monotonic clock, shifted by the pauses since then, so
    that a pause counts in none of them. paused: seconds of all pauses. graph_seconds: what each graph took.
    """

    config: Config
    stage: str = "autoencoder"
    epoch: int = 0
    step: int = 0
    began: float = field(default_factory=time.monotonic)
    marked: float = field(default_factory=time.monotonic)
    seen: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    count: int = 0
    epoch_sums: dict[str, float] = field(default_factory=dict)
    epoch_counts: dict[str, int] = field(default_factory=dict)
    epoch_count: int = 0
    epoch_seconds: dict[str, list[float]] = field(default_factory=lambda: {"autoencoder": [], "joint": []})
    batches: int = 1
    epoch_began: float = field(default_factory=time.monotonic)
    epoch_step: int = 0
    epoch_images: int = 0
    usual: float | None = None
    paused: float = 0.0
    graph_seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Epochs of both stages."""
        return self.config.epochs + self.config.joint_epochs

    @property
    def last_epoch(self) -> bool:
        """Whether this is the last epoch of the settings."""
        return self.epoch == self.epochs

    def start_epoch(self, stage: str, batches: int) -> None:
        """Begin the next epoch, of so many batches."""
        if self.epoch_count:
            self.usual = magnitude(self.epoch_sums) / self.epoch_count
        self.stage, self.batches, self.epoch_step = stage, batches, 0
        self.epoch += 1
        self.epoch_began = time.monotonic()
        self.epoch_sums, self.epoch_counts, self.epoch_count, self.epoch_images = {}, {}, 0, 0

    def start_labels(self) -> None:
        """Begin the labelling of all samples."""
        self.stage, self.epoch_began = "labels", time.monotonic()

    def pause(self, seconds: float) -> None:
        """Leave `seconds` that just passed out of all times."""
        self.paused += seconds
        self.began, self.marked = self.began + seconds, self.marked + seconds
        self.epoch_began += seconds

    def tick(self, terms: dict[str, float], images: int) -> Event | None:
        """Count one step; an event about once per PERIOD."""
        self.step += 1
        self.epoch_step += 1
        self.count += 1
        self.epoch_count += 1
        self.seen += images
        self.epoch_images += images
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.epoch_sums[name] = self.epoch_sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
            self.epoch_counts[name] = self.epoch_counts.get(name, 0) + 1
        return self.progress() if time.monotonic() - self.marked >= PERIOD else None

    def progress(self, message: str = "") -> Event:
        """The means over the current period, which ends here."""
        now = time.monotonic()
        event = self._event(
            "progress",
            now,
            losses=self.period_means(),
            images_per_second=self.seen / max(now - self.marked, 1e-9),
            message=message,
        )
        self.marked, self.seen, self.sums, self.counts, self.count = now, 0, {}, {}, 0
        return event

    def end_epoch(self) -> Event:
        """The means over the epoch, which is over."""
        now = time.monotonic()
        seconds = now - self.epoch_began
        self.epoch_seconds[self.stage].append(seconds)
        return self._event(
            "epoch",
            now,
            losses={name: value / self.epoch_counts[name] for name, value in self.epoch_sums.items()},
            images_per_second=self.epoch_images / max(seconds, 1e-9),
            remaining=self.remaining(now, epoch_over=True),
        )

    def note(self, message: str, level: str = "info", **more: Any) -> Event:
        """A message; more: further fields of the event."""
        return self._event("note", time.monotonic(), message=message, level=level, **more)

    def evaluation(self, sizes: tuple[int, ...], scores: dict[str, float], message: str) -> Event:
        """Cluster sizes and scores, with the means over the current period."""
        facts = {"cluster_sizes": sizes, "scores": scores, "message": message}
        return self._event("evaluation", time.monotonic(), losses=self.period_means(), **facts)

    def done(self, sizes: tuple[int, ...]) -> Event:
        """The end of training."""
        return self._event("done", time.monotonic(), losses=self.period_means(), cluster_sizes=sizes)

    def period_means(self) -> dict[str, float]:
        """The means of the terms over the current period."""
        return {name: value / self.counts[name] for name, value in self.sums.items()}

    def _event(self, kind: str, now: float, **more: Any) -> Event:
        more = {"remaining": self.remaining(now), "paused": round(self.paused, 1) or None} | more
        return Event(kind, self.stage, self.epoch, self.epochs, self.step, seconds=now - self.began, **more)

    def remaining(self, now: float, epoch_over: bool = False) -> float | None:
        """Estimated seconds until all samples are labelled, from the median epoch and graph so far.

        None before the first step, and where the labelling takes longer than was expected.
        """
        first, second = self.epoch_seconds["autoencoder"], self.epoch_seconds["joint"]
        if not (first or second or self.epoch_step):
            return None
        share = 1.0 if epoch_over else self.epoch_step / self.batches
        running = (now - self.epoch_began) / max(share, 1e-3)
        one = float(np.median(first)) if first else running
        graph = float(np.median(self.graph_seconds)) if self.graph_seconds else GRAPH_EPOCHS * one
        if self.stage == "labels":
            left = graph * self._graphs_at_end() - (now - self.epoch_began)
            return left if left > 0 else None
        expected = running if self.stage == "joint" else JOINT_EPOCHS * one
        two = float(np.median(second)) if second else expected
        done_one = min(self.epoch - 1 + share, self.config.epochs)
        done_two = max(self.epoch - 1 + share - self.config.epochs, 0)
        epochs = one * (self.config.epochs - done_one) + two * (self.config.joint_epochs - done_two)
        return epochs + graph * (self._graphs_left(done_two) + self._graphs_at_end())

    def _graphs_left(self, done: float) -> int:
        """How often stage 2 will still build a graph, after `done` of its epochs."""
        config = self.config
        if config.graph != "whole" or not config.joint_epochs:
            return 0
        due = (
            range(config.refresh, config.joint_epochs, config.refresh) if config.encoder == "network" else ()
        )
        return sum(epoch >= done for epoch in due) + (self.stage == "autoencoder")

    def _graphs_at_end(self) -> int:
        """How often the labelling builds a graph."""
        return int(self.config.readout == "diffusion" or not self.config.joint_epochs)

"""Where training is: steps and epochs, averaged terms, speed, remaining time, and when the next event is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from dsc_core.config import Config
from dsc_core.events import Event
from dsc_core.training.countdown import Countdown

PERIOD = 1.0  # seconds between two progress events
STEPS = {"autoencoder": "stage 1", "joint": "stage 2"}  # the part that the steps of a stage are


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
    that a pause counts in none of them. paused: seconds of all pauses. countdown: what is left, by the parts of the
    run; an empty one knows only what has been.
    """

    config: Config
    countdown: Countdown = field(default_factory=lambda: Countdown({}))
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
    batches: int = 1
    epoch_began: float = field(default_factory=time.monotonic)
    epoch_step: int = 0
    epoch_images: int = 0
    usual: float | None = None
    paused: float = 0.0

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
        self.enter(STEPS[stage])
        before = self.epoch - 1 - (self.config.epochs if stage == "joint" else 0)
        self.countdown.done[STEPS[stage]] = before * batches
        self.epoch_sums, self.epoch_counts, self.epoch_count, self.epoch_images = {}, {}, 0, 0

    def start_labels(self) -> None:
        """Begin the labelling of all samples."""
        self.stage, self.epoch_began = "labels", time.monotonic()
        self.enter("encoding")

    def enter(self, part: str, stage: str | None = None) -> None:
        """A part of the run begins, one of `costs.PARTS`; the one before it is over. stage: the present one if None."""
        self.countdown.enter(part, stage or self.stage)

    def pause(self, seconds: float) -> None:
        """Leave `seconds` that just passed out of all times."""
        self.paused += seconds
        self.began, self.marked = self.began + seconds, self.marked + seconds
        self.epoch_began += seconds
        self.countdown.pause(seconds)

    def tick(self, terms: dict[str, float], images: int) -> Event | None:
        """Count one step with its terms; an event about once per PERIOD."""
        self.advance(images)
        self.gather(terms, dict.fromkeys(terms, 1))
        return self.progress() if self.due else None

    def advance(self, images: int) -> None:
        """Count one step, whose terms are handed to `gather` before the next event."""
        self.countdown.count()
        self.step += 1
        self.epoch_step += 1
        self.count += 1
        self.epoch_count += 1
        self.seen += images
        self.epoch_images += images

    def gather(self, sums: dict[str, float], steps: dict[str, int]) -> None:
        """Add the sums of terms over so many steps each."""
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.epoch_sums[name] = self.epoch_sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + steps[name]
            self.epoch_counts[name] = self.epoch_counts.get(name, 0) + steps[name]

    @property
    def due(self) -> bool:
        """Whether the present period is over."""
        return time.monotonic() - self.marked >= PERIOD

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
        return self._event(
            "epoch",
            now,
            losses={name: value / self.epoch_counts[name] for name, value in self.epoch_sums.items()},
            images_per_second=self.epoch_images / max(seconds, 1e-9),
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
        more = {"remaining": self.remaining(), "paused": round(self.paused, 1) or None} | more
        return Event(kind, self.stage, self.epoch, self.epochs, self.step, seconds=now - self.began, **more)

    def remaining(self) -> float | None:
        """The estimated seconds that are left of the run; None where nothing was expected of it."""
        return self.countdown.remaining() if self.countdown.plan else None

    @property
    def measured(self) -> dict[str, Any]:
        """What the countdown has measured, for a checkpoint."""
        return self.countdown.state

    @measured.setter
    def measured(self, state: dict[str, Any]) -> None:
        self.countdown.state = state

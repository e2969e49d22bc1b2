"""How many epochs, steps and graphs a training has, and of what size its batches are.

Imports no PyTorch: a page says it before training starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsc_core.config import KNOBS, Config
from dsc_core.method.teaching import HEAD_STEPS, REFRESH_STEPS

# Where a small data set trains for more epochs, so many graphs in stage 2, and frames of the film, are enough.
GRAPHS, FRAMES = 5, 12
MOST_APART = 100  # epochs, the largest value of the settings
# A small data set trains stage 1 in batches of about this share of it, but of so many samples at least. A step then
# costs less, and as many steps lead to clusters that are as good: 400 images in a third of the time.
BATCHES, FEWEST = 14, 32
JOINT_SHARE = 1.0  # of the epochs of stage 2: so many are trained, on average, before the labels stand still


def batch_count(count: int, batch: int) -> int:
    """Batches of about `batch` samples that `count` samples make."""
    return max(1, round(count / batch))


def with_least_steps(config: Config, count: int) -> Config:
    """Smaller batches in stage 1, and more epochs, where a stage on `count` samples would end before `least_steps`.

    Nothing of stage 1 changes without an encoder, which has nothing to learn there. Graphs, evaluations and frames of
    the film do not become many by that: see GRAPHS and FRAMES.
    """
    if config.encoder == "network" and config.least_steps:
        config = config.replace(batch=_smaller(config.batch, count))

    def enough(name: str, batch: int, least: int) -> int:
        epochs, steps = getattr(config, name), batch_count(count, batch)
        steps = limited(steps, config.batches)
        most = int(KNOBS[name].high or epochs)
        return min(max(epochs, math.ceil(least / steps)), most) if epochs else 0

    first = enough("epochs", config.batch, config.least_steps) if config.encoder == "network" else 0
    # Stage 2 needs fewer: its networks are trained already.
    second = enough("joint_epochs", config.joint_batch, config.least_steps // 8)
    asked, both = config.epochs + config.joint_epochs, first + second
    return config.replace(
        epochs=first,
        joint_epochs=second,
        refresh=_spread(config.refresh, config.joint_epochs, second, GRAPHS),
        evaluate_every=_spread(config.evaluate_every, config.joint_epochs, second, GRAPHS),
        map_every=_spread(config.map_every, asked, both, FRAMES),
    )


def _smaller(batch: int, count: int) -> int:
    """At most `batch`, so that `count` samples make about BATCHES batches; a multiple of 8."""
    return min(batch, max(FEWEST, math.ceil(count / BATCHES / 8) * 8))


def _spread(every: int, asked: int, epochs: int, enough: int) -> int:
    """How many epochs lie between two of something where there are more epochs than `asked`, with `every` between two.

    Further apart where they would be more than `enough`, and more than were asked for; 0, never, stays.
    """
    if not every or epochs <= asked:
        return every
    return min(max(every, math.ceil(epochs / max(enough, asked // every))), MOST_APART)


def departures(asked: Config, config: Config, count: int) -> str:
    """Where epochs and batches are otherwise than `asked`, and why, in a sentence; "" if nowhere."""
    stages = ((1, asked.epochs, config.epochs), (2, asked.joint_epochs, config.joint_epochs))
    raised = [f"{new} in stage {number} instead of {old}" for number, old, new in stages if new > old]
    said = [f"there are more epochs: {' and '.join(raised)}"] if raised else []
    if config.batch < asked.batch:
        said.append(f"stage 1 has batches of {config.batch} instead of {asked.batch}")
    if not said:
        return ""
    return (
        f"{count:,} samples make few steps per epoch, so {'; '.join(said)}"
        f" (see the setting {KNOBS['least_steps'].title}: {config.least_steps})."
    )


@dataclass(frozen=True)
class Schedule:
    """How often each part of a training is done, where stage 2 does not end early.

    batch: samples in a batch of stage 1. batches, joint_batches: per epoch. graphs: built before and in stage 2, each
    with its cut; teaching_steps: of the head after each of them, on average. last_graph: whether the labels are read
    from one more graph, after which the head learns for last_teaching_steps. joint_share: how much of stage 2 is
    usually trained before the labels stand still. frames: of the film.
    """

    batch: int
    epochs: int
    joint_epochs: int
    batches: int
    joint_batches: int
    graphs: int
    teaching_steps: int
    last_graph: bool
    last_teaching_steps: int
    joint_share: float
    frames: int

    @property
    def steps(self) -> int:
        """Steps of stage 1."""
        return self.epochs * self.batches

    @property
    def joint_steps(self) -> int:
        """Steps of stage 2."""
        return self.joint_epochs * self.joint_batches


def schedule(config: Config, count: int) -> Schedule:
    """The schedule of a training on `count` samples."""
    config = with_least_steps(config, count)
    on_graph = min(count, config.graph_samples) if config.graph == "whole" else count
    graphs = 0
    if config.joint_epochs and config.graph == "whole":
        refreshed = config.encoder == "network"
        graphs = 1 + (len(range(config.refresh, config.joint_epochs, config.refresh)) if refreshed else 0)
    epochs = config.epochs + config.joint_epochs
    return Schedule(
        config.batch,
        config.epochs,
        config.joint_epochs,
        limited(batch_count(count, config.batch), config.batches),
        limited(batch_count(on_graph, config.joint_batch), config.batches),
        graphs,
        (HEAD_STEPS + (graphs - 1) * REFRESH_STEPS) // max(graphs, 1),
        config.readout in ("diffusion", "damped") or not config.joint_epochs,
        0 if config.readout == "damped" else HEAD_STEPS,
        JOINT_SHARE if config.stopping == "labels" else 1.0,
        1 + math.ceil(epochs / config.map_every) if config.map_every else 0,
    )


def limited(batches: int, limit: int) -> int:
    """`batches`, at most `limit` of them (0: all)."""
    return min(batches, limit) if limit else batches

"""Training from samples to labels: the two stages, read top to bottom. Labels of the data never come here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from dsc_core.config import KNOBS, Config
from dsc_core.events import Event
from dsc_core.method.answers import Marks
from dsc_core.method.batch import autoencoder_terms
from dsc_core.method.views import left_out
from dsc_core.model import Fitted
from dsc_core.training import allocation, captured, distributed, joint
from dsc_core.training.admitted import with_admitted
from dsc_core.training.alarm import watched
from dsc_core.training.batches import epoch_batches, epochs_left
from dsc_core.training.checkpoint import State
from dsc_core.training.costs import Job, plan
from dsc_core.training.countdown import Countdown
from dsc_core.training.divergence import Diverged
from dsc_core.training.epochs import departures, with_least_steps
from dsc_core.training.film import Snapshot
from dsc_core.training.finish import finish
from dsc_core.training.recovery import SaveState
from dsc_core.training.requests import Control
from dsc_core.training.setup import Observe, Training, cluster_sizes, set_up, start_decoders
from dsc_core.training.steering import Stopped
from dsc_core.training.trainer import Trainer

# Of the algorithm: raised when the same settings give other labels, so that old results are recognised.
REVISION = 8
LABELLING = "Labelling the samples"
STOPPED = "Stopped; the labels are made from what was learned so far."
DRAWN = (
    "The graph, and all that is trained on it, uses {1:,} of the {0:,} samples, drawn by the seed (see the setting {2})"
    "; the spectral network labels the others."
)

Terms = Callable[[np.ndarray], tuple[dict[str, Tensor], list[Event]]]


def fit(
    samples: np.ndarray,
    config: Config,
    *,
    control: Control | None = None,
    observe: Observe | None = None,
    scaling: tuple[float, float] = (0.0, 1.0),
    checkpoint: SaveState | None = None,
    snapshot: Snapshot | None = None,
    resume_from: State | None = None,
    scratch: Path | None = None,
    countdown: Countdown | None = None,
    marks: Marks | None = None,
) -> Generator[Event, None, Fitted | None]:
    """Train both stages and label every sample: a generator of events whose return value is the `Fitted`.

    samples: (n, C, H, W) images or (n, F) rows, raw; scaling = (offset, factor) brings them to [0, 1].
    control: called before every step; returns the requests since the last call: {"stop": True}, {"pause": True},
    {"resume": True}, or new values of live settings.
    observe: called now and then with the present clusters, (n,) integers, -1 for a sample that has none yet; the
    scores that it returns go into the event and nowhere else.
    checkpoint: called with the `State` after every epoch, at a pause, at a stop, and after a change of settings; all
    events until then have been yielded.
    snapshot: called before the first step, with epoch 0, and after every `map_every`-th epoch and the last, before its
    checkpoint: with the epoch, the codes (m, d) of the samples at `map_film.film_rows`, and their clusters (m,), None
    in stage 1.
    resume_from: a state of a training on the same samples, whose settings replace `config`; on the CPU the labels are
    those of a training without interruption. scratch: a folder for unnamed files with the codes of more than
    `graph_samples` samples, which otherwise stay in memory. countdown: measures the parts of the run, and holds what is
    expected of them; None takes the expectation of the table of costs. marks: a person's answers about the samples,
    which change every graph and its cut; the number of clusters stays. To resume a training, give it the same ones.

    Processes that have joined (`distributed`) all call it with the same samples and settings; the callbacks of the
    first one count, and the others return None. Seeds torch's global generator. A bad loss (NaN, infinite, exploded)
    sends training back to the last good state with half the learning rate; RunError where it stays bad. InputError
    where samples, settings and machine do not fit together.
    """
    asked = resume_from.config if resume_from else config
    config, decided = with_least_steps(asked, len(samples)), ""
    if not resume_from:  # a state holds what was decided when its training began
        config, decided = with_admitted(config, samples, scaling)
    countdown = countdown or Countdown(plan(Job(len(samples), samples.shape[1:], config), results=False))
    training = set_up(samples, config, scaling, control, observe, checkpoint, snapshot, countdown, marks)
    yield from _start(training, asked, resume_from, decided)
    allocation.keep_blocks()
    try:
        yield from _train(training)
    finally:
        allocation.give_back()
    return (yield from _finish(training, scratch)) if distributed.first() else None


def _start(training: Training, asked: Config, resume_from: State | None, decided: str) -> Iterator[Event]:
    """Take over a state, or keep the first one and say where training departs from the settings `asked`.

    decided: what was found of the transforms of random copies.
    """
    if resume_from:
        training.keeper.go_to(resume_from)
        return
    start_decoders(training)
    training.keeper.keep()
    training.film.take(epoch=0, last=False)
    if raised := departures(asked, training.config, len(training.feed)):
        yield training.trainer.clock.note(raised)
    count, on_graph = len(training.feed), training.config.graph_samples
    if count > on_graph:
        yield training.trainer.clock.note(DRAWN.format(count, on_graph, KNOBS["graph_samples"].title))
    if missing := left_out(training.config, training.trainer.nets.shape, min(count, on_graph)):
        yield training.trainer.clock.note(missing)
    if decided:
        yield training.trainer.clock.note(decided)


def _train(training: Training) -> Iterator[Event]:
    """Both stages, until they are over or a stop is requested; after a bad loss they continue from a good state."""
    while True:
        try:
            yield from _autoencoder_stage(training)
            if training.config.joint_epochs and not training.trainer.carry.over:
                yield from _joint_stage(training.on_graph)
        except Stopped:
            yield training.trainer.clock.note(STOPPED)
        except Diverged as error:
            yield training.keeper.step_back(error)
            continue
        break


def _autoencoder_stage(training: Training) -> Iterator[Event]:
    """Stage 1: the dual autoencoder alone."""
    clock = training.trainer.clock
    for _ in epochs_left(training.trainer, "autoencoder"):
        yield from _epoch(training, "autoencoder", _autoencoder_terms(training))
        clock.enter("saving")
        training.film.take(clock.epoch, last=clock.last_epoch)
        training.trainer.steering.save()


def _joint_stage(training: Training) -> Iterator[Event]:
    """Stage 2: all networks together, on the graph of the whole data set."""
    yield from joint.begin(training)
    for epoch in epochs_left(training.trainer, "joint"):
        yield from joint.refresh(training, epoch)
        loss = yield from _epoch(training, "joint", joint.batch_terms(training))
        yield from joint.finish_epoch(training, epoch, loss)
        if training.trainer.carry.over:
            break


def _epoch(training: Training, stage: str, terms: Terms) -> Generator[Event, None, float]:
    """One epoch, or the rest of one that was interrupted. → its mean loss."""
    trainer = training.trainer
    batches = epoch_batches(trainer, stage, len(training.feed))
    trainer.nets.train()
    captured.begin(trainer, training.feed, stage, batches)
    for index in batches:
        yield from trainer.steering.poll(trainer.clock)
        yield from watched(trainer, _step(trainer, terms, index))
    trainer.settle()
    yield from trainer.taken_notes()
    ended = trainer.clock.end_epoch()
    yield from watched(trainer, [ended])
    trainer.carry.order = None
    return ended.losses["total"]


def _step(trainer: Trainer, terms: Terms, index: np.ndarray) -> Iterator[Event]:
    """One step on the samples at `index` (m,), as recorded on the device or done anew, with the events that are due."""
    if trainer.static is not None:
        try:
            yield from trainer.static.step(index)
            return
        except captured.NotRecorded as error:
            yield captured.give_up(trainer, error)
    values, notes = terms(index)
    yield from notes
    if event := trainer.step(values, len(index)):
        yield event


def _autoencoder_terms(training: Training) -> Terms:
    """A function of the indices (m,) of a batch: the terms of stage 1, and nothing to note."""

    def compute(index: np.ndarray) -> tuple[dict[str, Tensor], list[Event]]:
        share = distributed.share(len(index))
        terms = training.trainer.compute(autoencoder_terms, training.feed, index, training.config, share)
        return terms, []

    return compute


def _finish(training: Training, scratch: Path | None) -> Generator[Event, None, Fitted]:
    """Label the samples."""
    training.keeper.good = None  # training is over: its state holds a graph, of a million samples 170 MB
    trainer, warnings, said = training.trainer, list[str](), list[str]()
    stage_2 = trainer.clock.stage == "joint"
    trainer.clock.start_labels()
    yield replace(trainer.clock.note(LABELLING), kind="progress")  # what is being done, until the next event
    fitted = finish(
        trainer.nets,
        training.feed,
        training.config,
        stage_2,
        trainer.carry,
        scratch,
        warnings.append,
        trainer.clock.enter,
        said.append,
        training.on_graph.second_view,
        training.on_graph.marks,
    )
    allocation.trim()
    for message in said:
        yield trainer.clock.note(message)
    for message in warnings:
        yield trainer.clock.note(message, level="warning")
    yield trainer.clock.done(cluster_sizes(fitted.labels, training.config.clusters))
    return fitted

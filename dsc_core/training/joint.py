"""Stage 2 around its epochs: the graph, what the head learns from it, the labels after an epoch, and the early end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.events import Event
from dsc_core.method.batch import joint_terms
from dsc_core.method.cut import Cut, clusters_in_words, confident_labels, cut_graph, empty_clusters
from dsc_core.method.feed import Source, build_graph, copy_codes, encode
from dsc_core.method.head import teach_head
from dsc_core.method.networks.networks import Networks
from dsc_core.method.taught import taught_cut, teach_graph
from dsc_core.method.teaching import HEAD_STEPS, REFRESH_STEPS
from dsc_core.training import allocation, distributed
from dsc_core.training.batches import Pairs
from dsc_core.training.maps import stage_labels
from dsc_core.training.setup import Training
from dsc_core.training.trainer import Trainer

BUILDING = "Building the graph of the whole data set"
FIRST_LABELS = "Clusters from the graph of stage 1's latent codes"
EMPTY = "No samples after this epoch in {}; the clusters are cut from a new graph."


def begin(training: Training) -> Iterator[Event]:
    """Build the graph of stage 1's latent codes and teach the head its clusters; nothing where stage 2 continues."""
    trainer = training.trainer
    if trainer.clock.stage == "joint":
        return
    if training.config.graph == "whole":
        yield replace(trainer.clock.progress(BUILDING), stage="joint")
        labels = rebuild(training, HEAD_STEPS)
        yield from trainer.taken_notes()
        yield training.evaluation(labels, FIRST_LABELS)
    else:
        torch.nn.init.normal_(trainer.nets.centres, std=0.1)
    trainer.start_stage("joint")


def refresh(training: Training, epoch: int) -> Iterator[Event]:
    """Before an epoch, counted from 0: rebuild the graph where it is due, or where a cluster has lost all samples."""
    config, carry = training.config, training.trainer.carry
    # Without an encoder the latent codes never change, nor does their graph.
    due = config.encoder == "network" and epoch > 0 and epoch % config.refresh == 0
    empty = carry.labels is not None and empty_clusters(carry.labels, config.clusters)
    if config.graph == "whole" and (due or empty) and carry.order is None:
        yield training.trainer.clock.progress(BUILDING)
        # The latent codes are better than those that the head was taught with.
        rebuild(training, HEAD_STEPS if empty else REFRESH_STEPS, even=bool(empty))


def rebuild(training: Training, steps: int, even: bool = False) -> np.ndarray:
    """Build the graph of the present latent codes and teach the head the clusters read from it: labels, (n,).

    The graph, its eigenvalues and the targets of self-training go into the trainer's `carry`, whose labels give the
    numbering. Of several processes the first reads the clusters, since machines may round differently. Stopped where
    a stop is requested meanwhile.
    """
    trainer, config, clock = training.trainer, training.config, training.trainer.clock
    check_cancelled, carry = trainer.steering.check_cancelled, trainer.carry
    clock.enter("encoding", "joint")

    def encode_source(nets: Networks, source: Source) -> Tensor:
        return encode_together(nets, source, check_cancelled)

    latent = encode_source(trainer.nets, training.feed)
    copies = copy_codes(trainer.nets, training.feed, config, encode_source)

    def build_and_cut() -> tuple[sparse.csr_matrix, Cut, list[str]]:
        training.second_view.build(clock.enter, lambda *_: check_cancelled())
        clock.enter("neighbours", "joint")
        said: list[str] = []
        say = None if carry.affinity is not None else said.append  # once per run: of the first graph
        affinity = build_graph(latent, copies, config, lambda *_: check_cancelled(), say)
        affinity = teach_graph(training.second_view.joined(affinity), training.marks)
        allocation.trim()
        clock.enter("cut", "joint")
        cut = cut_graph(affinity, config, carry.labels, check_cancelled, latent.device)
        return affinity, taught_cut(affinity, cut, config.clusters, training.marks), said

    with allocation.blocks_given_back(len(latent)):
        carry.affinity, cut, said = distributed.once(build_and_cut)
    trainer.notes += [clock.note(each) for each in said]
    carry.eigenvalues = cut.eigenvalues
    carry.targets = confident_labels(carry.affinity, cut.labels, config)
    if training.marks is not None:
        spoken = training.marks.group >= 0
        carry.targets[spoken] = cut.labels[spoken]
    clock.enter("teaching", "joint")
    teach_head(trainer.nets, latent, cut, config, steps, even)
    distributed.spread(trainer.nets)
    return cut.labels


def encode_together(
    nets: Networks, source: Source, check_cancelled: Callable[[], None] | None = None
) -> Tensor:
    """μ of every sample, (n, d); each of several processes encodes its share. check_cancelled: as of `encode`."""
    share = distributed.share(len(source))
    (latent,) = share.whole(encode(nets, source, share.mine(np.arange(len(source))), check_cancelled))
    return latent


def batch_terms(training: Training) -> Callable[[np.ndarray], tuple[dict[str, Tensor], list[Event]]]:
    """A function of the indices (m,) of a batch: the terms of stage 2, and what there is to note."""
    trainer, carry = training.trainer, training.trainer.carry
    whole = training.config.graph == "whole"
    pairs = Pairs(carry.affinity, trainer.rng, carry.targets) if whole else None

    def compute(index: np.ndarray) -> tuple[dict[str, Tensor], list[Event]]:
        share = distributed.share(len(index))
        terms, how = trainer.compute(joint_terms, training.feed, index, pairs, training.config, share)
        if how == "qr":
            trainer.note_fallbacks(1)
        return terms, trainer.taken_notes()

    return compute


def finish_epoch(training: Training, epoch: int, loss: float) -> Iterator[Event]:
    """After an epoch, counted from 0: label the samples, and see whether stage 2 is over.

    loss: the mean of the epoch.
    """
    trainer, config = training.trainer, training.config
    clock, carry = trainer.clock, trainer.carry
    clock.enter("encoding")
    latent = encode_together(trainer.nets, training.feed)
    labels = distributed.once(lambda: stage_labels(trainer.nets, latent, config, carry.labels))
    clock.enter("saving")
    if (epoch + 1) % config.evaluate_every == 0:
        yield training.evaluation(labels)
    empty = empty_clusters(labels, config.clusters) if config.graph == "whole" else []
    if empty:
        yield clock.note(EMPTY.format(clusters_in_words(empty)), level="warning")
    over = not empty and converged(trainer, labels, loss)
    carry.over = distributed.once(lambda: over)  # no process continues alone because of rounding
    carry.labels, carry.last_loss = labels, loss
    training.film.take(clock.epoch, carry.over or clock.last_epoch, latent, labels)
    trainer.steering.save()


def converged(trainer: Trainer, labels: np.ndarray, loss: float) -> bool:
    """Whether the labels (n,), or the loss, have hardly changed since the epoch before."""
    config, carry = trainer.config, trainer.carry
    if config.stopping == "labels":
        return carry.labels is not None and bool(np.mean(labels != carry.labels) < config.tolerance)
    if not carry.last_loss:
        return False
    return abs(carry.last_loss - loss) < config.tolerance

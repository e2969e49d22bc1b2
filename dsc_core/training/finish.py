"""The end of training: the last graph, and the labels of the training data by the fixed maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from torch import Tensor

from dsc_core.analysis import outliers
from dsc_core.assignment import Assignment, CodeMaps
from dsc_core.config import Config
from dsc_core.method.answers import Marks
from dsc_core.method.cut import clusters_in_words, cut_graph, empty_clusters
from dsc_core.method.feed import Feed, build_graph, copy_codes, encode, graph_rows
from dsc_core.method.head import head_labels, teach_head
from dsc_core.method.networks.networks import Networks
from dsc_core.method.second_view import SecondView
from dsc_core.method.taught import taught_cut, teach_graph
from dsc_core.model import Fitted, reconstruction_errors
from dsc_core.sampling import sample_rows
from dsc_core.training import allocation
from dsc_core.training.checkpoint import Carry
from dsc_core.training.maps import fix_maps, scaled

RETAUGHT = "Too small to be learned with the others: {}; the head was taught again with equal shares."
EMPTY = "No samples at the end in {}; choose fewer clusters, or raise the balance."


def finish(
    nets: Networks,
    feed: Feed,
    config: Config,
    joint: bool,
    carry: Carry,
    scratch: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
    enter: Callable[[str], None] = lambda _: None,
    say: Callable[[str], object] | None = None,
    second_view: SecondView | None = None,
    marks: Marks | None = None,
) -> Fitted:
    """Label the training data and fix the maps for new samples.

    Above `graph_samples` samples, a part drawn by the seed stands for all in whatever is fitted here. joint: stage 2
    has run. carry: holds its graph. scratch: a folder for the codes of a large data set, which otherwise stay in
    memory. warn: called with a sentence about each cluster that was hard to keep. enter: called with each part. say:
    called with a sentence about neighbours that are not exact, where training has not built a graph before.
    second_view: of the samples in the graph, where training may have built it already. marks: answers about
    those samples.
    """
    nets.eval()
    part = feed if (rows := graph_rows(len(feed), config)) is None else feed.part(rows)
    latent = encode(nets, part)
    affinity, views = None, second_view or SecondView(part, config)
    if config.readout in ("diffusion", "damped") or not joint:
        affinity = build_last_graph(nets, part, latent, config, carry, views, enter, say, marks)
    # The head then learns the clusters of the graph of the last codes: its labels hold for samples old and new.
    if config.readout == "diffusion" or not joint:
        like = head_labels(nets, latent) if joint else None
        teach_last_graph(nets, latent, like, config, carry, warn, enter, marks)
    enter("labels")
    maps = fix_maps(nets, latent, config, joint, affinity, _labels_of(rows, carry))
    maps = scaled(nets, maps, latent, carry.affinity, config)
    if rows is None:
        assignment = maps.assign(nets, latent)
    else:
        del latent
        assignment = maps.assign_large(nets, feed, scratch)
    if empty := empty_clusters(assignment.labels, config.clusters):
        warn(EMPTY.format(clusters_in_words(empty)))
    limit = error_limit(nets, feed, assignment.latent, config)
    return _fitted(nets, config, maps, assignment, limit, carry)


def _fitted(
    nets: Networks, config: Config, maps: CodeMaps, assignment: Assignment, limit: float | None, carry: Carry
) -> Fitted:
    """The trained model. limit: see `error_limit`."""
    return Fitted(
        nets,
        config,
        nets.shape,
        assignment.latent,
        assignment.spectral,
        assignment.labels,
        assignment.confidence,
        maps.transform,
        maps.centres,
        maps.scale,
        maps.temperature,
        limit,
        carry.affinity,
        carry.eigenvalues,
        maps.unit_rows,
        maps.biases,
    )


def _labels_of(rows: np.ndarray | None, carry: Carry) -> np.ndarray | None:
    """The labels in `carry` of the samples at `rows` (m,), None for all: graphs per batch are of all samples."""
    labels = carry.labels
    return labels if labels is None or rows is None or len(labels) <= len(rows) else labels[rows]


def build_last_graph(
    nets: Networks,
    feed: Feed,
    latent: Tensor,
    config: Config,
    carry: Carry,
    second_view: SecondView,
    enter: Callable[[str], None] = lambda _: None,
    say: Callable[[str], object] | None = None,
    marks: Marks | None = None,
) -> sparse.csr_matrix:
    """The graph of the last codes (n, d), sparse (n, n), which goes into `carry`. second_view, say: see `finish`."""
    if carry.affinity is None or config.encoder == "network":  # without an encoder the codes have not changed
        copies = copy_codes(nets, feed, config)
        second_view.build(enter)
        enter("neighbours")
        heard = say if carry.affinity is None else None
        carry.affinity = None  # the one of before: of a million samples 170 MB
        affinity = second_view.joined(build_graph(latent, copies, config, say=heard))
        carry.affinity = teach_graph(affinity, marks)
        del copies
        allocation.trim()
    return carry.affinity


def teach_last_graph(
    nets: Networks,
    latent: Tensor,
    like: np.ndarray | None,
    config: Config,
    carry: Carry,
    warn: Callable[[str], None],
    enter: Callable[[str], None] = lambda _: None,
    marks: Marks | None = None,
) -> None:
    """Teach the head the clusters of the graph in `carry`, of the last codes (n, d); its eigenvalues go there too.

    like: (n,) labels whose numbering is kept.
    """
    assert carry.affinity is not None
    enter("cut")
    cut = cut_graph(carry.affinity, config, like, device=latent.device)
    cut = taught_cut(carry.affinity, cut, config.clusters, marks)
    allocation.trim()
    carry.eigenvalues = cut.eigenvalues
    enter("teaching")
    teach_head(nets, latent, cut, config)
    if empty := empty_clusters(head_labels(nets, latent), config.clusters):
        warn(RETAUGHT.format(clusters_in_words(empty)))
        teach_head(nets, latent, cut, config, even=True)


def error_limit(nets: Networks, feed: Feed, latent: np.ndarray, config: Config) -> float | None:
    """The reconstruction error that few training samples exceed; None without a decoder."""
    rows = sample_rows(len(feed), outliers.LIMIT_SAMPLE, config.seed)
    errors = reconstruction_errors(nets, feed, rows, latent[rows])
    return None if np.isnan(errors).any() else outliers.error_limit(errors)

"""The end of training: the last graph, the fixed maps from codes to clusters, and the labels of the training data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dsc_core.analysis import outliers
from dsc_core.config import Config
from dsc_core.method.cut import clusters_in_words, cut_graph, empty_clusters, k_means
from dsc_core.method.feed import Feed, build_graph, copy_codes, encode, graph_rows
from dsc_core.method.head import assign_softly, head_labels, teach_head
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.model import CodeMaps, Fitted, reconstruction_errors
from dsc_core.sampling import sample_rows
from dsc_core.training import allocation
from dsc_core.training.checkpoint import Carry

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
) -> Fitted:
    """Label the training data and fix the maps for new samples.

    Above `graph_samples` samples, a part drawn by the seed stands for all in whatever is fitted here. joint: stage 2
    has run. carry: holds its graph. scratch: a folder for the codes of a large data set, which otherwise stay in
    memory. warn: called with a sentence about each cluster that was hard to keep. enter: called with each part. say:
    called with a sentence about neighbours that are not exact, where training has not built a graph before.
    """
    nets.eval()
    part = feed if (rows := graph_rows(len(feed), config)) is None else feed.part(rows)
    latent = encode(nets, part)
    # The head then learns the clusters of the graph of the last codes: its labels hold for samples old and new.
    if config.readout == "diffusion" or not joint:
        like = head_labels(nets, latent) if joint else None
        teach_last_graph(nets, part, latent, like, config, carry, warn, enter, say)
    enter("labels")
    maps = fix_maps(nets, latent, config, joint)
    if rows is None:
        assignment = maps.assign(nets, latent)
    else:
        del latent
        assignment = maps.assign_large(nets, feed, scratch)
    if empty := empty_clusters(assignment.labels, config.clusters):
        warn(EMPTY.format(clusters_in_words(empty)))
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
        error_limit(nets, feed, assignment.latent, config),
        carry.affinity,
        carry.eigenvalues,
    )


def teach_last_graph(
    nets: Networks,
    feed: Feed,
    latent: Tensor,
    like: np.ndarray | None,
    config: Config,
    carry: Carry,
    warn: Callable[[str], None],
    enter: Callable[[str], None] = lambda _: None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Teach the head the clusters of the graph of the last codes (n, d), which goes into `carry` with its eigenvalues.

    like: (n,) labels whose numbering is kept. say: see `finish`.
    """
    if carry.affinity is None or config.encoder == "network":  # without an encoder the codes have not changed
        copies = copy_codes(nets, feed, config)
        enter("neighbours")
        heard = say if carry.affinity is None else None
        carry.affinity = None  # the one of before: of a million samples 170 MB
        carry.affinity = build_graph(latent, copies, config, say=heard)
        del copies
        allocation.trim()
    enter("cut")
    cut = cut_graph(carry.affinity, config, like, device=latent.device)
    allocation.trim()
    carry.eigenvalues = cut.eigenvalues
    enter("teaching")
    teach_head(nets, latent, cut, config)
    if empty := empty_clusters(head_labels(nets, latent), config.clusters):
        warn(RETAUGHT.format(clusters_in_words(empty)))
        teach_head(nets, latent, cut, config, even=True)


@torch.no_grad()
def fix_maps(nets: Networks, latent: Tensor, config: Config, joint: bool) -> CodeMaps:
    """The orthonormal layer's map R of the codes (n, d), and k-means on Y where the labels are read from it."""
    raw, _ = assign_softly(nets, latent)
    # In double precision: over the whole data set R may be ill-conditioned, and rounding would bend the axes.
    _, transform, _ = orthonormalise(raw.double())
    centres, scale = None, 1.0
    if config.readout == "kmeans" and joint:
        clustering = k_means((raw.double() @ transform).float().cpu().numpy(), config)
        centres = clustering.centres.astype(np.float32)
        scale = max(clustering.inertia / len(raw) / 2, 1e-6)
    return CodeMaps(transform.cpu().numpy(), centres, scale)


def error_limit(nets: Networks, feed: Feed, latent: np.ndarray, config: Config) -> float | None:
    """The reconstruction error that few training samples exceed; None without a decoder."""
    rows = sample_rows(len(feed), outliers.LIMIT_SAMPLE, config.seed)
    errors = reconstruction_errors(nets, feed, rows, latent[rows])
    return None if np.isnan(errors).any() else outliers.error_limit(errors)

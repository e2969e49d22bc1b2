"""The fixed maps from codes to clusters, and the labels that they give after an epoch of stage 2."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.linalg
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core.assignment import CodeMaps
from dsc_core.config import Config
from dsc_core.method import confidence, graph
from dsc_core.method.cut import align, k_means
from dsc_core.method.feed import build_graph
from dsc_core.method.graph import row_normalised
from dsc_core.method.head import assign_softly, head_labels
from dsc_core.method.kmeans import clustering
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.sampling import sample_rows

FROM_Y = ("kmeans", "damped")  # values of the setting `readout` whose labels are k-means on Y


@torch.no_grad()
def fix_maps(
    nets: Networks,
    latent: Tensor,
    config: Config,
    joint: bool,
    affinity: sparse.csr_matrix | None = None,
    like: np.ndarray | None = None,
) -> CodeMaps:
    """The orthonormal layer's map R of the codes (n, d), and k-means on Y where the labels are read from it.

    joint: stage 2 has run; without it Y has learned nothing, and the head gives the labels. affinity: the graph of the
    codes, sparse (n, n), along which Y is damped if `readout` says so; None leaves Y as it is. like: (n,) labels whose
    numbering is kept.
    """
    raw, _ = assign_softly(nets, latent)
    # In double precision: over the whole data set R may be ill-conditioned, and rounding would bend the axes.
    coordinates, transform, _ = orthonormalise(raw.double())
    fixed, points, unit_rows = transform.cpu().numpy(), coordinates.cpu().numpy(), False
    if not (joint and config.readout in FROM_Y):
        return CodeMaps(fixed)
    if config.readout == "damped" and affinity is not None:
        rotation = damped_rotation(points, affinity, config.damping)
        fixed, points, unit_rows = fixed @ rotation, row_normalised(points @ rotation), True
    found = k_means(points.astype(np.float32), config)
    if like is not None:
        found = clustering(points, align(found.labels, like, config.clusters), config.clusters)
    scale = max(found.inertia / len(points) / 2, 1e-6)
    return CodeMaps(fixed, found.centres.astype(np.float32), scale, unit_rows)


def scaled(
    nets: Networks, maps: CodeMaps, latent: Tensor, affinity: sparse.csr_matrix | None, config: Config
) -> CodeMaps:
    """The maps, their temperature and biases such that confidence agrees with the neighbourhoods in the graph.

    latent: codes (n, d). affinity: their graph, sparse (n, n); None where training built no graph: that of a part of
    the codes is built then.
    """
    rows = sample_rows(len(latent), confidence.SAMPLE, config.seed)
    codes = latent[torch.from_numpy(rows).to(latent.device)]
    if affinity is None:
        latent, affinity, rows = codes, build_graph(codes, [], config), np.arange(len(rows))
    labels = maps.read(nets, latent)[1].argmax(1)
    votes = graph.votes(affinity, labels, config.clusters, confidence.HOPS)[rows]
    temperature, biases = confidence.fit_scaling(maps.under_noise(nets, codes), votes)
    return replace(maps, temperature=temperature, biases=biases)


def damped_rotation(coordinates: np.ndarray, affinity: sparse.csr_matrix, power: float) -> np.ndarray:
    """U·Λ^power, (K′, K′): Y·U are the eigenvectors of a graph as far as Y (n, K′) spans them, Λ their eigenvalues.

    The Rayleigh-Ritz method: of all directions in the span of Y, the largest Ritz values of D⁻¹·W, whose eigenvectors
    the diffusion map has. Orthonormalisation leaves Y any rotation, so that no column of Y has an eigenvalue of its own
    before. affinity: W, sparse (n, n), with degrees D. Ritz values below 0 count as 0. Columns descend by Ritz value.
    """
    degree = np.asarray(affinity.sum(1), dtype=np.float64).ravel()
    products = coordinates.T @ (affinity @ coordinates)
    norms = coordinates.T @ (degree[:, None] * coordinates)
    # Where Y has fewer than K′ dimensions, the others get the Ritz value 0.
    norms += 1e-9 * np.trace(norms) / len(norms) * np.eye(len(norms))
    values, vectors = scipy.linalg.eigh((products + products.T) / 2, norms)
    factors = np.clip(values, 0, 1) ** power
    return (vectors * factors * degree.sum() ** 0.5)[:, ::-1]


def stage_labels(nets: Networks, latent: Tensor, config: Config, like: np.ndarray | None) -> np.ndarray:
    """The clusters (n,) of codes (n, d) after an epoch of stage 2, as they will be given: by the head, or k-means on Y.

    like: (n,) labels whose numbering is kept. Where Y will be damped along the graph, it is not yet: no graph is built.
    """
    if config.readout not in FROM_Y:
        return head_labels(nets, latent)
    return fix_maps(nets, latent, config, joint=True, like=like).assign(nets, latent).labels

"""Splitting one cluster by spectral clustering of its members."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dsc_core.errors import InputError

FEWEST = 3  # members per part
RESTARTS = 10  # of k-means


def split(latent: ArrayLike, parts: int, seed: int, neighbours: int = 10, damping: float = 8.0) -> np.ndarray:
    """Spectral clustering of the members of one cluster: the part 0..parts-1 of each, (m,), the largest part first.

    latent: (m, d), of the members alone. The cut is the simplest one: the graph of nearest neighbours, its damped
    diffusion map, k-means. InputError if there are too few members, or too few different ones, for so many parts.
    """
    import torch
    from sklearn.cluster import KMeans

    from dsc_core.method import graph
    from dsc_core.method.cut import DIMS_PER_CLUSTER

    latent = np.ascontiguousarray(latent, dtype=np.float32)
    if parts < 2:
        raise InputError("Split a cluster into at least two parts.")
    if len(latent) < FEWEST * parts:
        raise InputError(
            f"{len(latent)} samples are too few for {parts} parts of at least {FEWEST} samples each."
        )
    if len(np.unique(latent, axis=0)) < parts:
        raise InputError(f"Fewer than {parts} of the samples have different codes, so they cannot be split.")
    affinity = graph.whole_graph(torch.from_numpy(latent), min(neighbours, len(latent) - 1))
    dims = min(DIMS_PER_CLUSTER * parts, len(latent) - 2)
    eigenvalues, vectors = graph.diffusion_map(affinity, dims, seed)
    points = graph.damped(eigenvalues, vectors, damping)
    labels = KMeans(parts, n_init=RESTARTS, random_state=seed).fit_predict(points)
    sizes = np.bincount(labels, minlength=parts)
    if (sizes == 0).any():
        raise InputError(f"The samples do not separate into {parts} parts; try fewer.")
    rank = np.empty(parts, int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(parts)
    return rank[labels]

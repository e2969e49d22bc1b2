"""Graphs whose clusters are known."""

import numpy as np
from scipy import sparse


def blocks(sizes, within=0.5, between=0.02, seed=0):
    """A random graph, sparse (n, n), with dense blocks, and the block of each sample."""
    rng, truth = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    chance = np.where(truth[:, None] == truth[None], within, between)
    upper = np.triu(rng.random(chance.shape) < chance, 1)
    return sparse.csr_matrix((upper | upper.T).astype(float)), truth

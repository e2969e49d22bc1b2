"""Graphs whose clusters are known."""

import numpy as np
from scipy import sparse


def blocks(sizes, within=0.5, between=0.02, seed=0):
    """A random graph, sparse (n, n), with dense blocks, and the block of each sample."""
    chances = np.full((len(sizes), len(sizes)), between)
    np.fill_diagonal(chances, within)
    return planted(sizes, chances, seed)


def planted(sizes, chances, seed=0):
    """A random graph, sparse (n, n), and the block of each sample. chances: of an edge, for each pair of blocks."""
    rng, truth = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    chance = np.asarray(chances)[truth[:, None], truth[None]]
    upper = np.triu(rng.random(chance.shape) < chance, 1)
    return sparse.csr_matrix((upper | upper.T).astype(float)), truth

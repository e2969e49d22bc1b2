"""How far a sample lies from everything that a model was trained on.

The distance of its code to the k-th nearest training code, held against the same distance of the training codes
themselves: k-nearest-neighbour outlier detection (S. Ramaswamy, R. Rastogi, K. Shim, SIGMOD 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dsc_core.graph import nearest
from dsc_core.metrics import sample_of

KTH = 10  # the neighbour whose distance counts: one odd training sample does not make its like familiar
LOOKED_AT = 5_000  # training codes whose own distances make the limit: 50 of them lie above it
SPARE = 6  # further candidates, since `nearest` is exact but for rounding
BLOCK = 1000
SHARE = 0.99  # of the training codes that lie within the limit


@dataclass(frozen=True)
class Novelty:
    """What is known of the training codes. codes: (n, d) float32. limit: a distance. kth: at most KTH."""

    codes: torch.Tensor
    limit: float
    kth: int

    def look(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The training codes nearest to new ones (m, d), and how far the k-th of them is: (m, kth), (m,)."""
        queries = torch.from_numpy(np.ascontiguousarray(latent, dtype=np.float32))
        return closest(self.codes, self.kth, queries)

    def is_far(self, distances: np.ndarray) -> np.ndarray:
        """Whether each distance, (m,), is beyond what 99 % of the training codes have: "like nothing seen"."""
        return distances > self.limit


def known(latent: np.ndarray, seed: int = 0) -> Novelty:
    """The Novelty of training codes (n, d), n at least 2; its limit comes from a seeded sample of 5,000 of them."""
    codes = torch.from_numpy(np.array(latent, dtype=np.float32))
    kth = min(KTH, len(codes) - 1)
    chosen = codes[sample_of(len(codes), LOOKED_AT, seed)]
    # A training code is its own nearest one, at distance 0: it does not count as a neighbour.
    limit = float(np.quantile(closest(codes, kth + 1, chosen)[1], SHARE))
    rounding = 1e-5 * float(codes.square().sum(1).mean().sqrt())  # copies of one sample are not far from it
    return Novelty(codes, max(limit, rounding), kth)


def closest(codes: torch.Tensor, count: int, queries: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest codes of each query, nearest first, and the distance to the last: (q, count), (q,).

    `nearest` finds them by ‖a‖² − 2ab + ‖b‖², whose rounding depends on how many queries come together; the
    differences themselves put the candidates into an order that does not.
    """
    indices, distances = [], []
    for block in queries.split(BLOCK):
        found = torch.from_numpy(nearest(codes, count + SPARE, block)[0])
        away = (block[:, None] - codes[found]).norm(dim=2)
        away, order = away.sort(dim=1, stable=True)
        indices.append(found.gather(1, order)[:, :count].numpy())
        distances.append(away[:, count - 1].numpy())
    return np.concatenate(indices), np.concatenate(distances)

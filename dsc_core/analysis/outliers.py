"""How unlike the training data a sample is.

Two signals, neither of which needs labels. The distance of its code to the k-th nearest training code, compared with
the same distance of the training codes themselves: k-nearest-neighbour outlier detection (S. Ramaswamy, R. Rastogi,
K. Shim, SIGMOD 2000). And its reconstruction error, compared with those of the training data: the encoder may map an
unfamiliar sample among familiar codes, but the decoder then reconstructs something familiar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dsc_core.method.neighbours import nearest
from dsc_core.sampling import sample_rows

KTH = 10  # the neighbour whose distance counts: a single odd training sample does not make others like it familiar
LIMIT_SAMPLE = 5_000  # training codes whose distances set the limit: 50 of them lie above it
EXTRA = 6  # further candidates, since `nearest` is exact only up to rounding
BLOCK = 1000
SHARE = 0.99  # of the training data within the limit of a single signal
SHARE_EACH = 0.995  # within each limit where there are two signals, so that about 1 % exceed one of them


@dataclass(frozen=True)
class Novelty:
    """Limits learnt from the training data.

    codes: (n, d) float32. limit: of the distance. kth: the neighbour that counts, at most KTH. error_limit: of the
    reconstruction error, infinite if there is none.
    """

    codes: torch.Tensor
    limit: float
    kth: int
    error_limit: float = np.inf

    def nearest(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The training codes nearest to codes (m, d), and the distance to the k-th of them: (m, kth), (m,)."""
        queries = torch.from_numpy(np.ascontiguousarray(latent, dtype=np.float32))
        return closest(self.codes, self.kth, queries)

    def is_far(self, distances: np.ndarray) -> np.ndarray:
        """Whether each distance, (m,), exceeds that of nearly all training codes."""
        return distances > self.limit

    def is_unlike_training(self, distances: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Whether samples exceed one of the limits, (m,), as about 1 % of the training data do.

        errors: (m,), reconstruction errors, NaN without a decoder.
        """
        return self.is_far(distances) | (np.asarray(errors) > self.error_limit)

    def score(self, distances: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """The larger ratio of a signal to its limit, (m,); above 1 for samples unlike the training data."""
        return np.fmax(distances / self.limit, np.asarray(errors) / self.error_limit)


def error_limit(errors: np.ndarray) -> float:
    """The reconstruction error that SHARE_EACH of the training samples, (n,), do not exceed."""
    return float(np.quantile(np.asarray(errors, dtype=np.float64), SHARE_EACH))


def fit(latent: np.ndarray, seed: int = 0, error_limit: float | None = None) -> Novelty:
    """The Novelty of training codes (n, d), n at least 2; the limit comes from a seeded sample of 5,000 of them.

    error_limit: see the function of that name; None without reconstruction errors, the distance alone then decides.
    """
    codes = torch.from_numpy(np.array(latent, dtype=np.float32))
    kth = min(KTH, len(codes) - 1)
    sample = codes[sample_rows(len(codes), LIMIT_SAMPLE, seed)]
    # A training code is its own nearest one, at distance 0: it does not count as a neighbour.
    share = SHARE if error_limit is None else SHARE_EACH
    limit = float(np.quantile(closest(codes, kth + 1, sample)[1], share))
    rounding = 1e-5 * float(
        codes.square().sum(1).mean().sqrt()
    )  # so that copies of one sample are not far from it
    return Novelty(codes, max(limit, rounding), kth, np.inf if error_limit is None else error_limit)


def closest(codes: torch.Tensor, count: int, queries: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest codes of each query, nearest first, and the distance to the last: (q, count), (q,).

    `nearest` computes ‖a‖² − 2ab + ‖b‖², whose rounding depends on how many queries there are; the candidates are
    therefore ordered by the norms of the differences.
    """
    indices, distances = [], []
    for block in queries.split(BLOCK):
        candidates = torch.from_numpy(nearest(codes, count + EXTRA, block)[0])
        lengths, order = (block[:, None] - codes[candidates]).norm(dim=2).sort(dim=1, stable=True)
        indices.append(candidates.gather(1, order)[:, :count].numpy())
        distances.append(lengths[:, count - 1].numpy())
    return np.concatenate(indices), np.concatenate(distances)

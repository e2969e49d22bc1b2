"""How far a sample lies from everything that a model was trained on.

Two signs, neither of which needs labels. The distance of its code to the k-th nearest training code, held against the
same distance of the training codes themselves: k-nearest-neighbour outlier detection (S. Ramaswamy, R. Rastogi, K.
Shim, SIGMOD 2000). And the error of its reconstruction, held against the training data's: an encoder may send what it
has never seen among the codes that it knows, but the decoder then draws what it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dsc_core.method.graph import nearest
from dsc_core.sampling import sample_rows

KTH = 10  # the neighbour whose distance counts: one odd training sample does not make its like familiar
LOOKED_AT = 5_000  # training codes whose own distances make the limit: 50 of them lie above it
SPARE = 6  # further candidates, since `nearest` is exact but for rounding
BLOCK = 1000
SHARE = 0.99  # of the training data that lie within the limit of a single sign
SHARE_EACH = (
    0.995  # of either sign where there are two, so that about 1 % of the training data are beyond one of them
)


@dataclass(frozen=True)
class Novelty:
    """What is known of the training data. codes: (n, d) float32. limit: a distance. kth: at most KTH.

    error_limit: a reconstruction error; infinite where none is known.
    """

    codes: torch.Tensor
    limit: float
    kth: int
    error_limit: float = np.inf

    def look(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The training codes nearest to new ones (m, d), and how far the k-th of them is: (m, kth), (m,)."""
        queries = torch.from_numpy(np.ascontiguousarray(latent, dtype=np.float32))
        return closest(self.codes, self.kth, queries)

    def is_far(self, distances: np.ndarray) -> np.ndarray:
        """Whether each distance, (m,), is beyond what nearly all of the training codes have."""
        return distances > self.limit

    def is_unseen(self, distances: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Whether samples are "like nothing seen", (m,): beyond one of the limits, as 1 % of the training data are.

        errors: (m,), of the reconstruction, NaN where there is none.
        """
        return self.is_far(distances) | (np.asarray(errors) > self.error_limit)

    def strangeness(self, distances: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """How far beyond its limit the stronger of the two signs is, (m,): above 1 what is `is_unseen`."""
        return np.fmax(distances / self.limit, np.asarray(errors) / self.error_limit)


def error_limit(errors: np.ndarray) -> float:
    """The reconstruction error that SHARE_EACH of the training data's, (n,), do not exceed."""
    return float(np.quantile(np.asarray(errors, dtype=np.float64), SHARE_EACH))


def known(latent: np.ndarray, seed: int = 0, error_limit: float | None = None) -> Novelty:
    """The Novelty of training codes (n, d), n at least 2; its limit comes from a seeded sample of 5,000 of them.

    error_limit: as `error_limit` has it, None where no reconstruction was measured: distance alone then decides.
    """
    codes = torch.from_numpy(np.array(latent, dtype=np.float32))
    kth = min(KTH, len(codes) - 1)
    chosen = codes[sample_rows(len(codes), LOOKED_AT, seed)]
    # A training code is its own nearest one, at distance 0: it does not count as a neighbour.
    share = SHARE if error_limit is None else SHARE_EACH
    limit = float(np.quantile(closest(codes, kth + 1, chosen)[1], share))
    rounding = 1e-5 * float(codes.square().sum(1).mean().sqrt())  # copies of one sample are not far from it
    return Novelty(codes, max(limit, rounding), kth, np.inf if error_limit is None else error_limit)


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

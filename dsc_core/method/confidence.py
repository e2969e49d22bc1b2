"""The confidence in a cluster: its probability under noise of the code, tempered to agree with the graph. No labels.

The head is taught with smoothed labels, so its own probability is close to one ceiling for nearly all samples. Under
noise it falls where another cluster is near. Its scale then comes from the graph: a temperature makes it agree with
the clusters in the neighbourhoods of the samples (C. Guo et al., "On calibration of modern neural networks", 2017, who
fit it to labels).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

# Settled by labels, see docs/results.md: from .75 to 1.25 the order of the samples is about equally good.
NOISE = 1.0  # the level s of ψ(z) = z ⊙ (1 + s·ε)
PAIRS = 8  # of opposite noise, ε and −ε
SAMPLE = 20_000  # samples that the temperature is fitted on
HOPS = 2  # steps on the graph to the samples whose clusters are compared
SHARPEST, FLATTEST = 0.05, 20.0  # temperatures
NEVER_BEFORE = 1 - 1e-6  # times the probability of a sample's cluster: what any other has at most


def noise_factors(dims: int, seed: int) -> Tensor:
    """1 + s·ε and 1 − s·ε for PAIRS draws of ε, (2·PAIRS, d): the same for every sample, so it is assigned alone."""
    noise = torch.randn(PAIRS, dims, generator=torch.Generator().manual_seed(seed))
    return 1 + NOISE * torch.cat([noise, -noise])


def tempered(probabilities: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """p^(1/T), rows scaled to sum 1, (n, K) → (n, K); no cluster is more probable than that of the sample, (n,).

    Under noise another cluster may be: of about one sample in a thousand. It then is put level.
    """
    chances = (probabilities.clamp_min(1e-12).log() / temperature).softmax(1)
    own = chances.gather(1, labels[:, None])
    others = torch.minimum(chances, own * NEVER_BEFORE)
    chances = others.scatter(1, labels[:, None], own)
    return chances / chances.sum(1, keepdim=True)


def fit_temperature(probabilities: np.ndarray, votes: np.ndarray) -> float:
    """The T for which p^(1/T) has the least cross-entropy with the clusters around each sample, both (n, K)."""
    logs, around = (torch.from_numpy(np.asarray(each, dtype=np.float64)) for each in (probabilities, votes))
    logs = logs.clamp_min(1e-12).log()

    def loss(log_temperature: float) -> float:
        return -float((around * (logs / np.exp(log_temperature)).log_softmax(1)).sum(1).mean())

    found = minimize_scalar(loss, bounds=(np.log(SHARPEST), np.log(FLATTEST)), method="bounded")
    return float(np.exp(found.x))

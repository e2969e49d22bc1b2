"""The confidence in a cluster: its probability under noise of the code, tempered to agree with the graph. No labels.

The head is taught with smoothed labels, so its own probability is close to one ceiling for nearly all samples. Under
noise it falls where another cluster is near. Its scale then comes from the graph: a temperature, and a bias for each
cluster, make it agree with the clusters in the neighbourhoods of the samples (C. Guo et al., "On calibration of modern
neural networks", 2017, who fit them to labels). Without the biases, a cluster whose codes rest on few numbers would be
doubted as a whole, however far it stands apart: the noise may turn all of them at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Settled by labels, see docs/results.md: from .75 to 1.25 the order of the samples is about equally good.
NOISE = 1.0  # the level s of ψ(z) = z ⊙ (1 + s·ε)
PAIRS = 8  # of opposite noise, ε and −ε
SAMPLE = 20_000  # samples that the temperature is fitted on
HOPS = 2  # steps on the graph to the samples whose clusters are compared
SHARPEST, FLATTEST = 0.05, 20.0  # temperatures
HELD = 0.01  # weight of the mean square of the biases: they stay finite where every vote is certain
ROUNDS = 200  # of the fit, at most
NEVER_BEFORE = 1 - 1e-6  # times the probability of a sample's cluster: what any other has at most


def noise_factors(dims: int, seed: int) -> Tensor:
    """1 + s·ε and 1 − s·ε for PAIRS draws of ε, (2·PAIRS, d): the same for every sample, so it is assigned alone."""
    noise = torch.randn(PAIRS, dims, generator=torch.Generator().manual_seed(seed))
    return 1 + NOISE * torch.cat([noise, -noise])


def tempered(
    probabilities: Tensor, labels: Tensor, temperature: float, biases: Tensor | None = None
) -> Tensor:
    """p^(1/T)·e^b, rows scaled to sum 1, (n, K) → (n, K); no cluster is more probable than that of the sample, (n,).

    biases: b, (K,). Under noise another cluster may be more probable: of about one sample in a thousand. It then is put
    level.
    """
    logits = probabilities.clamp_min(1e-12).log() / temperature
    chances = (logits if biases is None else logits + biases.to(logits)).softmax(1)
    own = chances.gather(1, labels[:, None])
    others = torch.minimum(chances, own * NEVER_BEFORE)
    chances = others.scatter(1, labels[:, None], own)
    return chances / chances.sum(1, keepdim=True)


def fit_scaling(probabilities: np.ndarray, votes: np.ndarray) -> tuple[float, np.ndarray]:
    """T and b (K,) for which p^(1/T)·e^b has the least cross-entropy with the clusters around each sample, both (n, K).

    T within SHARPEST and FLATTEST; the mean of b is 0.
    """
    logs, around = (torch.from_numpy(np.asarray(each, dtype=np.float64)) for each in (probabilities, votes))
    logs = logs.clamp_min(1e-12).log()
    exponent = torch.zeros((), dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(logs.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([exponent, biases], max_iter=ROUNDS, line_search_fn="strong_wolfe")
    low, high = np.log(SHARPEST), np.log(FLATTEST)

    def loss() -> Tensor:
        optimiser.zero_grad()
        scaled = (logs / exponent.clamp(low, high).exp() + biases).log_softmax(1)
        found = HELD * (biases**2).mean() - (around * scaled).sum(1).mean()
        found.backward()
        return found

    with torch.enable_grad():
        optimiser.step(loss)
    found = biases.detach().numpy()
    return float(exponent.detach().clamp(low, high).exp()), found - found.mean()

"""The noise explorer: what the noise transformer does to a sample's code, its decoding and its place on the map.

ψ(z) = z ⊙ (1 + s·ε), ε ~ N(0, I), of METHOD's dual autoencoder. The same seed draws the same ε whatever the
noise level s, so that moving s moves every draw along a straight line away from z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dsc_core.analysis.umap_map import place
from dsc_core.config import KNOBS, checked
from dsc_core.errors import InputError
from dsc_core.method.networks.autoencoder import transform_noise
from dsc_core.model import Fitted

DRAWS = 20  # of ψ(z), for each sample
DECODED = 5  # of them decoded: as many as can be looked at side by side
MOST = 4  # samples at a time


@dataclass(frozen=True)
class Explored:
    """What became of m codes under noise; float32 arrays.

    latent: (m, d), z. shaken: (m, draws, d), ψ(z). clean: (m, …), the decodings of z. noisy: (m, decoded, …),
    those of the first draws. relative: (m, decoded), ‖D(ψ(z)) − D(z)‖² of each, summed over pixels or columns.
    """

    latent: np.ndarray
    shaken: np.ndarray
    clean: np.ndarray
    noisy: np.ndarray
    relative: np.ndarray


@torch.no_grad()
def explore(
    fitted: Fitted, samples: np.ndarray, level: float, seed: int, draws: int = DRAWS, decoded: int = DECODED
) -> Explored:
    """Shake the codes of the training samples at `samples` (m,) with noise of `level`, and decode.

    The codes are those that the model found of its training data, μ. InputError for a sample or a level that
    cannot be. ψ is applied whatever noise the run was trained with; where it has two decoders, each decodes
    what it was trained on.
    """
    level = checked(KNOBS["noise_level"], level)
    samples = np.asarray(samples, dtype=np.int64)
    if len(samples) and not (samples.min() >= 0 and samples.max() < len(fitted.latent)):
        raise InputError(f"The samples are numbered from 0 to {len(fitted.latent) - 1:,}.")
    nets = fitted.nets
    device = next(nets.parameters()).device
    latent = torch.from_numpy(np.array(fitted.latent[samples], dtype=np.float32))
    # On the CPU, so that a seed draws the same noise on every device; a row of draws for each sample.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(samples), draws, latent.shape[1], generator=generator)
    shaken = transform_noise(latent[:, None], level, noise)
    second = nets.decoder if nets.noisy_decoder is None else nets.noisy_decoder
    clean = nets.decoder(latent.to(device)).cpu()
    noisy = second(shaken[:, :decoded].flatten(0, 1).to(device)).cpu().unflatten(0, (len(samples), -1))
    relative = (noisy - clean[:, None]).square().flatten(2).sum(2)
    return Explored(*(part.numpy() for part in (latent, shaken, clean, noisy, relative)))


def landings(explored: Explored, known: np.ndarray, known_map: np.ndarray) -> np.ndarray:
    """Where the draws of ψ(z) land on the latent map: (m, draws, 2) float32.

    Each is placed beside its nearest neighbours among the codes `known` (n, d), drawn at `known_map` (n, 2).
    """
    count, draws, dims = explored.shaken.shape
    return place(explored.shaken.reshape(-1, dims), known, known_map).reshape(count, draws, 2)


def squared_error(samples: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """‖x − x̂‖² of each sample, summed over pixels or columns. (m, …), (m, …) → (m,)."""
    return ((samples - decoded) ** 2).reshape(len(samples), -1).sum(1)


def parse_samples(text: str, count: int) -> list[int]:
    """The sample numbers in "17, 230", each once; InputError where they are none, too many or out of range."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if not all(part.isascii() and part.isdigit() for part in parts) or not 1 <= len(parts) <= MOST:
        raise InputError(f"Write one to {MOST} sample numbers, such as 17, 230.")
    numbers = list(dict.fromkeys(int(part) for part in parts))
    if max(numbers) >= count:
        raise InputError(f"The samples are numbered from 0 to {count - 1:,}; there is no {max(numbers):,}.")
    return numbers

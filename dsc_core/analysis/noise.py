"""The noise explorer: what the noise transformer does to a code, its decoding and its position on the map.

ψ(z) = z ⊙ (1 + s·ε), ε ~ N(0, I). A seed draws the same ε for every noise level s, so that changing s moves each draw
along a straight line away from z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dsc_core.analysis.umap_map import place_points
from dsc_core.config import KNOBS
from dsc_core.errors import InputError
from dsc_core.method.networks.autoencoder import transform_noise

DRAWS = 20  # noisy codes per sample
DECODED = 5  # of them decoded, side by side
MOST_SAMPLES = 4  # at a time

Decode = Callable[[np.ndarray], np.ndarray]  # codes (m, d) → samples (m, …)


@dataclass(frozen=True)
class Exploration:
    """What noise does to m codes; float32 arrays.

    codes: (m, d), z. noisy_codes: (m, draws, d), ψ(z). clean: (m, …), the decodings of z. noisy: (m, decoded, …), those
    of the first noisy codes. relative_errors: (m, decoded), ‖D(ψ(z)) − D(z)‖² of each, summed over pixels or columns.
    """

    codes: np.ndarray
    noisy_codes: np.ndarray
    clean: np.ndarray
    noisy: np.ndarray
    relative_errors: np.ndarray


def explore(
    codes: np.ndarray,
    level: float,
    seed: int,
    decode: Decode,
    decode_noisy: Decode,
    draws: int = DRAWS,
    decoded: int = DECODED,
) -> Exploration:
    """Add noise of `level` to `codes` (m, d), and decode the codes and the first `decoded` of their noisy versions.

    Raises InputError for a level out of range.
    """
    level = float(KNOBS["noise_level"].validate(level))
    codes = np.array(codes, dtype=np.float32)
    # On the CPU, so that a seed draws the same noise on every device.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(codes), draws, codes.shape[1], generator=generator)
    noisy_codes = transform_noise(torch.from_numpy(codes)[:, None], level, noise).numpy()
    clean = decode(codes)
    noisy = decode_noisy(noisy_codes[:, :decoded].reshape(-1, codes.shape[1]))
    noisy = noisy.reshape(len(codes), -1, *noisy.shape[1:])
    difference = (noisy - clean[:, None]).reshape(*noisy.shape[:2], -1)
    return Exploration(codes, noisy_codes, clean, noisy, np.square(difference).sum(2))


def place_noisy_codes(exploration: Exploration, latent: np.ndarray, latent_map: np.ndarray) -> np.ndarray:
    """Positions of the noisy codes on the map `latent_map` (n, 2) of the codes `latent` (n, d): (m, draws, 2) float32.

    Each is placed beside its nearest neighbours in the latent space.
    """
    count, draws, dims = exploration.noisy_codes.shape
    positions = place_points(exploration.noisy_codes.reshape(-1, dims), latent, latent_map)
    return positions.reshape(count, draws, 2)


def squared_error(samples: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """‖x − x̂‖² of each sample, summed over pixels or columns. (m, …), (m, …) → (m,)."""
    return ((samples - decoded) ** 2).reshape(len(samples), -1).sum(1)


def parse_samples(text: str, count: int) -> list[int]:
    """The sample numbers in "17, 230", without repeats; InputError if there are none, too many or unknown ones."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if not all(part.isascii() and part.isdigit() for part in parts) or not 1 <= len(parts) <= MOST_SAMPLES:
        raise InputError(f"Enter one to {MOST_SAMPLES} sample numbers, such as 17, 230.")
    numbers = list(dict.fromkeys(int(part) for part in parts))
    if max(numbers) >= count:
        raise InputError(
            f"Samples are numbered from 0 to {count - 1:,}; there is no sample {max(numbers):,}."
        )
    return numbers

"""From codes to clusters: what samples are assigned, and the fixed maps that assign them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from dsc_core.method.confidence import noise_factors, tempered
from dsc_core.method.feed import BLOCK, Feed, encode
from dsc_core.method.graph import row_normalised
from dsc_core.method.head import assign_softly
from dsc_core.method.networks.networks import Networks

LARGE_BLOCK = 8 * BLOCK  # samples assigned at once where only their codes and clusters are kept
EMBEDDINGS = ("latent", "spectral")
OF_SAMPLES = ("labels", "confidence", *EMBEDDINGS)


@dataclass(frozen=True)
class Assignment:
    """The clusters of n samples, in their order.

    labels: (n,) int in 0..K-1. confidence: (n,) in (0, 1], the probability of that cluster. latent: (n, d).
    spectral: (n, K'). probabilities: (n, K), rows sum to 1, the largest is that of the cluster; see `CodeMaps`.
    errors: (n,), ‖x − D(z)‖² summed over values; NaN where only the codes of the samples are given.
    """

    labels: np.ndarray
    confidence: np.ndarray
    latent: np.ndarray
    spectral: np.ndarray
    probabilities: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class CodeMaps:
    """The fixed maps from codes to clusters, estimated once on the training data.

    transform: (K', K') float64, the map R of the orthonormal layer. centres (K, K') and scale: the k-means on Y
    and its mean squared distance, where the labels are read from Y; None and 1 where the head gives them. unit_rows:
    whether the rows of Y are brought to norm 1 before that, as where Y is damped along the graph.
    temperature, biases (K,): of the probabilities under noise, see `method/confidence.py`; None in models saved before
    they were measured: without a temperature, the probabilities are those of the code itself.
    """

    transform: np.ndarray
    centres: np.ndarray | None = None
    scale: float = 1.0
    unit_rows: bool = False
    temperature: float | None = None
    biases: np.ndarray | None = None

    def assign(self, nets: Networks, latent: Tensor) -> Assignment:
        """The clusters of samples by their codes, (n, d)."""
        spectral, probabilities = self.read(nets, latent)
        labels = probabilities.argmax(1)
        if self.temperature is not None:
            noisy, own = torch.from_numpy(self.under_noise(nets, latent)), torch.from_numpy(labels)
            biases = None if self.biases is None else torch.from_numpy(self.biases)
            probabilities = tempered(noisy, own, self.temperature, biases).numpy()
        confidence = probabilities[np.arange(len(labels)), labels].astype(np.float32)
        no_errors = np.full(len(labels), np.nan, np.float32)
        return Assignment(labels, confidence, latent.cpu().numpy(), spectral, probabilities, no_errors)

    @torch.no_grad()
    def read(self, nets: Networks, latent: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Y (n, K') and the probabilities (n, K) of codes (n, d) as they are; the largest names the cluster."""
        raw, soft = assign_softly(nets, latent)
        transform = torch.from_numpy(np.array(self.transform)).to(raw.device, torch.float64)
        spectral = np.empty((len(raw), transform.shape[1]), np.float32)
        probabilities = np.empty((len(raw), nets.config.clusters), np.float32)
        for start in range(0, len(raw), LARGE_BLOCK):
            block = slice(start, start + LARGE_BLOCK)
            coordinates = (raw[block].double() @ transform).cpu().numpy()
            spectral[block] = row_normalised(coordinates) if self.unit_rows else coordinates
            if self.centres is None:
                probabilities[block] = soft[block].cpu().numpy()
            else:
                squared = ((spectral[block, None, :] - self.centres[None]) ** 2).sum(2)
                probabilities[block] = torch.from_numpy(-squared / (2 * self.scale)).softmax(1).numpy()
        return spectral, probabilities

    def under_noise(self, nets: Networks, latent: Tensor) -> np.ndarray:
        """The mean probabilities (n, K) of codes (n, d) under the noise of `confidence.noise_factors`."""
        factors = noise_factors(latent.shape[1], nets.config.seed).to(latent)
        total = np.zeros((len(latent), nets.config.clusters), np.float32)
        for factor in factors:
            if self.centres is None:  # Y is not needed
                total += assign_softly(nets, latent * factor)[1].cpu().numpy()
            else:
                total += self.read(nets, latent * factor)[1]
        return total / len(factors)

    def assign_blocks(self, nets: Networks, feed: Feed, size: int) -> Iterator[tuple[slice, Assignment]]:
        """(positions, Assignment) for `size` samples at a time."""
        for start in range(0, len(feed), size):
            block = slice(start, min(start + size, len(feed)))
            yield block, self.assign(nets, encode(nets, feed, np.arange(block.start, block.stop)))

    def assign_large(self, nets: Networks, feed: Feed, scratch: Path | None) -> Assignment:
        """The clusters of all samples with the intermediate results of one block in memory; no probabilities."""
        arrays: dict[str, np.ndarray] = {}
        for block, assignment in self.assign_blocks(nets, feed, LARGE_BLOCK):
            for name in OF_SAMPLES:
                part = getattr(assignment, name)
                if name not in arrays:
                    arrays[name] = _empty((len(feed), *part.shape[1:]), part.dtype, scratch)
                arrays[name][block] = part
        probabilities = np.empty((0, nets.config.clusters), np.float32)
        return Assignment(**arrays, probabilities=probabilities, errors=np.empty(0))


def _empty(shape: tuple[int, ...], dtype: DTypeLike, scratch: Path | None) -> np.ndarray:
    """An array to fill: in memory, or, if it has rows and `scratch` is given, in an unnamed file of that folder."""
    if scratch is None or len(shape) == 1:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype, "w+", shape=shape)

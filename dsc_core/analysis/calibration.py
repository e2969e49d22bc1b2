"""Calibration: how often samples of a given confidence are correct. Needs labels: evaluation only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10  # of the reliability diagram


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram of a confidence in bins of equal width, and two figures that summarise it.

    edges: (bins + 1,). counts: (bins,). confidence, accuracy: (bins,), means over the samples of a bin, NaN if it is
    empty. error: the expected calibration error Σ_b n_b/n · |accuracy_b − confidence_b| (C. Guo et al., "On calibration
    of modern neural networks", 2017). overconfidence: mean confidence minus accuracy; negative if underconfident.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float
    overconfidence: float


def calibrate(correct: ArrayLike, confidence: ArrayLike, bins: int = BINS) -> Calibration:
    """Compare confidence with accuracy. correct: (n,) bool. confidence: (n,) in [0, 1]; n > 0."""
    correct, confidence = np.asarray(correct, dtype=np.float64), np.asarray(confidence, dtype=np.float64)
    edges = np.linspace(0, 1, bins + 1)
    bin_of_sample = np.clip((confidence * bins).astype(int), 0, bins - 1)
    counts = np.bincount(bin_of_sample, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(bin_of_sample, confidence, bins) / counts
        accuracy = np.bincount(bin_of_sample, correct, bins) / counts
    gaps = np.abs(accuracy - mean_confidence)[counts > 0]
    error = float((counts[counts > 0] * gaps).sum() / len(correct))
    overconfidence = float(confidence.mean() - correct.mean())
    return Calibration(edges, counts, mean_confidence, accuracy, error, overconfidence)

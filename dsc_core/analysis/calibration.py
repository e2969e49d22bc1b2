"""Calibration: how often samples of a given confidence are correct. Needs labels: evaluation only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10  # of the reliability diagram


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram of a confidence in bins of equal width, and figures that summarise it.

    edges: (bins + 1,). counts: (bins,). confidence, accuracy: (bins,), means over the samples of a bin, NaN if it is
    empty. error: the expected calibration error Σ_b n_b/n · |accuracy_b − confidence_b| (C. Guo et al., "On calibration
    of modern neural networks", 2017). overconfidence: mean confidence minus accuracy; negative if underconfident.
    risk: see `area_of_risk`.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float
    overconfidence: float
    risk: float


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
    return Calibration(
        edges, counts, mean_confidence, accuracy, error, overconfidence, area_of_risk(correct, confidence)
    )


def area_of_risk(correct: ArrayLike, confidence: ArrayLike) -> float:
    """The area under the risk-coverage curve: the mean over m of the share of errors among the m most confident.

    (n,) bool, (n,). Small where errors come last; the share of all errors where confidence says nothing. Samples of
    equal confidence come in any order: each counts as their mean. Source: Y. Geifman, G. Uziel, R. El-Yaniv,
    "Bias-reduced uncertainty estimation for deep neural classifiers" (2019).
    """
    wrong = 1 - np.asarray(correct, dtype=np.float64)
    _, group = np.unique(-np.asarray(confidence, dtype=np.float64), return_inverse=True)
    means = np.bincount(group, wrong) / np.bincount(group)
    ordered = means[np.sort(group)]
    return float((ordered.cumsum() / np.arange(1, len(ordered) + 1)).mean())

"""One pure function a term of the objective. Each returns an unweighted scalar; `train.py` does the weighting.

Source: X. Yang et al., "Deep Spectral Clustering Using Dual Autoencoder Network", CVPR 2019, except where
a docstring names another. Shapes: m samples in a batch, d latent dimensions, K clusters, K' spectral
dimensions. Squared norms are summed over pixels (or columns) and averaged over the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

SMOOTHING = 0.1  # of the targets of self-training


def reconstruction(sample: Tensor, decoded: Tensor) -> Tensor:
    """‖x − D(z)‖², summed over pixels, mean over the batch. Shapes (m, …), (m, …) → ()."""
    return (sample - decoded).square().flatten(1).sum(1).mean()


def relative_reconstruction(clean: Tensor, noisy: Tensor) -> Tensor:
    """‖D(ψ(z)) − D(z)‖², summed over pixels, mean over the batch. Shapes (m, …), (m, …) → ()."""
    return reconstruction(clean, noisy)


def mutual_information(positive: Tensor, negative: Tensor) -> Tensor:
    """Minus the Jensen-Shannon bound on mutual information, from a discriminator's scores of any shape → ().

    softplus(−T_pos) + softplus(T_neg), which is −E[log σ(T_pos)] − E[log(1 − σ(T_neg))] without the
    overflow. It starts at 2·ln 2; a curve that stays there means that the discriminator learned nothing.
    """
    return softplus(-positive).mean() + softplus(negative).mean()


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)), summed over dimensions, mean over the batch. Shapes (m, d), (m, d) → ()."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()


def cluster_conditional_kl(mean: Tensor, log_variance: Tensor, assignment: Tensor, centres: Tensor) -> Tensor:
    """Σ_y p(y|z)·KL(N(μ, σ²) ‖ N(m_y, I)), mean over the batch. Shapes (m, d), (m, d), (m, K), (K, d) → ()."""
    distance = torch.cdist(mean, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    spread = (log_variance.exp() - log_variance - 1).sum(1)
    return 0.5 * ((assignment * distance).sum(1) + spread).mean()


def assignment_kl(assignment: Tensor) -> Tensor:
    """KL(p(y|z) ‖ uniform p(y)), mean over the batch; log K where every assignment is certain. (m, K) → ()."""
    return (assignment * assignment.clamp_min(1e-8).log()).sum(1).mean() + math.log(assignment.shape[1])


def spectral_loss(coordinates: Tensor, affinity: Tensor) -> Tensor:
    """(1/m²)·Σ_ij W_ij·‖y_i − y_j‖². Shapes (m, K'), (m, m) → (); W symmetric, not negative.

    Written as 2·tr(YᵀLY)/m² with the graph's Laplacian L = D − W: the same number without the m×m×K' array.
    """
    degree = affinity.sum(1)
    quadratic = (degree[:, None] * coordinates.square()).sum() - (
        coordinates * (affinity @ coordinates)
    ).sum()
    return 2 * quadratic / len(coordinates) ** 2


def agreement(assignment: Tensor, other: Tensor) -> Tensor:
    """−log⟨p_i, q_i⟩, mean over the pairs: 0 where both are certain of the same cluster. (m, K), (m, K) → ().

    The pairs are neighbours in the graph, a sample and its noisy code, or a sample and its random copy.
    """
    return -(assignment * other).sum(1).clamp_min(1e-6).log().mean()


def self_training(logits: Tensor, targets: Tensor) -> Tensor:
    """−log p(target), mean over the batch, where samples without a target count as 0. (m, K), (m,) → ().

    targets: the cluster of each sample whose neighbourhood is sure of it, −1 for the others. The targets are
    smoothed by SMOOTHING, so that no probability is driven to 1. Source: self-training on confident samples, as
    in Mahon and Lukasiewicz, "Selective Pseudo-label Clustering" (2021), here by the graph's own vote.
    """
    kept = cross_entropy(logits, targets, ignore_index=-1, reduction="none", label_smoothing=SMOOTHING)
    return kept.mean()


def balance(assignment: Tensor, shares: Tensor) -> Tensor:
    """KL(mean assignment ‖ expected shares): 0 where the clusters have their shares. (m, K), (K,) → ().

    The shares are those of the whole graph's readout, so that unequal classes stay unequal; they are what
    keeps the agreement from being reached by merging everything into one cluster.
    """
    mean = assignment.mean(0).clamp_min(1e-8)
    return (mean * (mean.log() - shares.log())).sum()

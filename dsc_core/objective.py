"""The objective L in full, and each of its terms, stated once: formula, weight, title, symbol and stage.

x is a sample, x′ a random copy of it, E the encoder with x ↦ N(μ, σ²), z = μ + σ⊙ε its latent code, D the decoder,
T the discriminators, ψ(z) = z⊙(1 + s·ε) the noisy code, p(y|z) the assignment to the clusters y = 1 … K, Y the
orthonormal spectral coordinates and W the affinities of the neighbour graph. Every term is a mean over the batch.

Stage 1 trains the dual autoencoder:

    L₁ =   δ·‖x − D(z)‖²                             reconstruction
         + ρ·‖D(ψ(z)) − D(z)‖²                       relative
         + βg·JSD(T(C(x), z))                        global_mi: the feature map C(x) and the code
         + βl·JSD(T(C(x)ᵢⱼ, z))                      local_mi: each cell of the feature map and the code
         + γ·KL(N(μ, σ²) ‖ N(0, I))                  prior

with JSD(T) = softplus(−T(x, z)) + softplus(T(x, z̃)), z̃ being the code of another sample. Stage 2 trains everything:

    L₂ =   α·(the first four terms of L₁)
         + γy·Σ p(y|z)·KL(N(μ, σ²) ‖ N(m(y), I))     cluster_prior: summed over the clusters y with centres m(y)
         + λ·(1/m²)·Σᵢⱼ Wᵢⱼ·‖yᵢ − yⱼ‖²               spectral
         + η·−log⟨p(y|z), p(y|zₙ)⟩                   agreement with a neighbour n in the graph
         + κ·−log p(c|ψ(z))                          self_training: c is the cluster of a confident sample; its copy
                                                     takes the share a of the term: −log p(c|ψ(z′))
         + ηs·−log⟨p(y|z), p(y|ψ(z))⟩                noisy_agreement
         + ηa·−log⟨p(y|z), p(y|z′)⟩                  augmented_agreement
         + ζ·‖μ − μ′‖²                               augmented_latent
         + b·KL(mean p(y|z) ‖ cluster sizes)         balance
         + h·KL(p(y|z) ‖ uniform)                    entropy

Source: X. Yang et al., "Deep Spectral Clustering Using Dual Autoencoder Network", CVPR 2019, except where a docstring
names another. Shapes: m samples in a batch, d latent dimensions, K clusters, K′ spectral dimensions.

A new term is a function and a field of `ObjectiveSettings`. Nothing here imports PyTorch until a term is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from dsc_core import knobs
from dsc_core.knobs import COPIES, ENCODER, GRAPH, IMAGES, TARGETS, Knob, Range, knob, knobs_of

if TYPE_CHECKING:
    from torch import Tensor

    from dsc_core.method.batch import Batch

WEIGHTS = Range(0, 20, 0.1)  # the values of a weight, where its field names no others
SMOOTHING = 0.1  # of the targets of self-training
NO_INFORMATION = 2 * math.log(2)  # a mutual information before its discriminator has learned anything

# Stages. A term of BOTH or AUTOENCODER is a mean over single samples, computed by each process for its own rows. A
# term of JOINT is computed from the whole batch, by all processes alike.
AUTOENCODER, JOINT, BOTH = "autoencoder", "joint", "both"

# The terms ---------------------------------------------------------------------------------------------------


def reconstruction_error(sample: Tensor, decoded: Tensor) -> Tensor:
    """‖x − D(z)‖², summed over pixels, mean over the batch. Shapes (m, …), (m, …) → ()."""
    return (sample - decoded).square().flatten(1).sum(1).mean()


def relative_reconstruction_error(clean: Tensor, noisy: Tensor) -> Tensor:
    """‖D(ψ(z)) − D(z)‖², summed over pixels, mean over the batch. Shapes (m, …), (m, …) → ()."""
    return reconstruction_error(clean, noisy)


def mutual_information(positive: Tensor, negative: Tensor) -> Tensor:
    """softplus(−T(x, z)) + softplus(T(x, z̃)), minus the Jensen-Shannon bound. Scores of any shape → ().

    This is −E[log σ(T(x, z))] − E[log(1 − σ(T(x, z̃)))] without the overflow. It starts at 2·ln 2; a curve that stays
    there means that the discriminator has learned nothing.
    """
    from torch.nn.functional import softplus

    return softplus(-positive).mean() + softplus(negative).mean()


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)), summed over dimensions, mean over the batch. Shapes (m, d), (m, d) → ()."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()


def cluster_conditional_kl(mean: Tensor, log_variance: Tensor, assignment: Tensor, centres: Tensor) -> Tensor:
    """Σ p(y|z)·KL(N(μ, σ²) ‖ N(m(y), I)) over the clusters y, mean over the batch.

    Shapes (m, d), (m, d), (m, K), (K, d) → ().
    """
    from torch import cdist

    distance = cdist(mean, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    spread = (log_variance.exp() - log_variance - 1).sum(1)
    return 0.5 * ((assignment * distance).sum(1) + spread).mean()


def assignment_kl(assignment: Tensor) -> Tensor:
    """KL(p(y|z) ‖ uniform p(y)), mean over the batch; log K where every assignment is certain. (m, K) → ()."""
    return (assignment * assignment.clamp_min(1e-8).log()).sum(1).mean() + math.log(assignment.shape[1])


def spectral_loss(coordinates: Tensor, affinity: Tensor, mean: str = "pairs") -> Tensor:
    """(1/m²)·Σᵢⱼ Wᵢⱼ·‖yᵢ − yⱼ‖². Shapes (m, K′), (m, m) → (); W symmetric, not negative.

    mean: "samples" divides by m instead. Written as 2·tr(YᵀLY)/m², L = D − W: the same without an m×m×K′ array.
    """
    degree = affinity.sum(1)
    quadratic = (degree[:, None] * coordinates.square()).sum() - (
        coordinates * (affinity @ coordinates)
    ).sum()
    return 2 * quadratic / len(coordinates) ** (1 if mean == "samples" else 2)


def disagreement(assignment: Tensor, other: Tensor) -> Tensor:
    """−log⟨p, q⟩, mean over the pairs; 0 where both are certain of the same cluster. Shapes (m, K), (m, K) → ().

    The pairs are neighbours in the graph, a sample and its noisy code, or a sample and its random copy.
    """
    return -(assignment * other).sum(1).clamp_min(1e-6).log().mean()


def self_training_loss(
    logits: Tensor, targets: Tensor, copy_logits: Tensor | None = None, copy_share: float = 0.0
) -> Tensor:
    """−log p(c|ψ(z)), mean over the batch, where samples without a target count as 0. Shapes (m, K), (m,) → ().

    targets: the cluster c of each confident sample, −1 for the others. copy_logits: (m′, K), of the copies of the
    first m′ samples, which take the part `copy_share` of the term. The targets are smoothed by SMOOTHING, so that no
    probability is driven to 1. Source: self-training on confident samples, as in Mahon and Lukasiewicz, "Selective
    Pseudo-label Clustering" (2021); here the neighbourhood in the graph decides which samples are confident.
    """
    own = _smoothed_cross_entropy(logits, targets)
    if copy_logits is None:
        return own
    return own.lerp(_smoothed_cross_entropy(copy_logits, targets[: len(copy_logits)]), copy_share)


def _smoothed_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The cross entropy with smoothed targets, mean over all samples. Shapes (m, K), (m,) → ()."""
    from torch.nn.functional import cross_entropy

    losses = cross_entropy(logits, targets, ignore_index=-1, reduction="none", label_smoothing=SMOOTHING)
    return losses.mean()


def latent_distance(mean: Tensor, other: Tensor) -> Tensor:
    """‖μ − μ′‖², mean over the batch. Shapes (m, d), (m, d) → ()."""
    return (mean - other).square().sum(1).mean()


def imbalance(assignment: Tensor, shares: Tensor) -> Tensor:
    """KL(mean p(y|z) ‖ cluster sizes); 0 where the clusters have the expected sizes. Shapes (m, K), (K,) → ().

    The sizes are those read from the whole graph, so that unequal classes stay unequal; they prevent full agreement
    by merging everything into one cluster.
    """
    mean = assignment.mean(0).clamp_min(1e-8)
    return (mean * (mean.log() - shares.log())).sum()


# Their registry ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """One term of L. inputs(batch): the arguments of `function`. chance: its value before anything is learned."""

    knob: Knob
    stage: str
    function: Callable[..., Tensor]
    inputs: Callable[[Any], tuple[Any, ...]]
    chance: float | None = None

    @property
    def name(self) -> str:
        """The name of the term and of the setting that is its weight."""
        return self.knob.name

    @property
    def title(self) -> str:
        """The name as a person reads it."""
        return self.knob.title

    @property
    def symbol(self) -> str:
        """The symbol of the weight."""
        return self.knob.symbol

    @property
    def help(self) -> str:
        """What the term does, in a sentence."""
        return self.knob.help

    @property
    def needs(self) -> frozenset[str]:
        """What the term needs to be computed: see `knobs`."""
        return self.knob.needs


def weight(
    default: float,
    symbol: str,
    group: str,
    values: Range = WEIGHTS,
    *,
    stage: str,
    of: tuple[Callable[..., Tensor], Callable[[Any], tuple[Any, ...]]],
    help: str,
    needs: Iterable[str] = (),
    chance: float | None = None,
    **more: Any,
) -> Any:
    """A field of `ObjectiveSettings`: a weight, and its term. of: the term's function and its inputs in a batch."""
    made = knob(default, symbol, group, values, help=help, needs=needs, live=True, **more)
    about = {"stage": stage, "function": of[0], "inputs": of[1], "chance": chance}
    return field(default=default, metadata={**made.metadata, "term": about})


# fmt: off
# A table: one setting per block, its values on the first line.
@dataclass(frozen=True)
class ObjectiveSettings:
    """The numbers in L: the noise level, the factor α, and a weight for each term. b is a batch, see `method.batch`."""

    noise_level: float = knob(
        0.5, "s", knobs.NOISE, Range(0, 2, 0.05), live=True,
        help="Strength of the noise in ψ(z) = z ⊙ (1 + s·ε), which perturbs the latent code.",
    )
    joint_share: float = knob(
        0.02, "α", knobs.JOINT, Range(0, 1, 0.01), live=True, needs=[ENCODER],
        title="Share of the autoencoder's terms",
        help="Factor on the autoencoder's terms in stage 2. A small one lets the latent code follow the clusters.",
    )
    reconstruction: float = weight(
        1.0, "δ", knobs.AUTOENCODER, stage=BOTH, needs=[ENCODER],
        of=(reconstruction_error, lambda b: (b.decoded_samples, b.reconstruction)),
        help="Weight of the reconstruction error: the latent code must keep what the decoder needs.",
    )
    relative: float = weight(
        1.0, "ρ", knobs.AUTOENCODER, stage=BOTH, needs=[ENCODER], title="Relative reconstruction",
        of=(relative_reconstruction_error, lambda b: b.decodings),
        help="Weight of the relative reconstruction: the noisy code must decode to the same image as the clean code.",
    )
    global_mi: float = weight(
        1.6, "βg", knobs.NOISE, stage=BOTH, needs=[ENCODER], title="Global mutual information", chance=NO_INFORMATION,
        of=(mutual_information, lambda b: b.global_scores),
        help="Weight of the mutual information between the whole image and its latent code.",
    )
    local_mi: float = weight(
        1.6, "βl", knobs.NOISE, stage=BOTH, needs=[ENCODER], title="Local mutual information", chance=NO_INFORMATION,
        of=(mutual_information, lambda b: b.local_scores),
        help="Weight of the mutual information between each cell of the feature map and the latent code.",
    )
    prior: float = weight(
        0.05, "γ", knobs.AUTOENCODER, Range(0, 5, 0.01), stage=AUTOENCODER, needs=[ENCODER], title="Prior (KL)",
        of=(gaussian_kl, lambda b: (b.code.mean, b.code.log_variance)),
        help="Weight of the KL divergence to a standard normal prior: keeps the latent codes together.",
    )
    cluster_prior: float = weight(
        0.05, "γy", knobs.JOINT, Range(0, 20, 0.05), stage=JOINT, needs=[ENCODER], title="Cluster-conditional prior",
        of=(cluster_conditional_kl, lambda b: (b.mean, b.log_variance, b.assignment, b.nets.centres)),
        help="Weight of the cluster-conditional prior: keeps the latent codes near the centre of their cluster.",
    )
    spectral: float = weight(
        10.0, "λ", knobs.SPECTRAL, stage=JOINT, title="Spectral loss",
        of=(spectral_loss, lambda b: (b.coordinates, b.affinity, b.config.spectral_mean)),
        help="Weight of the spectral loss: neighbours in the graph get similar spectral coordinates.",
    )
    agreement: float = weight(
        5.0, "η", knobs.JOINT, stage=JOINT, needs=[GRAPH], title="Agreement of neighbours",
        of=(disagreement, lambda b: (b.own_assignment, b.neighbours_assignment)),
        help="Weight of the agreement of neighbours: neighbours in the graph share a cluster.",
    )
    self_training: float = weight(
        100.0, "κ", knobs.JOINT, Range(0, 500, 1), stage=JOINT, needs=[TARGETS], title="Self-training",
        of=(self_training_loss, lambda b: (b.noisy_logits, b.targets, b.noisy_copy_logits, b.config.augmented_target)),
        help="Weight of self-training: noisy codes of confident samples must be assigned to the samples' clusters.",
    )
    noisy_agreement: float = weight(
        0.0, "ηs", knobs.JOINT, stage=JOINT, title="Agreement with the noisy code",
        of=(disagreement, lambda b: (b.own_assignment, b.noisy_assignment)),
        help="Weight of the agreement between the cluster of a sample and that of its noisy code ψ(z).",
    )
    augmented_agreement: float = weight(
        0.0, "ηa", knobs.JOINT, stage=JOINT, needs=[IMAGES], title="Agreement with a random copy",
        of=(disagreement, lambda b: (b.own_assignment, b.copy_assignment)),
        help="Weight of the agreement between the cluster of an image and that of its random copy; 0 makes no copies.",
    )
    augmented_latent: float = weight(
        0.5, "ζ", knobs.JOINT, stage=JOINT, needs=[IMAGES, COPIES], title="Latent distance to the copy", advanced=True,
        of=(latent_distance, lambda b: (b.own_mean, b.copy_mean)),
        help="Weight of the distance between the latent codes of an image and its random copy.",
    )
    balance: float = weight(
        10.0, "b", knobs.JOINT, Range(0, 50, 0.1), stage=JOINT,
        of=(imbalance, lambda b: (b.assignment, b.nets.shares)),
        help="Weight that keeps cluster sizes close to those read from the graph, which prevents collapse.",
    )
    entropy: float = weight(
        0.0, "h", knobs.JOINT, Range(0, 20, 0.05), stage=JOINT, advanced=True,
        of=(assignment_kl, lambda b: (b.assignment,)),
        help="Weight of the divergence of each assignment from equal probabilities; the released code uses 1.",
    )


# fmt: on

TERMS: dict[str, Term] = {
    f.name: Term(knobs_of(ObjectiveSettings)[f.name], **f.metadata["term"])
    for f in fields(ObjectiveSettings)
    if "term" in f.metadata
}


# Their sums --------------------------------------------------------------------------------------------------


def active_terms(stage: str, settings: ObjectiveSettings) -> list[Term]:
    """The terms of a stage whose weight is not zero, in the order in which they are computed."""
    return [term for term in TERMS.values() if term.stage in (stage, BOTH) and getattr(settings, term.name)]


def compute(batch: Batch, stage: str) -> dict[str, Tensor]:
    """The terms of a batch, unweighted scalars by name; without those of weight zero or that lack what they need."""
    terms = [term for term in active_terms(stage, batch.config) if all(map(batch.has, term.needs))]
    single = {term.name: term.function(*term.inputs(batch)) for term in terms if term.stage != JOINT}
    means = batch.decoded_share.mean(single) if single else {}
    return means | {term.name: term.function(*term.inputs(batch)) for term in terms if term.stage == JOINT}


def weights(names: Iterable[str], settings: ObjectiveSettings, stage: str) -> dict[str, float]:
    """The factor of each term in L₁ or L₂: its weight, in stage 2 for those of the autoencoder times α."""
    share = {BOTH: settings.joint_share} if stage == JOINT else {}
    return {name: getattr(settings, name) * share.get(TERMS[name].stage, 1.0) for name in names}


def weighted_sum(terms: dict[str, Tensor], factors: Mapping[str, float | Tensor]) -> Tensor:
    """The terms times their factors, which may be tensors, (). Without terms, 0."""
    if not terms:
        from torch import zeros

        return zeros(())
    return sum(factors[name] * term for name, term in terms.items())  # type: ignore[return-value]


def total(terms: dict[str, Tensor], settings: ObjectiveSettings, stage: str) -> Tensor:
    """L₁ or L₂: the terms times their weights, in stage 2 those of the autoencoder times α too. Without terms, 0."""
    return weighted_sum(terms, weights(terms, settings, stage))

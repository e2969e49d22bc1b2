"""The settings of a run: one field each, with its default, symbol, group, range and help.

Sliders, options of the command line, the table in the documents and the validation are all made from these fields.
The weights of the objective are in `objective`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dsc_core.errors import InputError
from dsc_core.knobs import (
    AUTOENCODER,
    COLOUR,
    COPIES,
    ENCODER,
    GRAPH,
    IMAGES,
    JOINT,
    RUN,
    SPECTRAL,
    Knob,
    Range,
    Value,
    knob,
    knobs_of,
    plain_number,
)
from dsc_core.objective import ObjectiveSettings

AUTO, ON, OFF = "auto", "on", "off"  # of a transform


def transform(title: str, help: str, *needs: str, default: str = OFF) -> Any:
    """A setting for a transform of random copies that not every data set admits."""
    needs = (IMAGES, COPIES, *needs)
    help = f"{help} auto: where the data admit it."
    return knob(default, "", JOINT, (AUTO, ON, OFF), title=title, help=help, needs=needs, advanced=True)


# fmt: off
# A table: one setting per block, its values on the first line.
@dataclass(frozen=True)
class Config(ObjectiveSettings):
    """The settings of one run. Immutable; `replace` makes a changed copy, and both validate."""

    encoder: str = knob(
        "network", "", AUTOENCODER, ("network", "none"),
        help="none uses rows of numbers, such as embeddings of a pretrained model, as their own latent codes: without "
        "an autoencoder and without stage 1.",
    )
    latent_dims: int = knob(
        32, "d", AUTOENCODER, Range(2, 512, 1), title="Latent dimensions", needs=[ENCODER],
        help="Number of dimensions of the latent space.",
    )
    batch_norm: bool = knob(
        True, "", AUTOENCODER, title="Batch normalisation", advanced=True, needs=[ENCODER],
        help="Batch normalisation in the encoder and the decoder.",
    )
    stem: str = knob(
        "quarter", "", AUTOENCODER, ("quarter", "halve"), title="First layer of large images", advanced=True,
        needs=[IMAGES, ENCODER],
        help="What the first layer does with images above 64×64 pixels: quarter each side at once, or halve it, as in "
        "earlier versions, which takes several times as long.",
    )
    decoders: str = knob(
        "shared", "", AUTOENCODER, ("shared", "separate"), advanced=True, needs=[ENCODER],
        help="One decoder for the clean and the noisy code, or one for each.",
    )
    noise: str = knob(
        "multiplicative", "ψ", AUTOENCODER, ("multiplicative", "sampling"), advanced=True, needs=[ENCODER],
        help="How the noisy code is made: by ψ(z), or by sampling from the encoder's distribution (released code).",
    )
    mi_input: str = knob(
        "image", "T", AUTOENCODER, ("image", "latent"), title="Input of the discriminator", advanced=True,
        needs=[ENCODER],
        help="What the global discriminator compares with the latent code: the features of the image, or the latent "
        "code itself (released code).",
    )
    train_discriminator: bool = knob(
        True, "", AUTOENCODER, title="Train the discriminator", advanced=True, needs=[ENCODER],
        help="Turn off only to reproduce the released code, whose optimiser leaves the discriminator out.",
    )

    spectral_dims: int = knob(
        0, "K′", SPECTRAL, Range(0, 256, 1), title="Spectral dimensions",
        help="Number of spectral dimensions. 0: twice the clusters, or as many as clusters where k-means on Y gives "
        "the labels.",
    )
    spectral_width: int = knob(
        256, "w", SPECTRAL, Range(16, 4096, 16), title="Width of the spectral network", advanced=True,
        help="Width of the spectral network, whose layers are w, w and w/2 wide (released code: 1024).",
    )
    neighbours: int = knob(
        10, "k", SPECTRAL, Range(2, 100, 1),
        help="Number of nearest neighbours of a sample in the graph.",
    )
    graph: str = knob(
        "whole", "W", SPECTRAL, ("whole", "batch"),
        help="One neighbour graph of the whole data set, or one graph per batch.",
    )
    search: str = knob(
        "auto", "", SPECTRAL, ("auto", "exact", "cells", "faiss"), title="Search of neighbours", advanced=True,
        help="How the neighbours of the whole data set are found: exact; by cells, nearly all of them and many times "
        "faster; or by the package FAISS. auto: exact up to 100,000 samples (500,000 on CUDA), then by cells.",
    )
    second_view: str = knob(
        "auto", "", SPECTRAL, ("auto", "scattering", "none"), title="Second view", advanced=True, needs=[IMAGES, GRAPH],
        help="A second graph, of the scattering transform of the images, joined to the graph of the latent codes. "
        "auto: for up to 100,000 images. Tables have none.",
    )
    both_views: float = knob(
        4.0, "", SPECTRAL, Range(0, 20, 0.5), title="Weight of edges in both views", advanced=True,
        needs=[IMAGES, GRAPH],
        help="How much more an edge counts that is in both graphs: the weights are A + B + this · A∘B.",
    )
    graph_samples: int = knob(
        1_000_000, "", SPECTRAL, Range(1000, 10_000_000, 1000), title="Samples in the graph", advanced=True,
        help="Maximum number of samples in the graph and in stage 2. Larger data sets are sampled at random; the "
        "spectral network labels the remaining samples.",
    )
    bandwidth: float = knob(
        0.0, "σ", SPECTRAL, Range(0, 100, 0.01), advanced=True,
        help="Width of the Gaussian affinity of a graph per batch. 0: a share of the median distance to the k-th "
        "neighbour, see the next setting.",
    )
    relative_bandwidth: float = knob(
        1.0, "", SPECTRAL, Range(0.05, 10, 0.05), unit="of the median distance", advanced=True,
        help="Width of the Gaussian affinity of a graph per batch as a share of the median distance to the k-th "
        "neighbour, where the bandwidth is 0. A small one parts clusters that touch.",
    )
    affinity: str = knob(
        "constant", "W", SPECTRAL, ("constant", "differentiable"), title="Affinity of a graph per batch", advanced=True,
        help="How a graph per batch joins the two directions of an edge: the larger affinity, as a constant; or their "
        "mean, through which gradients reach the latent codes (released code).",
    )
    spectral_mean: str = knob(
        "pairs", "", SPECTRAL, ("pairs", "samples"), title="Mean of the spectral loss", advanced=True,
        help="What the spectral loss is divided by: the m² pairs of a batch, or its m samples (released code), which "
        "counts as much as m times the weight λ.",
    )
    orthonormalise: str = knob(
        "linear", "Y", SPECTRAL, ("linear", "softmax"), advanced=True,
        help="Input of the orthonormal layer: a linear layer, or the softmax assignment (released code).",
    )
    readout: str = knob(
        "diffusion", "", SPECTRAL, ("diffusion", "kmeans", "damped", "softmax"), title="Source of the labels",
        advanced=True,
        help="How the final labels are made: from the diffusion map of the graph, by k-means on Y (paper), by k-means "
        "on Y rotated and damped along the graph of the whole data set, or from the softmax assignment (released "
        "code).",
    )
    damping: float = knob(
        8.0, "t", SPECTRAL, Range(0, 64, 1), advanced=True,
        help="Power of the eigenvalues that damps the later dimensions of the diffusion map, or of Y.",
    )
    new_cut: float = knob(
        1.0, "", SPECTRAL, Range(0, 1, 0.05), title="Cost limit of a new cut", advanced=True,
        help="A new clustering of the graph replaces the previous clustering only where its cost is below this share "
        "of the previous cost.",
    )

    sure: float = knob(
        0.95, "τ", JOINT, Range(0.5, 1, 0.01), title="Threshold of confidence",
        help="Share of a sample's neighbourhood that must belong to its cluster for self-training to use the sample.",
    )
    augmented_target: float = knob(
        0.0, "a", JOINT, Range(0, 1, 0.05), title="Self-training on the copy", advanced=True, needs=[IMAGES, COPIES],
        help="Share of self-training that trains on the random copy of a sample instead of the sample.",
    )
    augmented_input: bool = knob(
        False, "", JOINT, title="Stage 1 on random copies", advanced=True, needs=[IMAGES, COPIES],
        help="Train stage 1 on a random copy of each image instead of the image.",
    )
    augmented_graph: int = knob(
        0, "", JOINT, Range(0, 64, 1), title="Random copies in the graph", advanced=True, needs=[IMAGES, COPIES],
        help="Number of random copies of each image in the graph; a neighbour of a copy is a neighbour of its image.",
    )
    shift: float = knob(
        0.08, "", JOINT, Range(0, 0.5, 0.01), unit="of the width", advanced=True, needs=[IMAGES, COPIES],
        help="Maximum shift of a random copy. Not for images in which position carries meaning.",
    )
    rotation: float = knob(
        10.0, "", JOINT, Range(0, 180, 1), unit="°", advanced=True, needs=[IMAGES, COPIES],
        help="Maximum rotation of a random copy. Not where rotation turns one class into another, such as 6 into 9.",
    )
    scaling: float = knob(
        0.1, "", JOINT, Range(0, 0.5, 0.01), unit="of the size", advanced=True, needs=[IMAGES, COPIES],
        help="Maximum change of the size of a random copy.",
    )
    mirror: str = transform("Mirrored copies", "Mirror half of the random copies left to right.", default=AUTO)
    zoom: str = transform("Zoomed copies", "Enlarge or shrink random copies by a further 10 %.")
    brightness: str = transform("Brightness of copies", "Make random copies darker, down to 70 %, or brighter.")
    contrast: str = transform("Contrast of copies", "Change the contrast of random copies, down to 70 % or up.")
    hue: str = transform("Hue of copies", "Turn the colours of random copies by up to 30°.", COLOUR)
    grey: str = transform("Grey copies", "Make every fifth random copy grey.", COLOUR)

    least_steps: int = knob(
        250, "", RUN, Range(0, 100_000, 10), title="Minimum steps per stage", advanced=True,
        help="Minimum number of steps of stage 1; an eighth of it for stage 2. Small data sets get more epochs and, in "
        "stage 1, smaller batches. 0: epochs and batches as set.",
    )
    epochs: int = knob(
        4, "", RUN, Range(0, 2000, 1), title="Epochs, autoencoder", needs=[ENCODER],
        help="Number of passes over the data in stage 1, which trains the dual autoencoder alone. 0 skips stage 1.",
    )
    joint_epochs: int = knob(
        10, "", RUN, Range(0, 2000, 1), title="Epochs, joint",
        help="Number of passes over the data in stage 2, which trains all networks together. 0 skips stage 2.",
    )
    batches: int = knob(
        0, "", RUN, Range(0, 100_000, 1), title="Batches per epoch", advanced=True,
        help="Number of batches per epoch. 0: the whole data set.",
    )
    refresh: int = knob(
        2, "", RUN, Range(1, 100, 1), title="Epochs between two graphs", advanced=True, needs=[ENCODER],
        help="Number of joint epochs after which the graph of the whole data set is rebuilt.",
    )
    tolerance: float = knob(
        0.001, "", RUN, Range(0, 0.5, 0.0005), advanced=True,
        help="Stage 2 ends early when less than this share of the labels changes in an epoch.",
    )
    stopping: str = knob(
        "labels", "", RUN, ("labels", "loss"), title="Early end by", advanced=True,
        help="What ends stage 2 early: labels that no longer change, or a loss that no longer changes (released code).",
    )
    batch: int = knob(
        128, "m", RUN, Range(8, 8192, 8), title="Batch size, autoencoder", needs=[ENCODER],
        help="Number of samples per batch in stage 1.",
    )
    joint_batch: int = knob(
        256, "m", RUN, Range(16, 8192, 16), title="Batch size, joint",
        help="Number of samples per batch in stage 2.",
    )
    learning_rate: float = knob(
        0.001, "", RUN, Range(1e-6, 0.1, 0.0001), live=True,
        help="Learning rate of the Adam optimiser.",
    )
    evaluate_every: int = knob(
        2, "", RUN, Range(1, 1000, 1), title="Epochs between two evaluations",
        help="Number of joint epochs after which the clusters are evaluated.",
    )
    decode_every: int = knob(
        4, "", JOINT, Range(1, 64, 1), title="Samples per decoding", advanced=True, needs=[ENCODER],
        help="In stage 2, every so many samples of a batch one is decoded: the autoencoder's terms, whose share is "
        "small there, are means over these. 1: every sample.",
    )
    final_rate: float = knob(
        0.1, "", RUN, Range(0, 1, 0.05), title="Final learning rate", advanced=True,
        help="Learning rate at the end of stage 2, in which it falls linearly, as a share of the learning rate. 1 "
        "keeps it constant.",
    )
    map_every: int = knob(
        2, "", RUN, Range(0, 1000, 1), title="Epochs between two frames",
        help="Number of epochs between two frames of the film of the latent map. 0 makes no film. Training does not "
        "depend on it.",
    )
    clusters: int = knob(10, "K", RUN, Range(2, 200, 1), help="Number of clusters.")
    seed: int = knob(
        0, "", RUN, Range(0, 2**31 - 1, 1),
        help="Seed of all random numbers. The same seed gives the same result on the same machine.",
    )
    device: str = knob(
        "auto", "", RUN, ("auto", "cpu", "cuda"), advanced=True,
        help="Where to compute. auto uses CUDA where it is available.",
    )
    processes: int = knob(
        0, "", RUN, Range(0, 64, 1), advanced=True,
        help="Number of processes that train together: one per graphics card, or on the cores of the CPU. 0: one for "
        "each free graphics card, or one on the CPU. Where torchrun starts the run, its number of processes counts.",
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Validate every setting and convert it to its type."""
        for name, each in KNOBS.items():
            object.__setattr__(self, name, each.validate(getattr(self, name)))

    def replace(self, **changes: Any) -> Config:
        """A copy with `changes`; InputError names an unknown setting or a value out of range."""
        for name in changes:
            find_knob(name)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Value]:
        """The settings as plain numbers and words, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The inverse of `to_dict`; settings of another version that are unknown here are ignored."""
        return cls(**{name: value for name, value in {**BEFORE, **values}.items() if name in KNOBS})


KNOBS: dict[str, Knob] = knobs_of(Config)
# Transforms of random copies beyond shift, rotation and scaling, in the order in which they are made.
COLOURS = 3  # channels of an image in colour
FURTHER = ("mirror", "zoom", "brightness", "contrast", "hue", "grey")

# What training did before a setting existed, where that is not its default: for runs of earlier versions.
BEFORE = {
    "stem": "halve",
    "self_training": 0.0,
    "joint_share": 1.0,
    "final_rate": 1.0,
    "processes": 1,
    "decode_every": 1,
    "second_view": "none",
    **dict.fromkeys(FURTHER, "off"),
}


def find_knob(name: str) -> Knob:
    """The knob of that name; InputError where there is none."""
    if name not in KNOBS:
        raise InputError(f"Unknown setting '{name}'; the settings are {', '.join(KNOBS)}.")
    return KNOBS[name]


def describe_changes(changes: Mapping[str, Sequence[float]]) -> str:
    """Changed settings, {name: (old, new)}, by their titles: "Noise level 0.5 → 0.8, Prior 1 → 2"."""
    values = {name: (plain_number(old), plain_number(new)) for name, (old, new) in changes.items()}
    return ", ".join(f"{KNOBS[name].title} {old} → {new}" for name, (old, new) in values.items())


def idle(encoder: str, shape: Iterable[int]) -> frozenset[str]:
    """The settings without effect on samples of `shape`, (C, H, W) or (F,). encoder: the setting of that name."""
    shape = tuple(shape)
    if len(shape) != 1:  # images always have an encoder, see `networks.sizes.check_encoder`
        absent = set() if shape[0] == COLOURS else {COLOUR}
    else:
        absent = {IMAGES, ENCODER} if encoder == "none" else {IMAGES}
    return frozenset(name for name, each in KNOBS.items() if each.needs & absent)


def parse_settings(pairs: Iterable[str]) -> dict[str, Value]:
    """`["noise_level=0.3"]` as `{"noise_level": 0.3}`, each value validated; InputError says what is wrong."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"A setting is given as NAME=VALUE, not '{pair}'.")
        settings[name] = find_knob(name).validate(value)
    return settings

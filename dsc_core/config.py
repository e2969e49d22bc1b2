"""Every knob once: its name, symbol, default, range, unit and help, and the presets made of them.

Sliders, command-line options, the README's table and the validation are all made from the fields of
`Config`. A new weight is one new field here and one new term in `train.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace

from dsc_core.errors import InputError

GROUPS = ("Noise and mutual information", "Autoencoder", "Spectral network", "Joint training", "Run")


@dataclass(frozen=True)
class Knob:
    """What is known of one field of `Config`. `live`: may be changed while the run trains."""

    name: str
    symbol: str
    default: float | int | str | bool
    help: str
    group: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    live: bool = False
    advanced: bool = False

    @property
    def title(self) -> str:
        """The name as a person reads it: `global_mi` is "Global mi" unless a title is given in TITLES."""
        return TITLES.get(self.name, self.name.replace("_", " ").capitalize())


def knob(default, symbol: str, help: str, group: int, **more):
    """A dataclass field that carries its `Knob`; `group` counts in GROUPS."""
    return field(default=default, metadata={"symbol": symbol, "help": help, "group": GROUPS[group], **more})


TITLES = {
    "relative": "Relative reconstruction",
    "latent_dims": "Latent dimensions",
    "new_cut": "Cost of a new cut",
    "batch_norm": "Batch normalisation",
    "augmented_agreement": "Agreement with a random copy",
    "augmented_latent": "Latent distance to the copy",
    "augmented_target": "Self-training on the copy",
    "augmented_input": "Stage 1 on random copies",
    "augmented_graph": "Random copies in the graph",
    "final_rate": "Final learning rate",
    "joint_share": "Share of the autoencoder's terms",
    "sure": "Agreement of a sure neighbourhood",
    "noisy_agreement": "Agreement with the noisy code",
    "self_training": "Self-training",
    "agreement": "Neighbours' agreement",
    "least_steps": "Fewest steps of a stage",
    "spectral": "Spectral loss",
    "cluster_prior": "Cluster-conditional prior",
    "batch": "Batch, autoencoder",
    "joint_batch": "Batch, joint",
    "joint_epochs": "Epochs, joint",
    "global_mi": "Global mutual information",
    "local_mi": "Local mutual information",
    "prior": "Prior (KL)",
    "mi_input": "Discriminator's input",
    "train_discriminator": "Train the discriminator",
    "spectral_dims": "Spectral dimensions",
    "epochs": "Epochs, autoencoder",
    "map_every": "Epochs between two maps",
}


@dataclass(frozen=True)
class Config:
    """The settings of one run. Immutable; `replace` makes a changed copy, and both validate."""

    noise_level: float = knob(
        0.5,
        "s",
        "How strongly the noise transformer ψ(z) = z ⊙ (1 + s·ε) shakes the code.",
        0,
        low=0.0,
        high=2.0,
        step=0.05,
        live=True,
    )
    global_mi: float = knob(
        1.6,
        "β_g",
        "Weight of the mutual information between the image and its code.",
        0,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    local_mi: float = knob(
        1.6,
        "β_l",
        "Weight of the mutual information between each place of the feature map and the code.",
        0,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )

    reconstruction: float = knob(
        1.0,
        "δ",
        "Weight of the reconstruction error: keeps the decoder honest.",
        1,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    relative: float = knob(
        1.0,
        "ρ",
        "Weight of the relative reconstruction: the noisy code must decode to what the clean one does.",
        1,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    prior: float = knob(
        0.05,
        "γ",
        "Weight of the KL divergence to the prior: keeps the codes together.",
        1,
        low=0.0,
        high=5.0,
        step=0.01,
        live=True,
    )
    encoder: str = knob(
        "network",
        "",
        "none takes rows of numbers as their own code, for embeddings of a pretrained model: no "
        "autoencoder, no stage 1, and their settings have no effect.",
        1,
        choices=("network", "none"),
    )
    latent_dims: int = knob(32, "d", "Numbers in the code of one sample.", 1, low=2, high=512, step=1)
    batch_norm: bool = knob(True, "", "Batch normalisation in the encoder and the decoder.", 1, advanced=True)
    decoders: str = knob(
        "shared",
        "",
        "One decoder for the clean and the noisy code, or one for each.",
        1,
        choices=("shared", "separate"),
        advanced=True,
    )
    noise: str = knob(
        "multiplicative",
        "ψ",
        "What the noisy code is: ψ(z), or the encoder's own sampling (released code).",
        1,
        choices=("multiplicative", "sampling"),
        advanced=True,
    )
    mi_input: str = knob(
        "image",
        "T",
        "The global discriminator sees the image's features, or the code itself (released code).",
        1,
        choices=("image", "latent"),
        advanced=True,
    )
    train_discriminator: bool = knob(
        True,
        "",
        "Off only to follow the released code, whose optimiser leaves the discriminator out.",
        1,
        advanced=True,
    )

    spectral: float = knob(
        10.0,
        "λ",
        "Weight of the spectral loss: neighbours get near-by spectral coordinates.",
        2,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    spectral_dims: int = knob(
        0,
        "K′",
        "Spectral dimensions; 0 takes twice the clusters, or as many where Y gives the labels.",
        2,
        low=0,
        high=256,
        step=1,
    )
    spectral_width: int = knob(
        256,
        "w",
        "Width of the spectral network, whose layers are w, w, w/2 (released code: 1024).",
        2,
        low=16,
        high=4096,
        step=16,
        advanced=True,
    )
    neighbours: int = knob(
        10, "k", "Nearest neighbours of a sample in the graph.", 2, low=2, high=100, step=1
    )
    graph: str = knob(
        "whole",
        "W",
        "The neighbour graph: of the whole data set, or of each batch by itself.",
        2,
        choices=("whole", "batch"),
    )
    graph_samples: int = knob(
        100_000,
        "",
        "Of larger data sets so many samples, drawn by the seed, make the graph and train stage 2; the "
        "others are labelled by the spectral network.",
        2,
        low=1000,
        high=10_000_000,
        step=1000,
        advanced=True,
    )
    bandwidth: float = knob(
        0.0,
        "σ",
        "Width of the Gaussian affinity; 0 takes the median distance to the last neighbour.",
        2,
        low=0.0,
        high=100.0,
        step=0.01,
        advanced=True,
    )
    orthonormalise: str = knob(
        "linear",
        "Y",
        "What is orthonormalised: free coordinates, or the softmax itself (released code).",
        2,
        choices=("linear", "softmax"),
        advanced=True,
    )
    readout: str = knob(
        "diffusion",
        "",
        "Labels from the whole-data diffusion map, k-means on Y (paper) or the softmax (code).",
        2,
        choices=("diffusion", "kmeans", "softmax"),
        advanced=True,
    )
    damping: float = knob(
        8.0,
        "t",
        "Power of the eigenvalues that damps the diffusion map's later dimensions.",
        2,
        low=0.0,
        high=64.0,
        step=1.0,
        advanced=True,
    )
    new_cut: float = knob(
        1.0,
        "",
        "Other clusters than the present are read from the graph only where they cost less than this share "
        "of theirs.",
        2,
        low=0.0,
        high=1.0,
        step=0.05,
        advanced=True,
    )

    agreement: float = knob(
        5.0,
        "η",
        "Weight of neighbours' agreement: neighbours in the graph share their cluster.",
        3,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    self_training: float = knob(
        100.0,
        "κ",
        "Weight of self-training: where a neighbourhood is sure of its cluster, ψ(z) must be too.",
        3,
        low=0.0,
        high=500.0,
        step=1.0,
        live=True,
    )
    sure: float = knob(
        0.95,
        "τ",
        "Share of a sample's neighbourhood that must be of its cluster for self-training to use it.",
        3,
        low=0.5,
        high=1.0,
        step=0.01,
    )
    joint_share: float = knob(
        0.02,
        "α",
        "Factor on the autoencoder's terms in stage 2: small lets the code follow the clusters.",
        3,
        low=0.0,
        high=1.0,
        step=0.01,
        live=True,
    )
    noisy_agreement: float = knob(
        0.0,
        "η_s",
        "Weight of the agreement between a sample's cluster and that of its noisy code ψ(z).",
        3,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    balance: float = knob(
        10.0,
        "b",
        "Weight that keeps cluster sizes near those read from the whole graph; prevents collapse.",
        3,
        low=0.0,
        high=50.0,
        step=0.1,
        live=True,
    )
    cluster_prior: float = knob(
        0.05,
        "γ_y",
        "Weight of the cluster-conditional prior, the KL divergence to N(m_y, I).",
        3,
        low=0.0,
        high=20.0,
        step=0.05,
        live=True,
    )
    entropy: float = knob(
        0.0,
        "h",
        "Weight of the entropy term p(y|z) log p(y|z) against the prior p(y) (released code: 1).",
        3,
        low=0.0,
        high=20.0,
        step=0.05,
        live=True,
        advanced=True,
    )
    augmented_agreement: float = knob(
        0.0,
        "η_a",
        "Weight of the agreement with a small random copy; 0 makes no copies.",
        3,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
    )
    augmented_latent: float = knob(
        0.5,
        "",
        "Weight of the distance ‖z − z_copy‖² between the codes of a sample and its random copy.",
        3,
        low=0.0,
        high=20.0,
        step=0.1,
        live=True,
        advanced=True,
    )
    augmented_target: float = knob(
        0.0,
        "",
        "Share of self-training that asks the copy for its original's cluster, where copies are made.",
        3,
        low=0.0,
        high=1.0,
        step=0.05,
        advanced=True,
    )
    augmented_input: bool = knob(
        False,
        "",
        "Stage 1 sees a random copy in place of each image, where copies are made.",
        3,
        advanced=True,
    )
    augmented_graph: int = knob(
        0,
        "",
        "Random copies of each image by which neighbours find it in the graph, where copies are made.",
        3,
        low=0,
        high=64,
        step=1,
        advanced=True,
    )
    shift: float = knob(
        0.08,
        "",
        "Largest shift of a random copy. Not for data whose place has a meaning.",
        3,
        low=0.0,
        high=0.5,
        step=0.01,
        unit="of the width",
        advanced=True,
    )
    rotation: float = knob(
        10.0,
        "",
        "Largest turn of a random copy. Not where one class is another, turned (6 and 9).",
        3,
        low=0.0,
        high=180.0,
        step=1.0,
        unit="°",
        advanced=True,
    )
    scaling: float = knob(
        0.1,
        "",
        "Largest change of size of a random copy.",
        3,
        low=0.0,
        high=0.5,
        step=0.01,
        unit="of the size",
        advanced=True,
    )

    least_steps: int = knob(
        500,
        "",
        "Small data sets get more epochs, so that stage 1 makes at least so many steps, stage 2 an eighth.",
        4,
        low=0,
        high=100000,
        step=50,
        advanced=True,
    )
    epochs: int = knob(
        8,
        "",
        "Passes over the data that train the dual autoencoder alone; 0 leaves stage 1 out.",
        4,
        low=0,
        high=2000,
        step=1,
    )
    joint_epochs: int = knob(
        10,
        "",
        "Passes over the data that train everything together; 0 leaves stage 2 out.",
        4,
        low=0,
        high=2000,
        step=1,
    )
    batches: int = knob(
        0,
        "",
        "Batches in an epoch; 0 takes the whole data set.",
        4,
        low=0,
        high=100000,
        step=1,
        advanced=True,
    )
    refresh: int = knob(
        2,
        "",
        "Joint epochs between two builds of the whole-data graph.",
        4,
        low=1,
        high=100,
        step=1,
        advanced=True,
    )
    tolerance: float = knob(
        0.001,
        "",
        "The joint stage ends when fewer than this share of the labels change in an epoch.",
        4,
        low=0.0,
        high=0.5,
        step=0.0005,
        advanced=True,
    )
    stopping: str = knob(
        "labels",
        "",
        "What the joint stage's early end watches: the labels, or the loss (released code).",
        4,
        choices=("labels", "loss"),
        advanced=True,
    )
    batch: int = knob(128, "m", "Samples in a batch of stage 1.", 4, low=8, high=8192, step=8)
    joint_batch: int = knob(256, "m", "Samples in a batch of stage 2.", 4, low=16, high=8192, step=16)
    learning_rate: float = knob(0.001, "", "Adam's step size.", 4, low=1e-6, high=0.1, step=0.0001, live=True)
    evaluate_every: int = knob(
        2, "", "Epochs between two looks at the clusters while training.", 4, low=1, high=1000, step=1
    )
    final_rate: float = knob(
        0.1,
        "",
        "Share of the step size that is left at the end of stage 2; it falls evenly. 1: it stays.",
        4,
        low=0.0,
        high=1.0,
        step=0.05,
        advanced=True,
    )
    map_every: int = knob(
        2,
        "",
        "Epochs between two frames of the latent map's film, which leaves training as it is; 0 makes none.",
        4,
        low=0,
        high=1000,
        step=1,
    )
    clusters: int = knob(10, "K", "Number of clusters.", 4, low=2, high=200, step=1)
    seed: int = knob(0, "", "One seed gives one result on one machine.", 4, low=0, high=2**31 - 1, step=1)
    device: str = knob(
        "auto",
        "",
        "Where to compute: auto takes CUDA when present.",
        4,
        choices=("auto", "cpu", "cuda"),
        advanced=True,
    )
    processes: int = knob(
        0,
        "",
        "Processes that train together where the app starts the run: one a graphics card, or on the CPU's "
        "cores. 0: one for each card that is free and that no other run waits for; one without cards. On the command "
        "line, torchrun's option counts instead.",
        4,
        low=0,
        high=64,
        step=1,
        advanced=True,
    )

    def __post_init__(self):
        for known in KNOBS.values() if "KNOBS" in globals() else ():
            object.__setattr__(self, known.name, checked(known, getattr(self, known.name)))

    def replace(self, **changes) -> Config:
        """A copy with `changes`; InputError names a knob that does not exist or a value out of range."""
        for name in changes:
            if name not in KNOBS:
                raise InputError(f"There is no setting '{name}'; the settings are {', '.join(KNOBS)}.")
        return replace(self, **changes)

    def to_dict(self) -> dict:
        """The settings as plain numbers and words, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """The inverse of `to_dict`; settings of another version that are not known here are passed over."""
        return cls(**{name: value for name, value in (BEFORE | values).items() if name in KNOBS})


def checked(known: Knob, value):
    """`value` as the knob's own type, or an InputError that names the knob and what it takes."""
    kind = type(known.default)
    try:
        if kind is bool:
            value = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}[
                str(value).lower()
            ]
        elif kind is int:
            if float(value) != int(float(value)):
                raise ValueError
            value = int(float(value))
        else:
            value = kind(value)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise InputError(f"{known.name} takes {takes(known)}, not '{value}'.") from None
    wrong_choice = known.choices and value not in known.choices
    out_of_range = known.low is not None and not (math.isfinite(value) and known.low <= value <= known.high)
    if wrong_choice or out_of_range:
        raise InputError(f"{known.name} takes {takes(known)}, not {value}.")
    return value


def takes(known: Knob) -> str:
    """What a knob accepts, in words: "a whole number from 2 to 512"."""
    if known.choices:
        return " or ".join(known.choices)
    if isinstance(known.default, bool):
        return "true or false"
    number = "a whole number" if isinstance(known.default, int) else "a number"
    return f"{number} from {known.low:g} to {known.high:g}"


# What training did before a setting existed, where that is not its default: for runs of earlier versions.
BEFORE = {"self_training": 0.0, "joint_share": 1.0, "final_rate": 1.0, "processes": 1}

KNOBS: dict[str, Knob] = {f.name: Knob(name=f.name, default=f.default, **f.metadata) for f in fields(Config)}


OF_AUTOENCODER = frozenset(
    {
        "global_mi",
        "local_mi",
        "reconstruction",
        "relative",
        "prior",
        "latent_dims",
        "batch_norm",
        "decoders",
        "noise",
        "mi_input",
        "train_discriminator",
        "joint_share",
        "cluster_prior",
        "epochs",
        "batch",
        "refresh",  # a latent that stays keeps its graph
    }
)
OF_IMAGES = frozenset(
    {
        "augmented_agreement",
        "augmented_latent",
        "augmented_target",
        "augmented_input",
        "augmented_graph",
        "shift",
        "rotation",
        "scaling",
    }
)


def idle(encoder: str, shape: Iterable[int]) -> frozenset[str]:
    """The settings without any effect on samples of `shape`, (C, H, W) or (F,). encoder: the setting of that name."""
    if len(tuple(shape)) != 1:
        return frozenset()  # which have an encoder, see `model.sizes.check_encoder`
    return OF_IMAGES | (OF_AUTOENCODER if encoder == "none" else frozenset())


@dataclass(frozen=True)
class Preset:
    """A named set of knobs. `config` gives the whole Config."""

    name: str
    help: str
    changes: dict

    @property
    def config(self) -> Config:
        return Config().replace(**self.changes)


PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset(
            "quick",
            "A first answer in about two minutes on two cores.",
            {"epochs": 3, "joint_epochs": 1, "least_steps": 230, "map_every": 1},
        ),
        Preset("standard", "The best clustering without assumptions about the images.", {}),
        Preset(
            "augment",
            "Standard, and small random copies of an image must share its cluster. Not where a small shift or turn "
            "makes another class.",
            {
                "augmented_agreement": 2.5,
                "agreement": 2.5,
                "augmented_target": 0.5,
                "augmented_input": True,
                "augmented_graph": 8,
                "new_cut": 0.7,
            },
        ),
        Preset(
            "paper",
            "As the paper describes it: a graph a batch, K dimensions, k-means on Y.",
            {
                "epochs": 20,
                "batch_norm": False,
                "spectral_width": 1024,
                "graph": "batch",
                "readout": "kmeans",
                "agreement": 0.0,
                "noisy_agreement": 0.0,
                "balance": 0.0,
                "cluster_prior": 0.05,
                "self_training": 0.0,
                "joint_share": 1.0,
                "final_rate": 1.0,
            },
        ),
        Preset(
            "released-code",
            "As the released code runs: sampling noise, T(z, z) untrained, softmax before Cholesky.",
            {
                "batch_norm": False,
                "spectral_width": 1024,
                "latent_dims": 120,
                "noise": "sampling",
                "mi_input": "latent",
                "train_discriminator": False,
                "global_mi": 0.001,
                "local_mi": 0.0,
                "reconstruction": 5.0,
                "relative": 2.5,
                "prior": 1.5,
                "cluster_prior": 1.5,
                "entropy": 1.0,
                "graph": "batch",
                "neighbours": 4,
                "bandwidth": 2.62,
                "orthonormalise": "softmax",
                "readout": "softmax",
                "agreement": 0.0,
                "noisy_agreement": 0.0,
                "balance": 0.0,
                "self_training": 0.0,
                "joint_share": 1.0,
                "final_rate": 1.0,
                "batch": 1024,
                "joint_batch": 1024,
                "least_steps": 0,
                "batches": 10,
                "epochs": 100,
                "joint_epochs": 500,
                "stopping": "loss",
                "tolerance": 0.0001,
            },
        ),
    )
}
DEFAULT_PRESET = "standard"


def preset(name: str, **changes) -> Config:
    """The Config of a preset with `changes`; InputError where there is no such preset or knob."""
    if name not in PRESETS:
        raise InputError(f"There is no preset '{name}'; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name].config.replace(**changes)


def parse_settings(pairs: Iterable[str]) -> dict:
    """`["noise_level=0.3"]` as `{"noise_level": 0.3}`, each value checked; InputError says what is wrong."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in KNOBS:
            raise InputError(f"--set takes KNOB=VALUE with one of {', '.join(KNOBS)}, not '{pair}'.")
        settings[name] = checked(KNOBS[name], value)
    return settings

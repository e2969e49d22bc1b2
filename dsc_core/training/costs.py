"""What a run costs: the seconds of each of its parts, from samples, shape and settings. Imports no PyTorch.

The seconds of a part are a weighted sum of a few counts, such as multiplications. The weights in `cost_table` are those
of one core of a usual computer; `Speed` says by how much this machine differs, as `training.calibration` measures it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dsc_core.config import Config
from dsc_core.method.networks.sizes import HIDDEN, Shape, feature_shape, layers
from dsc_core.method.searches import EXACT
from dsc_core.method.views import has_second
from dsc_core.training.cost_table import COSTS
from dsc_core.training.countdown import Load, Plan
from dsc_core.training.epochs import Schedule, batch_count, schedule

# The parts of a run, in the order in which they first come, and what they are, for people.
PARTS = {
    "start": "starting",
    "stage 1": "stage 1",
    "encoding": "encoding the samples",
    "scattering": "the second view of the images",
    "neighbours": "finding neighbours",
    "cut": "reading clusters from the graph",
    "teaching": "teaching the head",
    "stage 2": "stage 2",
    "labels": "labelling",
    "maps": "the maps",
    "film": "the film",
    "scores": "the scores",
    "saving": "saving",
}
TRAINING, RESULTS = ("start", "autoencoder", "joint", "labels"), "results"
# The phase of clusters without training, and the pieces in which progress of its longest parts is counted.
UNTRAINED, UNTRAINED_PIECES = "without training", 100
# Parts that use all cores, and about how much faster each further core makes them.
PARALLEL, FURTHER_CORE, MOST_CORES = (
    ("stage 1", "stage 2", "encoding", "scattering", "neighbours", "labels"),
    0.6,
    8,
)
MAP_POINTS, FILM_POINTS, SCORED, CHECKED = 20_000, 5_000, 2_000, 5_000
HEAD_BATCH = 256
# Seconds between two checkpoints at least: short epochs would take less time than to save them.
SAVE_EVERY = 2.0
SCATTERING_DIMS, SCATTERING_MARGIN = 100, 12  # numbers of an image's transform, and pixels beside the image
PER_ROOT = 64  # by cells: samples compared with each, as a multiple of the root of all; measured at a million
# The products of a graph with more nodes than these leave the processor's cache, and take longer: by this share for
# each doubling. Measured up to a million.
CACHED, SCATTERED = 2**15, 0.3


@dataclass(frozen=True)
class Speed:
    """By how much the parts take longer here than in the table: factors by part.

    cores: of this machine, used for a part without a factor. measured: whether the factors were measured here.
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    cores: int = 1
    measured: bool = False

    def factor(self, part: str) -> float:
        """The factor of a part."""
        if part in self.factors:
            return self.factors[part]
        return 1 / (1 + FURTHER_CORE * (min(self.cores, MOST_CORES) - 1)) if part in PARALLEL else 1.0


@dataclass(frozen=True)
class Job:
    """What is to be trained: `count` samples of `shape`, (C, H, W) or (F,), with the settings `config`."""

    count: int
    shape: Shape
    config: Config

    @cached_property
    def schedule(self) -> Schedule:
        """How many steps, graphs and evaluations there are."""
        return schedule(self.config, self.count)

    @property
    def encoder(self) -> bool:
        """Whether there is an encoder."""
        return self.config.encoder == "network"

    @property
    def on_graph(self) -> int:
        """Samples on the graph, of which stage 2 is trained."""
        return min(self.count, self.config.graph_samples) if self.config.graph == "whole" else self.count

    @property
    def with_copies(self) -> int:
        """Samples on the graph and their copies there."""
        return self.on_graph * (1 + (self.config.augmented_graph if self.copies else 0))

    @property
    def compared(self) -> float:
        """Points with which each of the graph is compared, or as many as would take as long."""
        every, by_cells = float(self.with_copies), PER_ROOT * self.on_graph**0.5
        exact = self.config.search == "exact" or (self.config.search == "auto" and self.on_graph <= EXACT)
        return every if exact else min(by_cells * self.with_copies / self.on_graph, every)

    @property
    def latent(self) -> int:
        """D."""
        return self.config.latent_dims if self.encoder else self.shape[0]

    @property
    def copies(self) -> bool:
        """Whether stage 2 makes a random copy of each image."""
        return len(self.shape) == 3 and bool(self.config.augmented_agreement)

    @property
    def filtered(self) -> float:
        """Numbers that the scattering transform of an image filters at its widest; 0 without a second view."""
        if not has_second(self.config, self.shape, self.on_graph):
            return 0.0
        return float(self.shape[0] * math.prod(side + SCATTERING_MARGIN for side in self.shape[1:]))

    @cached_property
    def network(self) -> tuple[float, float, float, float]:
        """Of one sample: products in the encoder's and the decoder's convolutions, in all dense layers, and outputs."""
        if not self.encoder:
            return 0.0, 0.0, 0.0, float(self.shape[0])
        flat = math.prod(feature_shape(self.shape, self.config.stem))
        dense = 3.0 * flat * self.latent + 256 * flat
        if len(self.shape) == 1:
            return 0.0, 0.0, dense + 2.0 * HIDDEN * (self.shape[0] + 2 * HIDDEN), 6.0 * HIDDEN
        made, channels = layers(self.shape, self.config.stem), self.shape[0]
        encoder = decoder = outputs = 0.0
        for layer in made:
            after, width = math.prod(layer.after), layer.width
            encoder += layer.kernel**2 * channels * width * after
            decoder += 9.0 * (width if channels != self.shape[0] else width * 0.5) * width * after
            outputs, channels = outputs + width * after, width
        return encoder, decoder, dense, outputs

    @property
    def spectral(self) -> float:
        """Products of the spectral network for one sample."""
        width = self.config.spectral_width
        return width * (self.latent + width + width / 2) + width / 2 * 3 * self.config.clusters

    def step_rows(self, joint: bool) -> float:
        """Samples in a batch, on average."""
        count, size = (self.on_graph, self.config.joint_batch) if joint else (self.count, self.schedule.batch)
        return count / batch_count(count, size)

    def step(self, joint: bool) -> tuple[float, ...]:
        """Counts of a step: 1, convolutions' products, dense products, outputs of layers."""
        encoder, decoder, dense, outputs = self.network
        rows = self.step_rows(joint)
        if not joint:
            return 1.0, rows * (encoder + 2 * decoder), rows * dense, rows * outputs
        encoded = 2 + self.copies if self.config.graph == "whole" else 1 + self.copies
        spectral = (2 * encoded + 1) * self.spectral
        return (
            1.0,
            rows * (encoded * encoder + 2 * decoder),
            rows * (encoded * dense + spectral),
            rows * (encoded + 1) * outputs / 2,
        )

    def features(self, part: str, steps: float = 1) -> tuple[float, ...]:
        """The counts of a piece of a part, which the table weights.

        steps: of a teaching; of an encoding, how often all samples on the graph.
        """
        nodes, clusters = float(self.on_graph), self.config.clusters
        points = min(nodes, self.count, MAP_POINTS)
        scattered = nodes * (1 + SCATTERED * max(math.log2(nodes / CACHED), 0.0)) if nodes else 0.0
        if part in ("stage 1", "stage 2"):
            return self.step(joint=part == "stage 2")
        frames = self.schedule.frames * min(self.count, FILM_POINTS)
        encoder, _, dense, outputs = self.network
        return {
            "start": (1.0,),
            "encoding": (1.0, steps * nodes * encoder, steps * nodes * dense, steps * nodes * outputs),
            "scattering": (1.0, nodes * self.filtered, nodes * self.compared * SCATTERING_DIMS),
            "neighbours": (1.0, nodes, nodes * self.compared * self.latent),
            "cut": (1.0, scattered, scattered * clusters, scattered * clusters**2, 1.0 * clusters**2),
            "teaching": (1.0, steps, steps * min(HEAD_BATCH, nodes) * self.spectral, nodes),
            "labels": (
                1.0,
                self.count,
                self.count * self.spectral,
                min(self.count, CHECKED) * self.network[1],
            ),
            "maps": (1.0, 2 * points, 2 * max(self.count - points, 0)),
            "film": (1.0, frames),
            "scores": (1.0, min(self.count, SCORED) ** 2 * self.latent),
            "saving": (1.0, nodes),
        }[part]

    def seconds(self, part: str, speed: Speed, steps: float = 1) -> float:
        """The expected seconds of a piece of a part."""
        weighted = zip(COSTS[part], self.features(part, steps), strict=True)
        return speed.factor(part) * sum(weight * count for weight, count in weighted)


@dataclass(frozen=True)
class UntrainedJob(Job):
    """Clusters without training, by the settings of `analysis.untrained.settings`."""

    @property
    def latent(self) -> int:
        """Numbers of the description of a sample."""
        return SCATTERING_DIMS if self.filtered else math.prod(self.shape)

    def features(self, part: str, steps: float = 1) -> tuple[float, ...]:
        """The counts of a piece of a part; the search among the transforms of images is a part of its own here."""
        counts = super().features(part, steps)
        return (*counts[:2], 0.0) if part == "scattering" else counts


def plan_untrained(job: UntrainedJob, speed: Speed, graph: bool = True) -> Plan:
    """What clusters without training are expected to take. graph: whether the graph has yet to be built."""

    def load(part: str, pieces: float = 1, share: float = 1) -> Load:
        return Load(pieces, share * job.seconds(part, speed) / pieces)

    found = {"scattering": load("scattering", UNTRAINED_PIECES)} if job.filtered else {}
    found |= {"neighbours": load("neighbours", UNTRAINED_PIECES)}
    last = {"cut": load("cut"), "maps": load("maps", share=0.5)}  # a run has two maps
    return {UNTRAINED: {**found, **last} if graph else last}


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan(job: Job, speed: Speed | None = None, results: bool = True) -> Plan:
    """What a run is expected to take, by phase and part. results: with the start of a process, maps and files."""
    done, config, speed = job.schedule, job.config, speed or Speed(cores=available_cores())

    def load(part: str, pieces: float = 1, share: float = 1.0, steps: float = 1) -> Load:
        return Load(pieces, job.seconds(part, speed, steps), share)

    graph = {part: load(part) for part in ("neighbours", "cut")}
    sets = job.with_copies / job.on_graph  # the samples and their copies, encoded for a graph
    phases: Plan = {"start": {"start": load("start")}} if results else {}
    stage_1 = load("stage 1", done.steps)
    phases["autoencoder"] = {"stage 1": stage_1, "saving": _saves(load("saving", config.epochs), stage_1)}
    stage_2 = load("stage 2", done.joint_steps, done.joint_share)
    phases["joint"] = {
        **{part: Load(one.pieces * done.graphs, one.seconds) for part, one in graph.items()},
        "teaching": load("teaching", done.graphs, steps=done.teaching_steps),
        "stage 2": stage_2,
        "saving": _saves(load("saving", done.joint_epochs, done.joint_share), stage_2),
    }
    if often := done.graphs + done.joint_epochs:
        mean = (done.graphs * sets + done.joint_epochs) / often
        phases["joint"]["encoding"] = load("encoding", often, steps=mean)
    last = {**graph, "teaching": load("teaching", steps=done.last_teaching_steps)} if done.last_graph else {}
    once = {"encoding": load("encoding", steps=sets if last else 1), "labels": load("labels")}
    phases["labels"] = {**once, **last}
    if job.filtered and (done.graphs or last):
        phases["joint" if done.graphs else "labels"]["scattering"] = load("scattering")
    if results:
        phases[RESULTS] = {part: load(part) for part in ("maps", "film", "scores")} | {
            "saving": load("saving", 2)
        }
    return phases


def _saves(each: Load, steps: Load) -> Load:
    """What saving after each epoch takes, where only one state in SAVE_EVERY seconds of the steps is written."""
    written = 1 + steps.pieces * steps.seconds / SAVE_EVERY
    return Load(each.pieces, each.seconds * min(1.0, written / max(each.pieces, 1)), each.share)

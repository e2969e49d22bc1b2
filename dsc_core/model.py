"""From latents and spectral coordinates to labels and confidences, for samples old and new."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from dsc_core.analysis import outliers
from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.method import graph
from dsc_core.method.augmentation import makes_copies, random_copy
from dsc_core.method.cut import Readout, k_means, lost, numbered, read_out
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.sampling import sample_rows
from dsc_core.training.device import describe

EMBED = 1000  # samples embedded at once
HEAD_STEPS = 300
HEAD_BATCH = 256
MODEL_VERSION = 1


@dataclass
class Feed:
    """Samples by index as float32 tensors on the device. samples: (n, …) raw, memory-mapped or not.

    rows: (m,) positions, where only these samples are fed; an index then counts among them.
    """

    samples: np.ndarray
    scaling: tuple[float, float]
    device: torch.device
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.samples) if self.rows is None else len(self.rows)

    def __call__(self, index) -> Tensor:
        index = index if self.rows is None else self.rows[index]
        raw = torch.from_numpy(np.ascontiguousarray(self.samples[index])).to(self.device)
        values = (raw.float() - self.scaling[0]) * self.scaling[1]
        return values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values

    def part(self, rows: np.ndarray) -> Feed:
        """The feed of the samples at `rows` alone."""
        return replace(self, rows=rows)


@dataclass(frozen=True)
class Copies:
    """A random copy of each image of a feed, in its place, and the same copy whenever it is asked for.

    number: which of the copies that the settings' seed makes.
    """

    feed: Feed
    config: Config
    number: int

    def __len__(self) -> int:
        return len(self.feed)

    def __call__(self, index) -> Tensor:
        images, config = self.feed(index), self.config
        return random_copy(images, config.shift, config.rotation, config.scaling, self.draws[index])

    @cached_property
    def draws(self) -> Tensor:
        """Of each image how far its copy is moved, (n, 4): on the CPU, so that every device makes the same copies."""
        generator = torch.Generator().manual_seed(self.config.seed + 2**31 * (1 + self.number))
        return torch.rand(len(self.feed), 4, generator=generator)


def copies_of(feed: Feed, config: Config) -> list[Copies]:
    """The copies of all samples by which the graph may find them; none where no copies are made."""
    wanted = config.augmented_graph if makes_copies(config, feed.samples) else 0
    return [Copies(feed, config, number) for number in range(wanted)]


def graph_rows(count: int, config: Config) -> np.ndarray | None:
    """The samples among `count` that the graph is built on, drawn by the seed and in order; None for all."""
    if count <= config.graph_samples:
        return None
    return np.sort(np.random.default_rng(config.seed).choice(count, config.graph_samples, replace=False))


@torch.no_grad()
def encode(
    nets: Networks, feed, index: np.ndarray | None = None, asked: Callable[[], None] | None = None
) -> Tensor:
    """μ of every sample, or of those at `index`, a block at a time → (n, d) on the networks' device.

    asked: called before each block; what it raises ends the work.
    """
    was_training = nets.training
    nets.eval()
    count, latent = len(feed) if index is None else len(index), None
    for start in range(0, count, EMBED):
        if asked:
            asked()
        block = slice(start, min(start + EMBED, count))
        mean = nets.encoder(feed(np.arange(block.start, block.stop) if index is None else index[block])).mean
        if latent is None:  # in one piece from the start: pieces put together later would be there twice
            latent = mean.new_empty(count, mean.shape[1])
        latent[block] = mean
    nets.train(was_training)
    return latent


def teach_head(
    nets: Networks,
    latent: Tensor,
    readout: Readout,
    config: Config,
    steps: int = HEAD_STEPS,
    even: bool = False,
) -> None:
    """Bring the spectral network and the cluster centres to a readout of the same latents, (n, d).

    The assignment learns the readout's labels and the coordinates its first K' dimensions: they begin near
    the solution of the whole graph, which the spectral loss then refines batch by batch. even: show samples of
    each cluster equally often, however few they are.
    """
    labels = torch.from_numpy(readout.labels).long().to(latent.device)
    coordinates = torch.from_numpy(readout.coordinates).to(latent)
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(nets.spectral.parameters(), 1e-3)
    batch = min(HEAD_BATCH, len(latent))
    rarity = (1.0 / torch.bincount(labels).float())[labels].cpu() if even else None
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
        if even:
            index = torch.multinomial(rarity, batch, replacement=True, generator=generator)
        else:
            index = torch.randint(len(latent), (batch,), generator=generator)
        raw, logits = nets.spectral(latent[index])
        loss = functional.cross_entropy(logits, labels[index], label_smoothing=0.05)
        if nets.spectral.coordinates is not None:
            shared = min(raw.shape[1], coordinates.shape[1])
            loss = loss + functional.mse_loss(raw[:, :shared], coordinates[index, :shared])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    sizes = torch.bincount(labels, minlength=config.clusters).float() + 1
    nets.shares.copy_(sizes / sizes.sum())
    with torch.no_grad():
        for cluster in range(config.clusters):
            if (members := labels == cluster).any():
                nets.centres[cluster] = latent[members].mean(0)


@torch.no_grad()
def assign_softly(nets: Networks, latent: Tensor) -> tuple[Tensor, Tensor]:
    """The spectral network over latents, a block at a time → Ỹ (n, K'), p(y|z) (n, K)."""
    raw = probabilities = None
    for start in range(0, len(latent), 8 * EMBED):
        block = slice(start, start + 8 * EMBED)
        some, logits = nets.spectral(latent[block])
        if raw is None:
            raw, probabilities = (part.new_empty(len(latent), part.shape[1]) for part in (some, logits))
        raw[block], probabilities[block] = some, logits.softmax(1)
    return raw, probabilities


def head_labels(nets: Networks, latent: Tensor) -> np.ndarray:
    """The most probable cluster of latents (n, d) by the spectral network alone. → (n,)."""
    return assign_softly(nets, latent)[1].argmax(1).cpu().numpy()


@dataclass(frozen=True)
class Assignment:
    """What a trained model says of n samples, in their order.

    labels: (n,) int in 0..K-1. confidence: (n,) in (0, 1], the probability of that cluster. latent: (n, d).
    spectral: (n, K'). probabilities: (n, K), rows sum to 1. errors: (n,), ‖x − D(z)‖² summed over values, of samples
    that came as such and not as codes; else NaN.
    """

    labels: np.ndarray
    confidence: np.ndarray
    latent: np.ndarray
    spectral: np.ndarray
    probabilities: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A trained model and what it found of its training data; `assign` serves samples not seen in training.

    latent (n, d), spectral (n, K'), labels (n,), confidence (n,): of the training data, in input order.
    transform: (K', K') float64, the orthonormal layer's map R, estimated once on the training data. centres: (K, K')
    and scale: the k-means on Y and its mean squared distance, where labels are read from Y; else None, 1.
    error_limit: see `novelty`; None without a decoder, and in models that were kept before it was measured.
    """

    nets: Networks
    config: Config
    shape: tuple[int, ...]
    latent: np.ndarray
    spectral: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray
    transform: np.ndarray
    centres: np.ndarray | None = None
    scale: float = 1.0
    error_limit: float | None = None

    def assign(self, samples: np.ndarray, scaling: tuple[float, float] = (0.0, 1.0)) -> Assignment:
        """Clusters of samples (m, …) of the trained shape; each row's answer depends on that row alone."""
        parts = list(self.blocks(samples, scaling))
        if not parts:
            raise InputError("There are no samples to assign; give at least one.")
        return Assignment(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Assignment))
        )

    def blocks(self, samples: np.ndarray, scaling: tuple[float, float] = (0.0, 1.0)) -> Iterator[Assignment]:
        """The same, EMBED samples at a time in their order: as many as there are, in the memory of a few."""
        if tuple(samples.shape[1:]) != self.shape:
            raise InputError(
                f"The model takes samples of {_size(self.shape)}, not {_size(samples.shape[1:])}."
            )
        feed = Feed(samples, scaling, next(self.nets.parameters()).device)
        for block, said in _in_blocks(self.nets, feed, EMBED, self.transform, self.centres, self.scale):
            yield replace(
                said, errors=_errors(self.nets, feed, np.arange(block.start, block.stop), said.latent)
            )

    @cached_property
    def novelty(self) -> outliers.Novelty:
        """How far the training data lie from one another, to tell what is like none of them."""
        return outliers.known(self.latent, self.config.seed, self.error_limit)

    def assign_known(self, rows: np.ndarray) -> Assignment:
        """The same of the training samples at `rows` (m,), from their codes: with the probabilities of all clusters."""
        device = next(self.nets.parameters()).device
        latent = torch.from_numpy(np.array(self.latent[rows], dtype=np.float32)).to(device)
        return _assign(self.nets, latent, self.transform, self.centres, self.scale)

    def save(self, folder: Path) -> None:
        """Writes model.safetensors, model.json and the four arrays; nothing in them is a pickle."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.nets.state_dict().items()}
        save_file(tensors, folder / "model.safetensors")
        arrays = {
            name: getattr(self, name) for name in ("latent", "spectral", "labels", "confidence", "transform")
        }
        if self.centres is not None:
            arrays["centres"] = self.centres
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        about = {
            "version": MODEL_VERSION,
            "shape": self.shape,
            "scale": self.scale,
            "error_limit": self.error_limit,
            "config": self.config.to_dict(),
        }
        (folder / "model.json").write_text(json.dumps(about, indent=1))

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> Fitted:
        """The inverse of `save`; RunError when a file is missing or damaged."""
        folder = Path(folder)
        try:
            about = json.loads((folder / "model.json").read_text())
            config = Config.from_dict(about["config"])
            nets = Networks(tuple(about["shape"]), config)
            nets.load_state_dict(load_file(folder / "model.safetensors"))
            arrays = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ("latent", "spectral", "labels", "confidence", "transform")
            }
            centres = folder / "centres.npy"
            centres = np.load(centres, allow_pickle=False) if centres.exists() else None
        except Exception as error:  # a damaged file raises what its reader likes
            raise RunError(
                f"The model in {folder.name} cannot be read ({type(error).__name__}); train it again."
            ) from error
        nets.to(describe(device)[0]).eval()
        return cls(
            nets,
            config,
            tuple(about["shape"]),
            **arrays,
            centres=centres,
            scale=about["scale"],
            error_limit=about.get("error_limit"),
        )


def _size(shape: tuple[int, ...]) -> str:
    if not shape:
        return "single numbers"
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} columns"


@torch.no_grad()
def _assign(nets: Networks, latent: Tensor, transform: np.ndarray, centres, scale: float) -> Assignment:
    raw, soft = assign_softly(nets, latent)
    turn = torch.from_numpy(np.array(transform)).to(raw.device, torch.float64)
    spectral = np.empty((len(raw), turn.shape[1]), np.float32)
    probabilities = np.empty((len(raw), nets.config.clusters), np.float32)
    for start in range(0, len(raw), 8 * EMBED):
        block = slice(start, start + 8 * EMBED)
        spectral[block] = (raw[block].double() @ turn).float().cpu().numpy()
        if centres is None:
            probabilities[block] = soft[block].cpu().numpy()
        else:
            squared = ((spectral[block, None, :] - centres[None]) ** 2).sum(2)
            probabilities[block] = torch.from_numpy(-squared / (2 * scale)).softmax(1).numpy()
    labels = probabilities.argmax(1)
    confidence = probabilities[np.arange(len(labels)), labels].astype(np.float32)
    unknown = np.full(len(labels), np.nan, np.float32)
    return Assignment(labels, confidence, latent.cpu().numpy(), spectral, probabilities, unknown)


@torch.no_grad()
def _errors(nets: Networks, feed: Feed, rows: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """‖x − D(z)‖² of the samples at `rows` (m,), whose codes are `latent` (m, d). → (m,) float32; NaN, no decoder."""
    errors = np.full(len(rows), np.nan, np.float32)
    if nets.config.encoder == "none":
        return errors
    for start in range(0, len(rows), EMBED):
        part = slice(start, start + EMBED)
        values = feed(rows[part])
        codes = torch.from_numpy(np.array(latent[part], dtype=np.float32)).to(values)
        errors[part] = (nets.decoder(codes) - values).square().flatten(1).sum(1).cpu().numpy()
    return errors


def _in_blocks(nets: Networks, feed: Feed, size: int, *maps) -> Iterator[tuple[slice, Assignment]]:
    """(where in the order, what is said) of `size` samples at a time."""
    for start in range(0, len(feed), size):
        block = slice(start, min(start + size, len(feed)))
        yield block, _assign(nets, encode(nets, feed, np.arange(block.start, block.stop)), *maps)


def _assign_in_blocks(nets: Networks, feed: Feed, scratch: Path | None, *maps) -> Assignment:
    """As `_assign` on the codes of all samples, with no more of them in memory than a block; no probabilities."""
    found: dict[str, np.ndarray] = {}
    for block, said in _in_blocks(nets, feed, 8 * EMBED, *maps):
        for name in ("labels", "confidence", "latent", "spectral"):
            part = getattr(said, name)
            if name not in found:
                found[name] = _room((len(feed), *part.shape[1:]), part.dtype, scratch)
            found[name][block] = part
    return Assignment(
        **found, probabilities=np.empty((0, nets.config.clusters), np.float32), errors=np.empty(0)
    )


def _room(shape: tuple[int, ...], dtype, scratch: Path | None) -> np.ndarray:
    """An array to be filled: in memory, or a row of numbers a sample in a nameless file of the folder `scratch`."""
    if scratch is None or len(shape) == 1:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def finish(
    nets: Networks,
    feed: Feed,
    config: Config,
    joint: bool,
    affinity=None,
    scratch: Path | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Fitted:
    """Label the training data and fix the maps that new samples will go through.

    joint: stage 2 has run. Where it has not (stopped early, or left out), and with the diffusion readout in
    any case, the spectral network is first taught what the whole graph of the last latent says: its labels
    then hold for samples old and new alike. Above `graph_samples` samples, a drawn part of them stands for all
    in that graph and in whatever else is fitted here. affinity: stage 2's graph, which is the last one's too where
    there is no encoder to move the latent. scratch: a folder that then holds the codes, in place of the memory.
    tell: hears, in a sentence, of a cluster that had to be taught again.
    """
    nets.eval()
    rows = graph_rows(len(feed), config)
    part = feed if rows is None else feed.part(rows)
    drawn = encode(nets, part)
    if config.readout == "diffusion" or not joint:
        like = head_labels(nets, drawn) if joint else None
        if affinity is None or config.encoder == "network":
            copies = [encode(nets, some) for some in copies_of(part, config)]
            affinity = graph.whole_graph(drawn, config.neighbours, None, copies)
        readout = read_out(affinity, config, like)
        teach_head(nets, drawn, readout, config)
        if gone := lost(head_labels(nets, drawn), config.clusters):
            tell(f"Too small to be learned with the others: {numbered(gone)}; all are taught again, evenly.")
            teach_head(nets, drawn, readout, config, even=True)
    with torch.no_grad():
        raw, _ = assign_softly(nets, drawn)
        # In double precision: over the whole data set the map R may be steep, and rounding would bend the axes.
        _, transform, _ = orthonormalise(raw.double())
    centres, scale = None, 1.0
    if config.readout == "kmeans" and joint:
        found = k_means((raw.double() @ transform).float().cpu().numpy(), config)
        centres = found.cluster_centers_.astype(np.float32)
        scale = max(float(found.inertia_) / len(raw) / 2, 1e-6)
    transform = transform.cpu().numpy()
    maps = transform, centres, scale
    if rows is None:
        said = _assign(nets, drawn, *maps)
    else:
        del drawn, raw
        said = _assign_in_blocks(nets, feed, scratch, *maps)
    some = sample_rows(len(feed), outliers.LOOKED_AT, config.seed)
    errors = _errors(nets, feed, some, said.latent[some])
    limit = None if np.isnan(errors).any() else outliers.error_limit(errors)
    return Fitted(
        nets,
        config,
        nets.shape,
        said.latent,
        said.spectral,
        said.labels,
        said.confidence,
        transform,
        centres,
        scale,
        limit,
    )

"""A trained model: the clusters of its training data, and the assignment of new samples to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dsc_core.analysis import outliers
from dsc_core.assignment import EMBEDDINGS, OF_SAMPLES, Assignment, CodeMaps
from dsc_core.config import Config
from dsc_core.device import describe
from dsc_core.errors import InputError, RunError
from dsc_core.method.feed import BLOCK, Feed, block_size, build_graph, copy_codes
from dsc_core.method.networks.networks import Networks
from dsc_core.method.second_view import SecondView

MODEL_VERSION = 1


@torch.no_grad()
def reconstruction_errors(nets: Networks, feed: Feed, rows: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """‖x − D(z)‖² of the samples at `rows` (m,) with the codes `latent` (m, d). → (m,) float32; NaN, no decoder."""
    errors = np.full(len(rows), np.nan, np.float32)
    if nets.config.encoder == "none":
        return errors
    size = block_size(nets)
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        values = feed(rows[part])
        codes = torch.from_numpy(np.array(latent[part], dtype=np.float32)).to(values)
        errors[part] = (nets.decoder(codes) - values).square().flatten(1).sum(1).cpu().numpy()
    return errors


@dataclass(frozen=True)
class Fitted:
    """A trained model and the clusters of its training data; `assign` serves samples that were not in training.

    Attributes
    ----------
    nets, config
        The trained networks and their settings.
    shape
        The shape of one sample: (C, H, W) or (F,).
    latent, spectral, labels, confidence
        Of the training data, in input order: (n, d), (n, K'), (n,), (n,).
    transform, centres, scale, unit_rows, temperature, biases
        See `CodeMaps`.
    error_limit
        The reconstruction error beyond which a sample is unlike the training data; None without a decoder, and in
        models saved before it was measured.
    affinity
        The last graph that training built, sparse (m, m), on the samples at `graph_rows(n, config)`; None where it
        built none, and after `load`.
    eigenvalues
        The largest eigenvalues of that graph's normalised affinity, descending, (dims,); None likewise.
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
    temperature: float | None = None
    error_limit: float | None = None
    affinity: sparse.csr_matrix | None = None
    eigenvalues: np.ndarray | None = None
    unit_rows: bool = False
    biases: np.ndarray | None = None

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.nets.parameters()).device

    @property
    def maps(self) -> CodeMaps:
        """The maps from codes to clusters."""
        return CodeMaps(
            self.transform, self.centres, self.scale, self.unit_rows, self.temperature, self.biases
        )

    def assign(self, samples: np.ndarray, scaling: tuple[float, float] = (0.0, 1.0)) -> Assignment:
        """Assign samples to clusters; the answer for a sample depends on that sample alone.

        Parameters
        ----------
        samples : (m, …)
            Raw samples of the shape that the model was trained on.
        scaling : (offset, factor)
            Brings them to [0, 1].

        Returns
        -------
        Assignment
            In the order of the samples.

        Raises
        ------
        InputError
            If there are no samples, or their shape is another one.
        """
        parts = list(self.blocks(samples, scaling))
        if not parts:
            raise InputError("There are no samples to assign; give at least one.")
        names = [field.name for field in fields(Assignment)]
        return Assignment(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def blocks(self, samples: np.ndarray, scaling: tuple[float, float] = (0.0, 1.0)) -> Iterator[Assignment]:
        """As `assign`, BLOCK samples at a time, so that memory does not grow with their number."""
        if tuple(samples.shape[1:]) != self.shape:
            expected, given = _shape_in_words(self.shape), _shape_in_words(samples.shape[1:])
            raise InputError(f"The model takes samples of {expected}, not {given}.")
        feed = Feed(samples, scaling, self.device)
        for block, assignment in self.maps.assign_blocks(self.nets, feed, BLOCK):
            rows = np.arange(block.start, block.stop)
            yield replace(assignment, errors=reconstruction_errors(self.nets, feed, rows, assignment.latent))

    def assign_training(self, rows: np.ndarray) -> Assignment:
        """The training samples at `rows` (m,), from their codes, with the probabilities of all clusters."""
        return self.maps.assign(self.nets, self._tensor(self.latent[rows]))

    @torch.no_grad()
    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The decodings D(z) of codes (m, d), (m, …) float32."""
        return self.nets.decoder(self._tensor(codes)).cpu().numpy()

    @torch.no_grad()
    def decode_noisy(self, codes: np.ndarray) -> np.ndarray:
        """The decodings of noisy codes (m, d), by their own decoder if there is one: (m, …) float32."""
        decoder = self.nets.noisy_decoder or self.nets.decoder
        return decoder(self._tensor(codes)).cpu().numpy()

    def training_errors(
        self, samples: np.ndarray, scaling: tuple[float, float], rows: np.ndarray
    ) -> np.ndarray:
        """‖x − D(z)‖² of the training samples at `rows` (m,) among `samples` (n, …), (m,); NaN without a decoder."""
        feed = Feed(samples, scaling, self.device)
        return reconstruction_errors(self.nets, feed, rows, self.latent[rows])

    def _tensor(self, codes: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(codes, dtype=np.float32)).to(self.device)

    def build_graph(
        self,
        samples: np.ndarray,
        scaling: tuple[float, float],
        progress: Callable[[int, int], Any] | None = None,
    ) -> sparse.csr_matrix:
        """The graph of all training samples (n, …), as training builds it: of images with copies and second view.

        Sparse (n, n).
        """
        feed = Feed(samples, scaling, self.device)
        copies = copy_codes(self.nets, feed, self.config)
        affinity = build_graph(self._tensor(self.latent), copies, self.config, progress)
        return SecondView(feed, self.config).joined(affinity)

    @cached_property
    def novelty(self) -> outliers.Novelty:
        """How far the training data lie from one another, to recognise samples unlike them."""
        return outliers.fit(self.latent, self.config.seed, self.error_limit)

    def save(self, folder: Path, embeddings: Path | None = None) -> None:
        """Write the model to a folder: safetensors, JSON and arrays, no pickle.

        Parameters
        ----------
        folder
            Made where it does not exist.
        embeddings
            The folder for latent.npy and spectral.npy, if they are to lie elsewhere. `load` finds them there if it
            is called "embeddings" and lies beside `folder`.
        """
        folder, embeddings = Path(folder), Path(embeddings or folder)
        for needed in (folder, embeddings):
            needed.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.nets.state_dict().items()}
        save_file(tensors, folder / "model.safetensors")
        for name in (*OF_SAMPLES, "transform", "centres"):
            if (array := getattr(self, name)) is not None:
                target = embeddings if name in EMBEDDINGS else folder
                np.save(target / f"{name}.npy", array, allow_pickle=False)
        about = {
            "version": MODEL_VERSION,
            "shape": self.shape,
            "scale": self.scale,
            "unit_rows": self.unit_rows,
            "temperature": self.temperature,
            "biases": None if self.biases is None else self.biases.tolist(),
            "error_limit": self.error_limit,
            "config": self.config.to_dict(),
        }
        (folder / "model.json").write_text(json.dumps(about, indent=1))

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> Fitted:
        """Read a model that `save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / "model.json").read_text())
            config = Config.from_dict(about["config"])
            nets = Networks(tuple(about["shape"]), config)
            nets.load_state_dict(load_file(folder / "model.safetensors"))
            arrays = {name: _load_array(folder, name) for name in (*OF_SAMPLES, "transform")}
            centres = np.load(folder / "centres.npy") if (folder / "centres.npy").exists() else None
        except Exception as error:  # every reader raises errors of its own for a damaged file
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
            temperature=about.get("temperature"),
            biases=_numbers(about.get("biases")),
            error_limit=about.get("error_limit"),
            unit_rows=about.get("unit_rows", False),
        )


def _numbers(values: list[float] | None) -> np.ndarray | None:
    """A list of numbers as an array; None where there is none."""
    return None if values is None else np.array(values, dtype=np.float64)


def _load_array(folder: Path, name: str) -> np.ndarray:
    """An array of a model, memory-mapped; the embeddings of a run lie beside its model."""
    path = folder / f"{name}.npy"
    if name in EMBEDDINGS and not path.exists():
        path = folder.parent / "embeddings" / path.name
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _shape_in_words(shape: tuple[int, ...]) -> str:
    """The shape of a sample in words: "1×8×8", "5 columns"."""
    if not shape:
        return "single numbers"
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} columns"

"""The trained encoder and its spectral map as one ONNX file, for programs without PyTorch.

Input `samples`: (n, …) float32 in the units of the training data (images as read; tables after the preprocessing in
the file's metadata). Outputs `cluster` (n,), `probabilities` (n, K) under noise, `latent` (n, d), `spectral` (n, K').
Needs the packages onnx and onnxscript.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import torch
from torch import nn

from dsc_core.errors import InputError
from dsc_core.method.confidence import noise_factors, tempered
from dsc_core.model import Fitted
from dsc_core.runs.run import Run

OPSET = 18


class ClusterModel(nn.Module):
    """From samples to clusters in one module; equal to `Fitted.assign` up to rounding."""

    map: torch.Tensor
    means: torch.Tensor
    factors: torch.Tensor

    biases: torch.Tensor

    def __init__(self, fitted: Fitted, scaling: tuple[float, float]) -> None:
        super().__init__()
        self.encoder, self.spectral = fitted.nets.encoder, fitted.nets.spectral
        self.offset, self.factor = (float(value) for value in scaling)
        self.register_buffer("map", torch.tensor(fitted.transform, dtype=torch.float32))
        self.centres, self.unit_rows = fitted.centres is not None, fitted.unit_rows
        if self.centres:
            self.register_buffer("means", torch.tensor(fitted.centres, dtype=torch.float32))
            self.scale = float(fitted.scale)
        self.temperature = fitted.temperature
        self.biased = fitted.biases is not None
        if self.biased:
            self.register_buffer("biases", torch.tensor(fitted.biases, dtype=torch.float32))
        self.register_buffer("factors", noise_factors(fitted.latent.shape[1], fitted.config.seed))

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(n, …) → cluster, probabilities, latent, spectral."""
        latent = self.encoder((samples - self.offset) * self.factor).mean
        spectral, probabilities = self.read(latent)
        cluster = probabilities.argmax(1)
        if self.temperature is not None:
            # One draw of noise after the other: views of a size that is not fixed cannot be exported.
            noisy = [self.read(latent * factor)[1] for factor in self.factors]
            biases = self.biases if self.biased else None
            probabilities = tempered(torch.stack(noisy).mean(0), cluster, self.temperature, biases)
        return cluster, probabilities, latent, spectral

    def read(self, latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes (n, d) → spectral (n, K'), probabilities of the codes as they are (n, K)."""
        raw, logits = self.spectral(latent)
        spectral = raw @ self.map
        if self.unit_rows:
            spectral = spectral / spectral.norm(dim=1, keepdim=True).clamp_min(1e-12)
        if self.centres:
            logits = -(spectral[:, None, :] - self.means[None]).square().sum(2) / (2 * self.scale)
        return spectral, logits.softmax(1)


def write_onnx(run: Run, fitted: Fitted, out: IO[bytes] | BufferedIOBase) -> None:
    """Write the model to the open binary file `out`; InputError if the packages are not installed."""
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise InputError(
            "ONNX needs two more packages: install them with `pip install onnx onnxscript`, then export again."
        ) from error
    scaling = (
        tuple(run.dataset.get("scaling") or (0.0, 1.0)) if run.dataset.get("kind") == "image" else (0.0, 1.0)
    )
    model = ClusterModel(fitted, scaling).cpu().eval()
    example = torch.zeros((2, *fitted.shape))
    with tempfile.TemporaryDirectory(prefix="dsc-onnx-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["samples"],
            dynamo=True,
            external_data=False,
            verbose=False,
            output_names=["cluster", "probabilities", "latent", "spectral"],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
        exported = onnx.load(path)
        for name, value in metadata(run, fitted).items():
            entry = exported.metadata_props.add()
            entry.key, entry.value = name, value
        out.write(exported.SerializeToString())


def metadata(run: Run, fitted: Fitted) -> dict[str, str]:
    """The file's metadata: the run, the settings, the shape and how to preprocess a table."""
    data = {name: run.dataset.get(name) for name in ("kind", "shape", "dtype", "scaling", "preprocessing")}
    return {"run": run.id, "data": json.dumps(data), "settings": json.dumps(fitted.config.to_dict())}

"""The arrays in a run's folder `embeddings/`, memory-mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_core.errors import RunError
from dsc_core.runs.files import damaged
from dsc_core.runs.run import Run

FOLDER = "embeddings"


def read_latent(run: Run) -> np.ndarray:
    """The latent codes z, (n, d) float32. RunError if they are missing or damaged."""
    return read_array(run.folder / FOLDER / "latent.npy", 2)


def read_spectral(run: Run) -> np.ndarray:
    """The spectral coordinates Y, (n, K') float32. RunError if they are missing or damaged."""
    return read_array(run.folder / FOLDER / "spectral.npy", 2)


def read_map(run: Run, space: str) -> np.ndarray:
    """The "latent" or "spectral" map, (n, 2) float32. RunError if it is missing or damaged."""
    return read_array(run.folder / FOLDER / f"{space}_map.npy", 2)


def read_array(path: Path, dims: int) -> np.ndarray:
    """A memory-mapped array of `dims` dimensions. RunError if it is missing or damaged."""
    folder = path.parent.parent
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise RunError(f"The run {folder.name} has no {path.name}: train it again.") from None
    except (OSError, ValueError, EOFError) as error:
        raise damaged(folder / path.name) from error
    if array.ndim != dims or array.dtype.kind != "f":
        raise damaged(folder / path.name)
    return array

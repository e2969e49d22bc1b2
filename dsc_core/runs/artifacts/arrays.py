"""The arrays in a run's folder `embeddings/`, memory-mapped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dsc_core.errors import RunError
from dsc_core.runs.files import check_regular, damaged
from dsc_core.runs.run import Run

FOLDER = "embeddings"
ROWS = 100_000  # looked at together
_finite: dict[tuple[int, ...], bool] = {}  # by the state of a file


def read_latent(run: Run) -> np.ndarray:
    """The latent codes z, (n, d) float32. RunError if they are missing or damaged."""
    return read_array(run.folder / FOLDER / "latent.npy", run.samples)


def read_spectral(run: Run) -> np.ndarray:
    """The spectral coordinates Y, (n, K') float32. RunError if they are missing or damaged."""
    return read_array(run.folder / FOLDER / "spectral.npy", run.samples)


def read_map(run: Run, space: str) -> np.ndarray:
    """The "latent" or "spectral" map, (n, 2) float32. RunError if it is missing or damaged."""
    return read_array(run.folder / FOLDER / f"{space}_map.npy", run.samples, 2)


def read_array(path: Path, count: int, width: int | None = None) -> np.ndarray:
    """A memory-mapped array (count, width) of finite numbers. RunError if it is missing or damaged.

    width: None for any from 1 on.
    """
    folder = path.parent.parent
    try:
        check_regular(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind != "f" or array.ndim != 2:
            raise ValueError(f"it holds {array.dtype.name} of {array.ndim} dimensions, not rows of numbers")
        if len(array) != count or array.shape[1] < 1 or width not in (None, array.shape[1]):
            raise ValueError(
                f"it holds {len(array):,} rows of {array.shape[1]:,}, and the run {count:,} samples"
            )
        if not _is_finite(path, path.stat()):
            raise ValueError("it holds values that are no finite numbers")
    except FileNotFoundError:
        raise RunError(f"The run {folder.name} has no {path.name}: train it again.") from None
    except Exception as error:  # the header of a damaged array is read as Python's own literals
        why = str(error) if type(error) is ValueError and len(str(error)) < 100 else ""
        raise damaged(folder / path.name, why) from error
    return array


def _is_finite(path: Path, status: os.stat_result) -> bool:
    """Whether an array holds finite numbers only. It is read once for each state of the file."""
    state = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    if state not in _finite:
        _finite[state] = _look(path)
    return _finite[state]


def _look(path: Path) -> bool:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return all(bool(np.isfinite(array[start : start + ROWS]).all()) for start in range(0, len(array), ROWS))

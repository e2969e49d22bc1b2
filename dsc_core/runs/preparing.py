"""New samples from a script, checked and scaled as the model of a run takes them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from dsc_core.data import Dataset, Note
from dsc_core.data.distribution import compare_images, compare_table
from dsc_core.data.preprocessing import apply_matrix, apply_table
from dsc_core.data.scaling import scaling_like
from dsc_core.data.table_units import column_titles
from dsc_core.errors import InputError
from dsc_core.runs.run import Run

SCALED = ("rescaled", "own_scaling")  # notes of data that were read for a run, on a scale of their own


def prepare(run: Run, samples: Any) -> tuple[np.ndarray, tuple[float, float]]:
    """Samples (m, …) as the model takes them, and their scaling, from a Dataset, an array or a pandas frame.

    Arrays and frames are in the units of the training data: numbers of a table are standardised as in training.
    InputError if they do not fit the run. Warns of values that are unlike those of training; a Dataset has notes on it.
    """
    trained = run.dataset
    shape, preprocessing = tuple(trained["shape"]), trained.get("preprocessing") or {}
    if isinstance(samples, Dataset):
        array = _check_columns(samples, preprocessing).samples
    elif hasattr(samples, "columns") and preprocessing.get("source") == "table":
        array = apply_table(samples, preprocessing, [])
        _warn(compare_table(array, column_titles(preprocessing, array.shape[1])))
    else:
        array = np.asarray(samples)
        if trained.get("kind") == "table" and array.ndim == 2 and preprocessing:
            array = apply_matrix(array, preprocessing)
            _warn(compare_table(array, column_titles(preprocessing, array.shape[1])))
    if array.shape[1:] == shape[1:] and len(shape) == 3 and shape[0] == 1:
        array = array[:, None]  # grey images without their channel
    if array.shape[1:] != shape or not len(array):
        raise InputError(f"The run takes samples of shape {shape}, not an array of shape {array.shape}.")
    if trained.get("kind") != "image" or "scaling" not in trained:
        return array, (0.0, 1.0)
    if isinstance(samples, Dataset) and any(note.kind in SCALED for note in samples.notes):
        return array, samples.scaling
    scaling = scaling_like(array, trained)[0]
    if not isinstance(samples, Dataset):
        _warn(compare_images(array, scaling, trained))
    return array, scaling


def _warn(notes: list[Note]) -> None:
    """Pass what is odd about new samples on to a script, which sees no notes."""
    for note in notes:
        warnings.warn(str(note), stacklevel=4)


def check_finite(array: np.ndarray) -> None:
    """InputError, with the first row, for samples (m, …) with values that are missing or infinite."""
    if array.dtype.kind != "f":
        return
    bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad):,} of {len(array):,} samples hold missing (NaN) or infinite values, the first in row {bad[0]}:"
            " replace them or leave these samples out."
        )


def _check_columns(dataset: Dataset, preprocessing: dict[str, Any]) -> Dataset:
    """The data set. InputError if its columns were standardised in another way than those of training."""
    own = (dataset.preprocessing or {}).get("columns")
    if own is not None and preprocessing.get("columns") is not None and own != preprocessing["columns"]:
        raise InputError(
            "The table was standardised by its own values, not as in training: open it with"
            " open_dataset(path, like=run.run.dataset)."
        )
    return dataset


def prepare_dataset(run: Run, dataset: Dataset) -> Dataset:
    """A data set of new samples with its samples and scaling as the model takes them."""
    array, scaling = prepare(run, dataset)
    return replace(dataset, samples=array, scaling=scaling)

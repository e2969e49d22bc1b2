"""Files with several named arrays: which are the samples, the labels and the ids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.errors import InputError

SAMPLE_KEYS = (
    *("x", "images", "image", "imgs", "data", "samples", "features", "fea"),
    *("inputs", "pixels", "embeddings", "arr_0"),
)
LABEL_KEYS = ("y", "labels", "label", "targets", "target", "classes", "class", "gnd", "gt", "truth")
ID_KEYS = ("ids", "id", "names", "filenames", "files")
PARTS = ("train", "valid", "val", "test")


@dataclass(frozen=True)
class Header:
    """The shape and the type of an array, read before its values. dtype: of kind "U" for text."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """The bytes that the array takes; 0 for text of unknown length."""
        return math.prod(self.shape) * self.dtype.itemsize

    def describe(self) -> str:
        """The header in words: "100 × 28 × 28, uint8"."""
        kind = "text" if self.dtype.kind in "US" else self.dtype.name
        return f"{' × '.join(map(str, self.shape))}, {kind}"


Headers = dict[str, Header]


@dataclass(frozen=True)
class ChosenKeys:
    """The keys of samples, labels and ids; several are joined in this order."""

    samples: list[str]
    labels: list[str]
    ids: list[str]


def choose_keys(headers: Headers, options: Options, name: str) -> ChosenKeys:
    """The keys of samples, labels and ids: those in `options`, else those with a usual name.

    Without a usual name, the largest array with two or more axes holds the samples.
    """
    samples = _requested(headers, options.samples_key or None, SAMPLE_KEYS, name)
    labels = _requested(headers, options.label_column, LABEL_KEYS, name)
    ids = _requested(headers, options.id_column, ID_KEYS, name)
    if options.samples_key:  # x_test belongs to y_test only
        if options.label_column is None:
            labels = _of_same_part(labels, options.samples_key)
        if options.id_column is None:
            ids = _of_same_part(ids, options.samples_key)
    if not samples:
        free = [key for key in headers if key not in (*labels, *ids) and len(headers[key].shape) >= 2]
        samples = sorted(free, key=lambda key: -headers[key].nbytes)[:1]
    if not samples:
        raise InputError(
            f"{name} contains no array of samples: save it with a key such as images (n, H, W) or x (n, F)."
        )
    return ChosenKeys(samples, labels, ids)


def key_notes(keys: ChosenKeys) -> list[Note]:
    """Notes which arrays were read as samples and labels."""
    notes = [Note("samples_from", about=", ".join(keys.samples))]
    return notes + ([Note("labels_from", about=", ".join(keys.labels))] if keys.labels else [])


def _requested(headers: Headers, key: str | None, usual: tuple[str, ...], name: str) -> list[str]:
    """The key that the caller requested ("" for none), else those with a usual name."""
    if key is None:
        return _usual(headers, usual)
    if key and key not in headers:
        raise InputError(f"{name} has no key {key[:60]!r}: choose one of {', '.join(sorted(headers))[:200]}.")
    return [key] if key else []


def _usual(headers: Headers, usual: tuple[str, ...]) -> list[str]:
    """The first usual name among the keys, in any case; or its parts, such as x_train and x_test."""
    keys = _short_names(headers)
    for word in usual:
        if word in keys:
            return [keys[word]]
        parts = [keys[form] for part in PARTS for form in _forms(word, part) if form in keys]
        if parts:
            return parts
    return []


def _short_names(headers: Headers) -> dict[str, str]:
    """{short name: key}: in lower case, without a group that contains all arrays, "train/x" as train_x.

    A name inside a group also stands alone if no other array has it.
    """
    parts = {key: key.lower().replace(".", "/").split("/") for key in headers}
    while parts and all(len(names) > 1 for names in parts.values()):
        if len({names[0] for names in parts.values()}) > 1:
            break
        parts = {key: names[1:] for key, names in parts.items()}
    last = [names[-1] for names in parts.values()]
    unique = {names[-1]: key for key, names in parts.items() if last.count(names[-1]) == 1}
    return unique | {"_".join(names): key for key, names in parts.items()}


def _of_same_part(keys: list[str], samples_key: str) -> list[str]:
    """Those of `keys` that belong to the same part as the samples: y_test to x_test."""
    part = next((part for part in PARTS if part in samples_key.lower()), None)
    same = [key for key in keys if part and part in key.lower()]
    return [key for key in same or keys if key != samples_key]


def _forms(word: str, part: str) -> tuple[str, ...]:
    return f"{word}_{part}", f"{part}_{word}", f"{word}{part}", f"{part}{word}"

"""The names that a person gave to clusters and samples in "Label a few", in the run's folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.files import write_json

if TYPE_CHECKING:
    from dsc_core.analysis.label_spreading import SpreadNames

FILE = "named.json"
MAX_LENGTH = 80  # letters
_lock = threading.Lock()  # two tabs of one server may write at once


@dataclass(frozen=True)
class Names:
    """The names of clusters and of samples, {number or position: name}.

    outdated: the clusters were named before the run was trained further; their names are left out.
    """

    clusters: dict[int, str] = field(default_factory=dict)
    samples: dict[int, str] = field(default_factory=dict)
    outdated: bool = False


def read_names(results: Results) -> Names:
    """The names in a run; none if nobody gave any. RunError if the file is damaged."""
    try:
        content = json.loads((results.run.folder / FILE).read_text(encoding="utf-8"))
        clusters = {int(number): check_name(name) for number, name in content["clusters"].items()}
        samples = {int(position): check_name(name) for position, name in content["samples"].items()}
        outdated = bool(clusters) and content["of"] != _mark(results)
        if not all(0 <= position < len(results.labels) for position in samples):
            raise ValueError("no such sample")
    except FileNotFoundError:
        return Names()
    except Exception as error:  # damaged JSON can be of any type
        raise RunError(
            f"The names given in the run '{results.run.name}' cannot be read: mend or delete its file {FILE}."
        ) from error
    valid = {k: name for k, name in clusters.items() if 0 <= k < results.run.clusters and not outdated}
    return Names(valid, samples, outdated)


def give_name(results: Results, kind: str, numbers: Iterable[int], name: str) -> Names:
    """Name the clusters or the samples ("clusters", "samples") at `numbers`; "" removes their name.

    InputError if the name is not valid, RunError if the file is damaged or the disk is full.
    """
    name = check_name(name) if name.strip() else ""
    with _lock:
        names = read_names(results)
        both = {"clusters": dict(names.clusters), "samples": dict(names.samples)}
        for number in numbers:
            both[kind].pop(int(number), None)
            if name:
                both[kind][int(number)] = name
        names = Names(both["clusters"], both["samples"])
        _write(results, names)
    return names


def clear_names(results: Results) -> None:
    """Remove all names; a file that cannot be read is renamed."""
    path = results.run.folder / FILE
    with _lock:
        try:
            read_names(results)
        except RunError:
            path.replace(path.with_name(f"damaged-{FILE}"))
        _write(results, Names())


def check_name(name: str) -> str:
    """A name without spaces around it. InputError if it is empty, too long or more than one line."""
    name = str(name).strip()
    if not 1 <= len(name) <= MAX_LENGTH or not name.isprintable():
        raise InputError(f"A name has 1 to {MAX_LENGTH} letters, on one line.")
    return name


def names_frame(results: Results, names: Names, spread: SpreadNames, threshold: float) -> pd.DataFrame:
    """The labels made from the names, one row per sample in input order: the columns of named.csv.

    id. label: "" where no name is at least as certain as `threshold`. certainty: of the most likely name, in [0, 1].
    source: "sample" if the sample was named by hand, "cluster" if it has the name of its cluster, "spread" if another
    name reached it, "" without a label. spread: from `label_spreading.spread`.
    """
    labels = spread.labels(threshold)
    own = results.labels["cluster"].map(names.clusters).fillna("").to_numpy(dtype=str)
    source = np.where(labels == "", "", np.where(labels == own, "cluster", "spread"))
    source = np.where(spread.by_hand, "sample", source)
    return pd.DataFrame(
        {
            "id": results.labels["id"].to_numpy(),
            "label": labels.astype(object),
            "certainty": np.where(spread.index >= 0, spread.certainty, 0.0),
            "source": source.astype(object),
        }
    )


def _mark(results: Results) -> str:
    """Which clusters the names are of, as 32 hexadecimal digits."""
    clusters = results.labels["cluster"].to_numpy(dtype=np.int64)
    return hashlib.blake2b(clusters.tobytes(), digest_size=16).hexdigest()


def _write(results: Results, names: Names) -> None:
    """Write named.json, whole or not at all."""
    content: dict[str, Any] = {"of": _mark(results)}
    for kind, by_number in (("clusters", names.clusters), ("samples", names.samples)):
        content[kind] = {str(number): by_number[number] for number in sorted(by_number)}
    try:
        write_json(results.run.folder / FILE, content)
    except OSError as error:
        raise RunError(f"The name could not be saved: {failures.os_reason(error)}.") from error

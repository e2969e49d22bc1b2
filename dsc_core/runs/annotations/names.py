"""The names that a person gave to clusters and samples.

Cluster names are edits like any other (`edits`), so that every page and export shows them; `named.json` in the run's
folder holds the names of single samples. Cluster names in it were written by version 0.1.0 and are still read.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.runs.annotations import edits
from dsc_core.runs.annotations.cluster_name import JOINERS, MAX_NAME, is_name
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.files import read_value, write_json
from dsc_core.runs.folder import check_kept

if TYPE_CHECKING:
    from dsc_core.analysis.label_spreading import SpreadNames

FILE = "named.json"
MAX_LENGTH = MAX_NAME  # letters
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
    """The names in a run; none if nobody gave any. results: as the run ended. RunError if a file is damaged."""
    return _with_edits(results, _read(results))


def _read(results: Results) -> Names:
    """The names in named.json. RunError if it is damaged."""
    try:
        content = read_value(results.run.folder / FILE)
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


def _with_edits(results: Results, stored: Names) -> Names:
    """The names in named.json, and those in the edits, which take precedence."""
    edited = edits.of_run(results.run, results.labels).now()
    older = {k: name for k, name in stored.clusters.items() if k in edited.present and k not in edited.names}
    outdated = stored.outdated or any(line["kind"] == "name" for line in edited.outdated)
    return Names(dict(sorted((older | edited.given).items())), stored.samples, outdated and not edited.given)


def give_name(results: Results, kind: str, numbers: Iterable[int], name: str) -> Names:
    """Name the clusters or the samples ("clusters", "samples") at `numbers`; "" removes their name.

    InputError if the name is not valid, RunError if a file is damaged or the disk is full.
    """
    name = check_name(name) if name.strip() else ""
    with _lock:
        stored = _read(results)
        if kind == "clusters":
            stored = _hand_over(results, stored)
            for cluster in numbers:
                edits.of_run(results.run, results.labels).name(cluster, name)
        else:
            samples = dict(stored.samples)
            for position in map(int, numbers):
                samples.pop(position, None)
                if name:
                    samples[position] = name
            stored = Names(stored.clusters, samples, stored.outdated)
            _write(results, stored)
    return _with_edits(results, stored)


def hand_over(results: Results) -> None:
    """Make edits of the cluster names that version 0.1.0 kept in named.json. RunError if a file is damaged."""
    with _lock:
        _hand_over(results, _read(results))


def _hand_over(results: Results, stored: Names) -> Names:
    log, left = edits.of_run(results.run, results.labels), dict(stored.clusters)
    for cluster, name in stored.clusters.items():
        now = log.now()
        if (
            cluster not in now.present or name.isdecimal()
        ):  # merged for now, or a name that no cluster may have
            continue
        if cluster not in now.names:
            log.name(cluster, name)
        del left[cluster]
    rest = Names(left, stored.samples)
    if rest != stored:
        _write(results, rest)
    return rest


def clear_names(results: Results) -> None:
    """Remove all names; a file that cannot be read is renamed."""
    path = results.run.folder / FILE
    with _lock:
        try:
            _read(results)
        except RunError:
            path.replace(path.with_name(f"damaged-{FILE}"))
        log = edits.of_run(results.run, results.labels)
        for cluster in log.now().given:
            log.name(cluster, "")
        _write(results, Names())


def check_name(name: str) -> str:
    """A name without spaces around it. InputError if it is empty, too long or more than one line."""
    name = str(name).strip(" " + JOINERS).strip()
    if not name or not is_name(name):
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
        check_kept(results.run.folder)
        raise RunError(f"The name could not be saved: {failures.os_reason(error)}.") from error

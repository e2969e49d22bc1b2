"""What was asked of a finished run and is kept in its folder: the graph, the sweep over K, the given names.

`graph.npz` and `how-many.json` can be made again at any time; `named.json` is a person's work. Each is written
whole or not at all, and each knows what it was made from: a run that was trained on has another latent.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sparse

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.runs.artifacts.results import Results, labels_frame, read_array
from dsc_core.runs.files import write_json, write_whole
from dsc_core.runs.store import Run, Store

GRAPH, SWEEP, NAMED = "graph.npz", "how-many.json", "named.json"
LONGEST_NAME = 80  # letters
Tell = Callable[[str, int, int], None]


def latent_of(run: Run) -> np.ndarray:
    """The codes z, (n, d) float32, memory-mapped. RunError where they are missing or damaged."""
    return read_array(run.folder / "embeddings" / "latent.npy", 2)


def spectral_of(run: Run) -> np.ndarray:
    """The spectral coordinates Y, (n, K') float32, memory-mapped. RunError where they are missing or damaged."""
    return read_array(run.folder / "embeddings" / "spectral.npy", 2)


def mark_of(run: Run, latent: np.ndarray) -> str:
    """What the graph of `latent` and all that is read from it depends on, as 32 hexadecimal digits."""
    settings = (run.config.neighbours, run.config.damping, run.config.seed)
    made = hashlib.blake2b(repr((latent.shape, settings)).encode(), digest_size=16)
    made.update(np.ascontiguousarray(latent).data)
    return made.hexdigest()


# The graph ----------------------------------------------------------------------------------------------------


def graph_of(run: Run, tell: Tell | None = None) -> sparse.csr_matrix:
    """The graph of the whole data set on the run's latent, sparse (n, n): as kept, or built and kept.

    tell(words, done, total) may raise to end it. RunError where the latent cannot be read.
    """
    latent = latent_of(run)
    mark = mark_of(run, latent)
    known = kept_graph(run.folder / GRAPH, mark, len(latent))
    if known is not None:
        return known
    import torch

    from dsc_core.method.graph import whole_graph

    progress = (lambda done, total: tell("Neighbours of every sample", done, total)) if tell else None
    made = whole_graph(torch.from_numpy(np.array(latent)), run.config.neighbours, progress)
    made = made.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, mark=np.array(mark), data=made.data, indices=made.indices, indptr=made.indptr)
    keeping(run.folder / GRAPH, content.getvalue())
    return made


def has_graph(run: Run) -> bool:
    """Whether a graph is kept, whatever it is worth."""
    return (run.folder / GRAPH).is_file()


def kept_graph(path: Path, mark: str, count: int) -> sparse.csr_matrix | None:
    """The graph in `path` where it is whole and has this mark, else None: it can be made again."""
    try:
        with np.load(path, allow_pickle=False) as known:
            if str(known["mark"]) != mark:
                return None
            parts = tuple(known[name] for name in ("data", "indices", "indptr"))
        found = sparse.csr_matrix(parts, shape=(count, count))
        found.check_format(full_check=True)
        return found
    except Exception:  # zipfile, NumPy and SciPy each have their own errors for a damaged file
        return None


def keeping(path: Path, content: bytes) -> None:
    """Write a file that can be made again; where the disk refuses, that is no reason to fail."""
    try:
        write_whole(path, content)
    except OSError:
        path.unlink(missing_ok=True)


# How many clusters --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """The kept answers. rows: `sweep.Row`s by rising K. values: (dims,), the graph's eigenvalues, descending.

    left: the K that were asked about and not reached. seconds: what all of it took.
    """

    values: np.ndarray
    rows: tuple
    left: tuple[int, ...] = ()
    seconds: float = 0.0


def kept_sweep(run: Run) -> Sweep | None:
    """The sweep of this very latent, None where there is none; RunError, one sentence, where it is damaged."""
    from dsc_core.analysis.choose_k import Row

    path = run.folder / SWEEP
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["mark"] != mark_of(run, latent_of(run)):
            return None
        rows = tuple(sorted((Row(**row) for row in known["rows"]), key=lambda row: row.clusters))
        values = np.array(known["values"], dtype=np.float64)
        left = tuple(int(number) for number in known["left"])
        if values.ndim != 1 or not all(isinstance(row.clusters, int) for row in rows):
            raise ValueError("not as written")
        return Sweep(values, rows, left, float(known["seconds"]))
    except RunError:
        raise
    except Exception as error:  # damaged JSON can be of any type
        raise RunError(
            f"The kept answers of the run '{run.name}' are damaged: compute them again."
        ) from error


def how_many(run: Run, low: int, high: int, tell: Tell | None = None) -> Sweep:
    """Answer for every K from `low` to `high` and keep the answers; those that are kept already are taken.

    What tell(words, done, total) raises ends it; what was found until then is kept. InputError where the range
    cannot be asked about, RunError where the latent cannot be read or the disk is full.
    """
    from dsc_core.analysis import choose_k

    latent = latent_of(run)
    lowest, highest = choose_k.limits(len(latent))
    if not lowest <= low <= high <= highest:
        raise InputError(f"{len(latent):,} samples can be asked about {lowest} to {highest} clusters.")
    try:
        known = kept_sweep(run)
    except RunError:
        known = None
    rows = {row.clusters: row for row in (known.rows if known else ())}
    values = known.values if known else np.zeros(0)
    missing = [number for number in range(low, high + 1) if number not in rows]
    began, before = time.monotonic(), known.seconds if known else 0.0
    if missing:
        affinity = graph_of(run, tell)
        found, vectors = choose_k.spectrum(affinity, high, run.config, tell)
        values = found if len(found) > len(values) else values
        try:
            for row in choose_k.sweep(latent, found, vectors, missing, run.config, tell):
                rows[row.clusters] = row
        finally:
            left = [number for number in missing if number not in rows]
            keep_sweep(run, latent, values, rows, left, before + time.monotonic() - began)
    ordered = tuple(rows[number] for number in sorted(rows))
    return Sweep(values, ordered, (), before + time.monotonic() - began)


def keep_sweep(run: Run, latent, values, rows: dict, left: list[int], seconds: float) -> None:
    """Write how-many.json. RunError where the disk refuses it."""
    told = {
        "mark": mark_of(run, latent),
        "values": values,
        "rows": [rows[number].to_dict() for number in sorted(rows)],
        "left": left,
        "seconds": round(seconds, 1),
    }
    try:
        write_json(run.folder / SWEEP, told)
    except OSError as error:
        raise RunError(f"The answers could not be kept: {failures.plainly(error)}.") from error


# Other runs ---------------------------------------------------------------------------------------------------


def siblings(store: Store, run: Run) -> list[Run]:
    """The other runs of the same data set that have results, the newest first."""
    key = run.dataset.get("key")
    return [
        other
        for other in store.list()
        if key
        and other.id != run.id
        and other.dataset.get("key") == key
        and other.status in ("done", "stopped")
        and (other.folder / "labels.parquet").is_file()
    ]


def same_but_seed(run: Run, other: Run) -> bool:
    """Whether two runs differ in their seed (and device) at most, and do differ in the seed."""
    aside = {"seed", "device"}
    one, two = run.config.to_dict(), other.config.to_dict()
    return one["seed"] != two["seed"] and all(one[name] == two[name] for name in one.keys() - aside)


def clusters_of(run: Run, count: int) -> np.ndarray:
    """The clusters (n,) of a run. RunError where it has another number of samples, or no results that can be read."""
    try:
        found = labels_frame(run)["cluster"].to_numpy()
    except InputError as error:
        raise RunError(str(error)) from error
    if len(found) != count:
        raise RunError(f"The run '{run.name}' has {len(found):,} samples, not {count:,}: leave it out.")
    return found


# Names --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """What a person has called clusters and single samples (by their place in the data, counted from 0).

    outdated: the clusters' names were given to other clusters, before the run was trained on; they are left out.
    """

    clusters: dict[int, str] = field(default_factory=dict)
    samples: dict[int, str] = field(default_factory=dict)
    outdated: bool = False


_naming = threading.Lock()  # two tabs of one server name at once


def clusters_mark(found: Results) -> str:
    """Which clusters it is that are named, as 32 hexadecimal digits."""
    clusters = found.labels["cluster"].to_numpy(dtype=np.int64)
    return hashlib.blake2b(clusters.tobytes(), digest_size=16).hexdigest()


def read_named(found: Results) -> Named:
    """The names given in a run; none where nobody gave any. RunError, one sentence, where the file is damaged."""
    path = found.run.folder / NAMED
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        clusters = {int(number): checked_name(name) for number, name in known["clusters"].items()}
        samples = {int(number): checked_name(name) for number, name in known["samples"].items()}
        outdated = bool(clusters) and known["of"] != clusters_mark(found)
        if not all(0 <= number < len(found.labels) for number in samples):
            raise ValueError("no such sample")
    except FileNotFoundError:
        return Named()
    except Exception as error:  # damaged JSON can be of any type
        raise RunError(
            f"The names given in the run '{found.run.name}' cannot be read: mend or delete its file {NAMED}."
        ) from error
    kept = {} if outdated else {k: name for k, name in clusters.items() if 0 <= k < found.run.clusters}
    return Named(kept, samples, outdated)


def give_name(found: Results, kind: str, numbers, name: str) -> Named:
    """Call the clusters or the samples ("clusters", "samples") at `numbers` `name`, "" to take it away.

    InputError where the name cannot be one, RunError where what is there is damaged or the disk is full.
    """
    name = checked_name(name) if name.strip() else ""
    with _naming:
        known = read_named(found)
        both = {"clusters": dict(known.clusters), "samples": dict(known.samples)}
        for number in numbers:
            both[kind].pop(int(number), None)
            if name:
                both[kind][int(number)] = name
        write_named(found, both)
    return Named(**both)


def forget_names(found: Results) -> None:
    """Take all names away, also those in a file that cannot be read, which is set aside."""
    path = found.run.folder / NAMED
    with _naming:
        try:
            read_named(found)
        except RunError:
            path.replace(path.with_name(f"damaged-{NAMED}"))
        write_named(found, {"clusters": {}, "samples": {}})


def write_named(found: Results, both: dict[str, dict[int, str]]) -> None:
    """Write named.json, whole or not at all."""
    told = {kind: {str(number): both[kind][number] for number in sorted(both[kind])} for kind in both}
    try:
        write_json(found.run.folder / NAMED, {"of": clusters_mark(found), **told})
    except OSError as error:
        raise RunError(f"The name could not be kept: {failures.plainly(error)}.") from error


def checked_name(name: str) -> str:
    """A name without spaces around it; InputError where it is empty, too long or more than one line."""
    name = str(name).strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InputError(f"A name has 1 to {LONGEST_NAME} letters, on one line.")
    return name


def named_frame(found: Results, named: Named, result, least: float) -> pd.DataFrame:
    """The labels made of the given names, one row a sample in input order, with the columns of named.csv.

    id. label: "" where no name is at least as sure as `least`. certainty: of the likeliest name, in [0, 1].
    source: "sample" where it was named by hand, "cluster" where it has the name given to its cluster, "spread"
    where another name reached it, "" without a label. result: a `naming.Spread`.
    """
    words = result.words(least)
    own = found.labels["cluster"].map(named.clusters).fillna("").to_numpy(dtype=str)
    source = np.where(words == "", "", np.where(words == own, "cluster", "spread"))
    source = np.where(result.given, "sample", source)
    return pd.DataFrame(
        {
            "id": found.labels["id"].to_numpy(),
            "label": words.astype(object),
            "certainty": np.where(result.name >= 0, result.sure, 0.0),
            "source": source.astype(object),
        }
    )

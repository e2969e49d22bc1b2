"""The answers to "How many clusters?", saved in the run's folder and computed only where they are missing."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dsc_core.analysis import choose_k
from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.runs.artifacts.arrays import read_latent
from dsc_core.runs.artifacts.graph import Report, load_graph, mark_of
from dsc_core.runs.facts import number, whole
from dsc_core.runs.files import read_value, write_json
from dsc_core.runs.run import Run

FILE = "how-many.json"


@dataclass(frozen=True)
class Sweep:
    """The answers for a range of K.

    values: the graph's eigenvalues, (dims,), descending. rows: one per K, ascending. missing: requested numbers of
    clusters that were not reached. seconds: the time that all of it took.
    """

    values: np.ndarray
    rows: tuple[choose_k.Row, ...]
    missing: tuple[int, ...] = ()
    seconds: float = 0.0


def read_sweep(run: Run) -> Sweep | None:
    """The saved answers about the run's graph, None if there are none. RunError if they are damaged."""
    path = run.folder / FILE
    if not path.exists():
        return None
    try:
        content = read_value(path)
        if content["mark"] != mark_of(run, read_latent(run)):
            return None
        rows = tuple(choose_k.Row(**row) for row in content["rows"])
        values = np.array(content["values"], dtype=np.float64)
        missing = tuple(int(number) for number in content["left"])
        if values.ndim != 1 or not np.isfinite(values).all() or not all(map(_is_plausible, rows)):
            raise ValueError("unexpected content")
        ordered = tuple(sorted(rows, key=lambda row: row.clusters))
        return Sweep(values, ordered, missing, float(content["seconds"]))
    except RunError:
        raise
    except Exception as error:  # damaged JSON can be of any type
        raise RunError(
            f"The saved answers of the run '{run.name}' are damaged: compute them again."
        ) from error


def _is_plausible(row: choose_k.Row) -> bool:
    """Whether the figures of one K are of their types."""
    silhouettes = row.silhouette_latent, row.silhouette_spectral
    figures = row.stability, row.lowest, *(value for value in silhouettes if value is not None)
    return whole(row.clusters, 1) and all(map(number, figures))


def compute_sweep(run: Run, low: int, high: int, report: Report | None = None) -> Sweep:
    """Answer for every K from `low` to `high`, and save the answers; saved ones are taken as they are.

    An error that report(activity, done, total) raises cancels it; the answers until then are saved. InputError if the
    range is out of bounds, RunError if the latent codes cannot be read or the disk is full.
    """
    latent = read_latent(run)
    _check_range(len(latent), low, high)
    saved = _readable_sweep(run)
    rows, values = {row.clusters: row for row in saved.rows}, saved.values
    began = time.monotonic() - saved.seconds
    missing = [number for number in range(low, high + 1) if number not in rows]
    if missing:
        affinity = load_graph(run, report)
        eigenvalues, vectors = choose_k.spectrum(affinity, high, run.config, report)
        values = max(values, eigenvalues, key=len)
        try:
            for row in choose_k.sweep(latent, eigenvalues, vectors, missing, run.config, report):
                rows[row.clusters] = row
        finally:
            left = tuple(number for number in missing if number not in rows)
            _save(run, latent, Sweep(values, _ascending(rows), left, time.monotonic() - began))
    return Sweep(values, _ascending(rows), (), time.monotonic() - began)


def _check_range(count: int, low: int, high: int) -> None:
    lowest, highest = choose_k.limits(count)
    if not lowest <= low <= high <= highest:
        raise InputError(f"With {count:,} samples, choose a range within {lowest} to {highest} clusters.")


def _readable_sweep(run: Run) -> Sweep:
    """The saved answers, none if they are damaged."""
    try:
        return read_sweep(run) or Sweep(np.zeros(0), ())
    except RunError:
        return Sweep(np.zeros(0), ())


def _ascending(rows: dict[int, choose_k.Row]) -> tuple[choose_k.Row, ...]:
    return tuple(rows[number] for number in sorted(rows))


def _save(run: Run, latent: np.ndarray, sweep: Sweep) -> None:
    """Write how-many.json. RunError if the disk refuses it."""
    content = {
        "mark": mark_of(run, latent),
        "values": sweep.values,
        "rows": [row.to_dict() for row in sweep.rows],
        "left": sweep.missing,
        "seconds": round(sweep.seconds, 1),
    }
    try:
        write_json(run.folder / FILE, content)
    except OSError as error:
        raise RunError(f"The answers could not be saved: {failures.os_reason(error)}.") from error

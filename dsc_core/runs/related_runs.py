"""The other runs of the same data set, to compare a run with."""

from __future__ import annotations

import numpy as np

from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts.labels import labels_frame
from dsc_core.runs.run import Run
from dsc_core.runs.store import Store


def same_dataset(store: Store, run: Run) -> list[Run]:
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
    """Whether two runs differ in their seed and in nothing else but the device."""
    ignored = {"seed", "device"}
    one, two = run.config.to_dict(), other.config.to_dict()
    return one["seed"] != two["seed"] and all(one[name] == two[name] for name in one.keys() - ignored)


def clusters_of(run: Run, count: int) -> np.ndarray:
    """The clusters of a run, (n,). RunError if it has not `count` samples, or no readable results."""
    try:
        clusters = labels_frame(run)["cluster"].to_numpy()
    except InputError as error:
        raise RunError(str(error)) from error
    if len(clusters) != count:
        raise RunError(f"The run '{run.name}' has {len(clusters):,} samples, not {count:,}: leave it out.")
    return clusters

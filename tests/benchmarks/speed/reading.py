"""Reading clusters from codes: the neighbours, and the cut of their graph. Both commits read the very same codes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.speed.trees import ask, cache

SETS = {"digits": "digits", "mnist": "mnist"}
LIMIT = 1800.0
# Enough of stage 1 for codes like those of a run, at a cost that does not grow with the data.
SCHEDULE = {
    "epochs": 3,
    "joint_epochs": 0,
    "batches": 150,
    "least_steps": 0,
    "graph_samples": 1000,
    "map_every": 0,
}


def codes(tree: Path, commit: str, data: str, seed: int) -> Path:
    """A file with the codes of a data set after a short stage 1 of that tree, and its labels; made once."""
    path = cache() / f"codes-{commit.rstrip('+')}-{data}-{seed}.npz"
    if not path.exists():
        ask(tree, "reading:make_codes", {"data": data, "seed": seed, "path": str(path)}, LIMIT)
    return path


def measure_in(tree: Path, path: Path, seed: int, threads: int = 1) -> dict:
    """`measure` in a process with the core of `tree`."""
    return ask(tree, "reading:measure", {"path": str(path), "seed": seed}, LIMIT, threads)


# In the process that measures ----------------------------------------------------------------------------------------


def make_codes(data: str, seed: int, path: str) -> dict:
    """Train a little and write codes (n, d) and labels (n,) to `path`."""
    from dsc_core.data import open_dataset
    from dsc_core.presets import preset
    from dsc_core.training.loop import fit

    dataset = open_dataset(data)
    steps = fit(
        dataset.samples,
        preset("standard", clusters=dataset.classes, seed=seed, **SCHEDULE),
        scaling=dataset.scaling,
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            fitted = end.value
            break
    draft = Path(path).with_suffix(".part.npz")
    np.savez(draft, codes=np.asarray(fitted.latent, np.float32), labels=dataset.labels)
    os.replace(draft, path)
    return {}


def measure(path: str, seed: int) -> dict:
    """Seconds of both parts of a reading, the cost of its cut, and its scores by labels that it did not see."""
    import torch

    from dsc_core.analysis import metrics
    from dsc_core.presets import preset
    from tests.benchmarks.speed.layout import cost_of_cut, readers

    with np.load(path) as file:
        points, labels = torch.from_numpy(file["codes"]), file["labels"]
    clusters = len(np.unique(labels))
    config = preset("standard", clusters=clusters, seed=seed, device="cpu")
    build, cut = readers()
    few = points[:: max(1, len(points) // 600)]
    cut(build(few, [], config), config)  # loads the libraries
    affinity, neighbours = timed(lambda: build(points, [], config))
    found, read = timed(lambda: cut(affinity, config))
    scores = metrics.scores(labels, found.labels)
    return {
        "samples": len(points),
        "neighbours": neighbours,
        "cut": read,
        "cost": cost_of_cut(affinity, found.labels, clusters),
        "acc": scores["acc"],
        "nmi": scores["nmi"],
        "threads": torch.get_num_threads(),
    }


def timed(call: Callable[[], object]):
    """The result of `call`, and its seconds, wall and processor."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}

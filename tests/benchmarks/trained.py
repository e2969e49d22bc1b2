"""Trained models with their graphs, kept in a folder, for benchmarks that ask about what training gave."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from dsc_core.data import Dataset
from dsc_core.model import Fitted
from dsc_core.presets import preset
from dsc_core.training.loop import fit
from tests.benchmarks import methods

OBJECTS, VIEWS, DIMS = 20, 72, 32
MADE_UP = "turning-objects"


def turning_objects(seed: int = 0) -> Dataset:
    """Made-up codes like those of COIL-20: 20 objects that turn once in 72 steps, each a closed curve, (1440, 32)."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, VIEWS, endpoint=False)
    waves = np.stack([wave(turns * angles) for turns in (1, 2, 3) for wave in (np.cos, np.sin)], 1)
    curves = []
    for _ in range(OBJECTS):
        axes = rng.standard_normal((6, DIMS)) / np.sqrt(DIMS) * np.repeat([1, 0.5, 0.25], 2)[:, None]
        centre = 0.35 * rng.uniform(0.2, 1.2) * rng.standard_normal(DIMS)
        curves.append(centre + rng.uniform(0.3, 1) * waves @ axes + 0.02 * rng.standard_normal((VIEWS, DIMS)))
    samples = np.concatenate(curves).astype(np.float32)
    ids, labels = np.arange(len(samples)).astype(str), np.repeat(np.arange(OBJECTS), VIEWS)
    return Dataset(MADE_UP, samples, ids, labels, "table", (0.0, 1.0))


def open_data(data: str) -> Dataset:
    """A data set of the quality harness, or the made-up one."""
    return turning_objects() if data == MADE_UP else methods.open_data(data)


def trained(data: str, name: str, clusters: int, seed: int, folder: Path) -> Fitted:
    """The model of a preset on a data set, with its last graph: from the folder, or trained and written there."""
    place = folder / f"{data}-{name}-{seed}-k{clusters}"
    if (place / "graph.npz").exists():
        return replace(Fitted.load(place, "cpu"), affinity=sparse.load_npz(place / "graph.npz").tocsr())
    dataset, began = open_data(data), time.process_time()
    config = preset(name, clusters=clusters, seed=seed, map_every=0)
    steps = fit(dataset.samples, config, scaling=dataset.scaling)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            fitted: Fitted = end.value
            break
    fitted.save(place)
    sparse.save_npz(place / "graph.npz", fitted.affinity)
    print(f"{place.name}: {time.process_time() - began:.0f} processor seconds", file=sys.stderr, flush=True)
    return fitted

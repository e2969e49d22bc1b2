"""What the scripts of the peers share: arrays in, clusters out. Imports nothing of the project."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np


def run(method: Callable[[np.ndarray, int, int], np.ndarray], package: str) -> None:
    """Cluster the rows of the .npz that the first argument names, and write the clusters into the second's folder.

    method(values, clusters, seed) → (n,): values (n, F) float32 from 0 to 1. Arguments: FILE FOLDER CLUSTERS SEED.
    """
    source, folder, clusters, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with np.load(source) as file:
        values = file["values"]
    seed_all(seed)
    began = time.perf_counter()
    found = np.asarray(method(values, clusters, seed)).astype(np.int64)
    seconds = time.perf_counter() - began
    np.save(folder / "clusters.npy", found)
    facts = {"seconds": seconds, "package": f"{package} {version(package)}", "threads": threads()}
    (folder / "facts.json").write_text(json.dumps(facts))


def seed_all(seed: int) -> None:
    """Seed what the packages draw from."""
    random.seed(seed)
    np.random.seed(seed)
    if torch := _torch():
        torch.manual_seed(seed)


def threads() -> int:
    """Threads of PyTorch, 0 where a method does not use it."""
    torch = _torch()
    return torch.get_num_threads() if torch else 0


def _torch():
    """PyTorch, where the script has imported it."""
    return sys.modules.get("torch")

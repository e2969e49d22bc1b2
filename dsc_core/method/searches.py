"""The searches of neighbours that the settings offer: when `auto` takes which, and whether FAISS is there.

Without PyTorch, and without loading FAISS, an optional package (requirements-faiss.txt): pages ask before training.
"""

from __future__ import annotations

from importlib.util import find_spec

from dsc_core.config import Config
from dsc_core.errors import InputError

# Points up to which `auto` searches exactly. Measured on the CPU; on CUDA computed from the work per point.
EXACT, DEVICE_EXACT = 100_000, 500_000
MISSING = (
    "FAISS is not installed: pip install -r requirements-faiss.txt installs it; or let the search of neighbours "
    "(search) be auto."
)
COPIED = (
    "FAISS cannot search with random copies in the graph: let the search of neighbours (search) be auto, or the random "
    "copies in the graph (augmented_graph) 0."
)


def check_search(config: Config) -> None:
    """InputError where the settings ask for a search by FAISS that is not possible."""
    if config.search != "faiss":
        return
    if find_spec("faiss") is None:
        raise InputError(MISSING)
    if config.augmented_graph:
        raise InputError(COPIED)

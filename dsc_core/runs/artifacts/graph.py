"""The graph of a run: the one that training ended with, in the run's folder.

Runs of earlier versions have none; for them it is built as training builds it, and saved. So is that of a data set
which is larger than the graph of training, since questions about a run need all samples.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from dsc_core.config import FURTHER, Config
from dsc_core.method.views import has_second
from dsc_core.runs.artifacts.arrays import read_latent
from dsc_core.runs.files import check_regular, write_whole
from dsc_core.runs.run import Run

FILE = "graph.npz"
PARTS = ("data", "indices", "indptr")
BUILDING = "Finding the neighbours of every sample"
Report = Callable[[str, int, int], None]


def load_graph(run: Run, report: Report | None = None) -> sparse.csr_matrix:
    """The graph of all samples on the run's latent space, sparse (n, n); built if there is none.

    report(activity, done, total) may raise to cancel. RunError if the latent codes, or where they are needed the model
    or the data set, cannot be read.
    """
    latent = read_latent(run)
    path, mark = run.folder / FILE, mark_of(run, latent)
    affinity = _read(path, mark, len(latent))
    if affinity is None:
        affinity = _build(run, latent, report).astype(np.float32)
        try:
            save_graph(path, affinity, mark)
        except OSError:  # it can be built again
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return affinity


def save_graph(path: Path, affinity: sparse.csr_matrix, mark: str) -> None:
    """Write a graph with its mark. OSError if it cannot be written."""
    affinity = sparse.csr_matrix(affinity).astype(np.float32)
    content = io.BytesIO()
    np.savez(content, mark=np.array(mark), **{part: getattr(affinity, part) for part in PARTS})
    write_whole(path, content.getvalue())


def mark_of(run: Run, latent: np.ndarray) -> str:
    """What the graph of the codes (n, d), and all that is read from it, depends on: 32 hexadecimal digits."""
    config = run.config
    settings: tuple[object, ...] = (config.neighbours, config.damping, config.seed)
    if _with_copies(run):
        settings += (config.augmented_graph, config.shift, config.rotation, config.scaling)
        transforms = tuple(getattr(config, name) for name in FURTHER)
        if set(transforms) != {"off"}:  # as in runs of earlier versions, whose graphs stay theirs
            settings += transforms
    if _with_second_view(run):
        settings += (config.second_view, config.both_views)
    digest = hashlib.blake2b(repr((latent.shape, settings)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(latent).data)
    return digest.hexdigest()


def _with_copies(run: Run) -> bool:
    """Whether the graph is built with random copies of the images."""
    config: Config = run.config
    return run.dataset.get("kind") == "image" and bool(config.augmented_agreement and config.augmented_graph)


def _with_second_view(run: Run) -> bool:
    """Whether the graph of the codes is joined to one of the images themselves."""
    return run.dataset.get("kind") == "image" and has_second(
        run.config, tuple(run.dataset["shape"]), run.samples
    )


def _build(run: Run, latent: np.ndarray, report: Report | None) -> sparse.csr_matrix:
    """The graph as training builds it: from the codes, those of the random copies, and the images themselves."""
    import torch

    from dsc_core.method.feed import build_graph

    progress = (lambda done, total: report(BUILDING, done, total)) if report else None
    if not (_with_copies(run) or _with_second_view(run)):
        return build_graph(torch.from_numpy(np.array(latent)), [], run.config, progress)
    from dsc_core.data import load_dataset
    from dsc_core.model import Fitted

    dataset = load_dataset(str(run.dataset.get("key", "")), run.home)
    return Fitted.load(run.folder / "model").build_graph(dataset.samples, dataset.scaling, progress)


def _read(path: Path, mark: str, count: int) -> sparse.csr_matrix | None:
    """The graph in `path` if it is intact and has this mark, else None: it can be built again."""
    try:
        check_regular(path)
        with np.load(path, allow_pickle=False) as content:
            if str(content["mark"]) != mark:
                return None
            parts = tuple(content[part] for part in PARTS)
        affinity = sparse.csr_matrix(parts, shape=(count, count))
        affinity.check_format(full_check=True)
        if affinity.dtype != np.float32 or not np.isfinite(affinity.data).all():
            return None
        return affinity
    except Exception:  # zipfile, NumPy and SciPy each have their own errors for a damaged file
        return None

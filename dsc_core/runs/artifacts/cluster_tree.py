"""The tree of a run's clusters with the marks of its levels, computed once and saved in the run's folder."""

from __future__ import annotations

import hashlib
import io
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dsc_core.analysis.cluster_marks import Marks, find_marks
from dsc_core.analysis.cluster_tree import ClusterTree, grow
from dsc_core.runs.artifacts.arrays import read_latent
from dsc_core.runs.artifacts.graph import Report, load_graph, mark_of
from dsc_core.runs.files import check_regular, write_whole
from dsc_core.runs.run import Run
from dsc_core.threads import one_thread

FILE = "cluster-tree.npz"
PARTS = ("cells", "children", "linkages", "agreement", "jump")
EIGENVALUES = "Computing eigenvalues of the graph"


class MarkedTree(NamedTuple):
    """A tree of the run's clusters, and which numbers of clusters its graph supports."""

    tree: ClusterTree
    marks: Marks


def read_tree(run: Run, labels: np.ndarray) -> MarkedTree | None:
    """The saved tree of the run's clusters (n,); None if there is none, or it is damaged: it can be computed again.

    RunError if the latent codes cannot be read.
    """
    mark, labels = _mark(run, labels), np.asarray(labels, np.int64)
    try:
        path = run.folder / FILE
        check_regular(path)
        with np.load(path, allow_pickle=False) as content:
            if str(content["mark"]) != mark:
                return None
            cells, children, linkages, agreement, jump = (content[part] for part in PARTS)
        tree = ClusterTree(cells.astype(np.int64), children.astype(np.int64), linkages, labels)
        tree.check()
        figures = np.concatenate([agreement, jump])
        if agreement.ndim != 1 or agreement.shape != jump.shape or not np.isfinite(figures).all():
            return None
        return MarkedTree(tree, Marks(agreement, jump))
    except Exception:  # zipfile and NumPy each have their own errors for a damaged file
        return None


def find_tree(run: Run, labels: np.ndarray, report: Report | None = None) -> MarkedTree:
    """The tree of the run's clusters (n,), computed and saved if there is none.

    report(activity, done, total) may raise to cancel. RunError if the graph, or what it is built from, cannot be read.
    """
    from dsc_core.method.cut import SMALL

    labels = np.asarray(labels, np.int64)
    if found := read_tree(run, labels):
        return found
    affinity = load_graph(run, report)
    with one_thread() if len(labels) <= SMALL else nullcontext():
        found = _compute(run, affinity, labels, report)
    with suppress(OSError):  # it can be computed again
        _save(run.folder / FILE, found, _mark(run, labels))
    return found


def _compute(run: Run, affinity, labels: np.ndarray, report: Report | None) -> MarkedTree:
    import torch

    from dsc_core.method import graph, kmeans
    from dsc_core.method.cut import DIMS_PER_CLUSTER, at_scales

    config = run.config
    check = (lambda: report(EIGENVALUES, 0, 0)) if report else None
    dims = DIMS_PER_CLUSTER * config.clusters
    points = at_scales(*graph.diffusion_map(affinity, dims, config.seed, check), config.damping)
    reduced = kmeans.principal(torch.from_numpy(points))
    tree = grow(affinity, reduced, labels, config.seed)
    return MarkedTree(tree, find_marks(affinity, reduced, config.clusters, config.seed, report))


def _mark(run: Run, labels: np.ndarray) -> str:
    """What the tree depends on: the graph, and the run's clusters."""
    digest = hashlib.blake2b(np.asarray(labels, np.int64).tobytes(), digest_size=16).hexdigest()
    return f"{mark_of(run, read_latent(run))}-{run.config.clusters}-{digest}"


def _save(path: Path, found: MarkedTree, mark: str) -> None:
    """Write a tree with its mark. OSError if it cannot be written."""
    tree, marks = found
    content = io.BytesIO()
    np.savez_compressed(
        content,
        mark=np.array(mark),
        cells=tree.cells.astype(np.int32),
        children=tree.children.astype(np.int32),
        linkages=tree.linkages,
        agreement=marks.agreement,
        jump=marks.jump,
    )
    write_whole(path, content.getvalue())

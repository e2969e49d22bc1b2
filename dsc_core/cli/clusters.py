"""The command `clusters`: how many clusters a run's graph supports, and other numbers of them without training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.console import check_output, open_output
from dsc_core.cli.group import command
from dsc_core.cli.options import run_argument
from dsc_core.cli.printing import print_cut
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dsc_core.runs import Run
    from dsc_core.runs.artifacts.cluster_tree import MarkedTree


@command("clusters", print_cut)
@run_argument
@click.option(
    "--k", "number", type=int, metavar="K", help="Number of clusters of the cut.  [default: the run's]"
)
@click.option(
    "--out", metavar="FILE", help="CSV file to write: the cut as edited_cluster; - writes to standard output."
)
@click.option(
    "--use", is_flag=True, help="Make the cut the edited clusters of the run, as the Results page does."
)
def clusters(run: str, number: int | None, out: str | None, use: bool) -> dict[str, Any]:
    """Cut the tree of a run's clusters at another number, without training, and say which numbers its graph supports.

    K clusters are those of the run; fewer are unions of these, more are parts of them.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.runs import Store
    from dsc_core.runs.annotations import edits
    from dsc_core.runs.artifacts.cluster_tree import find_tree
    from dsc_core.runs.artifacts.labels import labels_frame

    check_output(out)
    record = Store().find(run)
    frame = labels_frame(record)
    log = edits.of_run(record, frame)
    with Progress() as progress:
        found = find_tree(record, log.original, lambda activity, *_: progress.update(activity))
    tree = found.tree
    wanted = tree.own if number is None else number
    if not 2 <= wanted <= max(tree.most, 2):
        raise InputError(f"--k must be a whole number within 2 and {tree.most} for this run, not {number}.")
    cut = tree.numbers(tree.level(wanted), record.clusters)
    if out is not None:
        with open_output(out) as file:
            file.write(frame.assign(edited_cluster=cut).to_csv(index=False, lineterminator="\n").encode())
    if use:
        log.cut(cut)
    return _summary(record, found, frame, cut) | {"out": out, "used": use}


def _summary(run: Run, found: MarkedTree, frame: pd.DataFrame, cut: np.ndarray) -> dict[str, Any]:
    """The cut, its scores where labels exist, and the marks."""
    import numpy as np

    from dsc_core.analysis import metrics

    marks, (numbers, sizes) = found.marks, np.unique(cut, return_counts=True)
    scores: dict[str, float | None] = dict.fromkeys(("acc", "nmi", "ari"))
    if "label" in frame:
        scores |= metrics.scores(frame["label"].to_numpy(), cut)
    figures = zip(marks.numbers, marks.agreement, marks.jump, strict=True)
    return {
        "run": run.id,
        "samples": run.samples,
        "clusters": run.clusters,
        "k": len(numbers),
        "most": found.tree.most,
        "sizes": {int(number): int(size) for number, size in zip(numbers, sizes, strict=True)},
        **scores,
        "marks": {"best": marks.best, "agreement": list(marks.agreed), "cost": list(marks.jumps)},
        "figures": [{"k": k, "agreement": agreement, "jump": jump} for k, agreement, jump in figures],
    }

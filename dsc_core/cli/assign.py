"""The command `assign`: new samples through a trained run."""

from __future__ import annotations

import math
from typing import Any

import click

from dsc_core.cli.console import open_output
from dsc_core.cli.datasets import print_notes
from dsc_core.cli.group import command
from dsc_core.cli.options import Source, data_options, run_argument
from dsc_core.cli.printing import print_assigned


@command("assign", print_assigned)
@run_argument
@data_options
@click.option(
    "--rescale/--no-rescale",
    default=None,
    help="Bring images to the range of the training data, or read them on its scale.  [default: rescale only what is"
    " clearly on another scale]",
)
@click.option("--out", required=True, metavar="FILE", help="CSV file to write; - writes to standard output.")
def assign(run: str, source: Source, rescale: bool | None, out: str) -> dict[str, Any]:
    """Assign the samples in DATA, however many, to the clusters of a run.

    Missing cells of a table are filled as in training. Samples with infinite values, or with missing ones in arrays,
    get a row without a cluster; exit code 2 if there are no others. Samples unlike the training data (unseen is 1) get
    a cluster but no confidence.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.data import open_stream
    from dsc_core.runs import Store
    from dsc_core.runs.assigning import assign_all
    from dsc_core.runs.loaded_run import LoadedRun

    loaded = LoadedRun(Store().find(run))
    _ = loaded.frame  # a run without results is refused before the data are read
    with (
        Progress() as progress,
        open_stream(source.data, loaded.run.dataset, rescale=rescale, **source.reading) as stream,
        open_output(out) as file,
    ):

        def show(done: int, total: int | None) -> None:
            progress.update(f"Assigned {done:,}" + (f" of {total:,}" if total else ""))

        assigned = assign_all(loaded.assigner, stream, file, show)
    print_notes(stream)
    error_limit = assigned.novelty.error_limit
    return {
        "run": loaded.id,
        "samples": assigned.samples,
        "unassigned": assigned.unassigned,
        "unseen": assigned.unseen,
        "distance_limit": assigned.novelty.limit,
        "error_limit": error_limit if math.isfinite(error_limit) else None,
        "acc": assigned.acc,
        "out": out,
    }

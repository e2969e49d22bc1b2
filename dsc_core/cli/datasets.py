"""DATA of the command line: imported into the workspace, with progress and notes on standard error."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_core.cli.console import say
from dsc_core.cli.options import Source
from dsc_core.config import KNOBS
from dsc_core.errors import InputError

if TYPE_CHECKING:
    from dsc_core.data import Dataset, Stream

QUIET, INTERVAL = 1.0, 0.1  # seconds of reading before progress is shown, and between two updates
LISTED = 10  # unreadable files that are named


def import_source(source: Source, home: Path) -> tuple[str, Dataset]:
    """(key, Dataset) of the workspace's copy of the data.

    The same data with the same options are read only once. An interrupted import leaves nothing behind.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.data import import_data, load_dataset

    due = time.monotonic() + QUIET

    def show(stage: str, done: int, total: int) -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + INTERVAL
            progress.update(f"{stage}: {done / total:.0%}" if total else f"{stage}: {done / 1e6:,.1f} MB")

    with Progress() as progress:
        key = import_data(source.data, home, show, **source.reading)
    return key, load_dataset(key, home)


def print_notes(dataset: Dataset | Stream) -> None:
    """Print what was noted and skipped while reading; called once all is well, so that an error stands alone."""
    for note in dataset.notes:
        say(note)
    if dataset.skipped:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in dataset.skipped[:LISTED])
        more = len(dataset.skipped) - LISTED
        reasons += f"; and {more:,} more" if more > 0 else ""
        what = "file or sample" if len(dataset.skipped) == 1 else "files or samples"
        say(f"{len(dataset.skipped)} {what} could not be read or assigned: {reasons}")


def cluster_count(dataset: Dataset, requested: int | None) -> int:
    """The requested number of clusters, or the number of classes; InputError where neither is known."""
    if requested is not None:
        return requested
    if dataset.classes is None:
        raise InputError(f"{dataset.name} has no labels; set the number of clusters with --clusters.")
    if dataset.classes < 2:
        raise InputError(f"{dataset.name} has a single class; set the number of clusters with --clusters.")
    most = KNOBS["clusters"].high
    assert most is not None
    if dataset.classes > most:
        raise InputError(
            f"{dataset.name} has {dataset.classes} classes, and at most {most:g} clusters are made; set their number "
            "with --clusters."
        )
    return dataset.classes

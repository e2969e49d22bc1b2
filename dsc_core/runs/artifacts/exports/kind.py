"""What an export says of itself, and what its writer is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

import pandas as pd

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import edits
from dsc_core.runs.annotations.edits import Edited
from dsc_core.runs.artifacts.results import Results, load_results
from dsc_core.runs.run import Run

if TYPE_CHECKING:
    from dsc_core.data import Dataset

MIME = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".zip": "application/zip",
}
PIECE = 512  # samples written at once


@dataclass(frozen=True)
class Context:
    """What a writer is given: the run, one of the export's suffixes, an open binary file, and the clusters.

    edited: the clusters by which tables and pictures go; as the run left them unless edits are requested.
    progress(done, total): called with a number of samples, if writing takes a while.
    """

    run: Run
    suffix: str
    out: IO[bytes]
    edited: Edited
    progress: Callable[[int, int], object] = lambda *_: None

    @cached_property
    def results(self) -> Results:
        """The run's own results."""
        return load_results(self.run)

    @cached_property
    def edited_results(self) -> Results:
        """The results with the clusters as edited."""
        return edits.applied(self.results, self.edited)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The run's own labels, with the edited ones beside them where edits are in force."""
        return edits.with_edits(self.results.labels, self.edited)

    @cached_property
    def dataset(self) -> Dataset:
        """The run's data set. RunError if it is not in this workspace, or is another one."""
        dataset = self.results.dataset
        if len(dataset) != len(self.results.labels):
            raise RunError(
                "The data set in this workspace is not the one that was trained on: open it again."
            )
        return dataset


@dataclass(frozen=True)
class Export:
    """One thing to export.

    name: as in --what and in file names. suffixes: its formats, the default first. about: one sentence. order: its
    position in lists. data: the kinds of data that have it. edited: whether it can show edited clusters.
    default_for: suffixes that mean this export where no name is given. packages: Python packages that it needs.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    about: str
    write: Callable[[Context], None]
    order: int
    data: tuple[str, ...] = ("image", "table")
    edited: bool = False
    needs_labels: bool = False
    needs_dataset: bool = False
    packages: tuple[str, ...] = ()
    default_for: tuple[str, ...] = field(default=())

    def missing_from(self, run: Run) -> str | None:
        """Why a run has no such export, as the end of a sentence; None if it has."""
        kind = run.dataset.get("kind", "image")
        if kind not in self.data:
            return f"it is of {kind} data"
        if self.needs_labels and run.dataset.get("classes") is None:
            return "it has no labels"
        return None

    def problem(self, results: Results) -> str | None:
        """Why the export cannot be made at the moment, in a sentence; None if it can."""
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            return f"Needs more packages: `pip install {' '.join(missing)}`."
        if self.needs_dataset:
            try:
                results.dataset  # noqa: B018 - only whether it opens
            except (InputError, RunError) as error:
                return str(error)
        return None

    @staticmethod
    def mime(suffix: str) -> str:
        """The media type of a format."""
        return MIME.get(suffix, "application/octet-stream")


def parts(count: int, size: int | None = None) -> Iterator[slice]:
    """`count` samples in slices of `size`, by default PIECE."""
    size = size or PIECE
    return (slice(start, min(start + size, count)) for start in range(0, count, size))

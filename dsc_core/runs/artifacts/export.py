"""Exports: the files that can be made from a run. Each is in a file of its own in `exports/`, and found there."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO

from dsc_core.errors import InputError
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts import exports
from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.labels import labels_frame
from dsc_core.runs.run import Run


def find_exports() -> tuple[Export, ...]:
    """Every export that a file of `exports/` defines, in order."""
    found: list[Export] = []
    for file in pkgutil.iter_modules(exports.__path__):
        module = import_module(f"{exports.__name__}.{file.name}")
        found += getattr(module, "EXPORTS", ())
    return tuple(sorted(found, key=lambda export: export.order))


KINDS = find_exports()
NAMES = tuple(dict.fromkeys(export.name for export in KINDS))


def kinds_of(run: Run) -> list[Export]:
    """The exports of a run."""
    return [export for export in KINDS if export.missing_from(run) is None]


def choose(run: Run, file_name: str, name: str | None) -> tuple[Export, str]:
    """(export, suffix) for a file of this name; `name` is the export where the suffix alone does not tell.

    InputError, which lists what there is, if the two do not fit together or the run has no such export.
    """
    suffix = Path(file_name).suffix.lower() if file_name != "-" else ""
    name = name or _default_name(suffix)
    if not name:
        raise _ambiguous(run, suffix)
    if name not in NAMES:
        raise InputError(f"Unknown export '{name}'; choose one of {', '.join(NAMES)}.")
    matching = [export for export in kinds_of(run) if export.name == name]
    if not matching:
        reason = next(export.missing_from(run) for export in KINDS if export.name == name)
        raise InputError(f"The run '{run.name}' has no {name} to export: {reason}.")
    if suffix and suffix not in matching[0].suffixes:
        raise InputError(f"{name} is written as {' or '.join(matching[0].suffixes)}, not as {suffix}.")
    return matching[0], suffix or matching[0].suffixes[0]


def _default_name(suffix: str) -> str:
    """The export that a suffix alone means, "" if it means none."""
    if not suffix:
        return "labels"
    return next((export.name for export in KINDS if suffix in export.default_for), "")


def _ambiguous(run: Run, suffix: str) -> InputError:
    """The error for a suffix that does not tell which export is meant."""
    names = sorted({export.name for export in kinds_of(run) if suffix in export.suffixes})
    if names:
        return InputError(f"A {suffix} file can hold several exports: add --what {' or '.join(names)}.")
    suffixes = ", ".join(sorted({known for export in KINDS for known in export.suffixes}))
    return InputError(f"Unsupported export format {suffix}; choose one of {suffixes}.")


def write(
    run: Run,
    export: Export,
    suffix: str,
    out: IO[bytes],
    progress: Callable[[int, int], object] | None = None,
    edited: bool = False,
) -> None:
    """Write an export of a run, in the format of `suffix`, to the open binary file `out`.

    Parameters
    ----------
    run, export, suffix
        See `choose`.
    out
        Only ever written to; it need not be seekable.
    progress
        Called with (done, total) samples, if writing takes a while.
    edited
        Use the clusters as edited: tables have them beside the run's, everything else shows them and says so.

    Raises
    ------
    InputError
        If the run has no results yet, has no edits, or a package is missing.
    RunError
        If a file or the data set is missing or damaged.
    OSError
        If `out` cannot be written.
    """
    frame = labels_frame(run)  # raises a sentence if there are no results
    if edited and not export.edited:
        raise InputError(f"{export.name} are the same with and without edits: leave --edited out.")
    state = edits.in_force(run, frame) if edited else edits.Edited(frame["cluster"].to_numpy())
    export.write(Context(run, suffix, out, state, progress or (lambda *_: None)))
    out.flush()  # a full disk is reported here

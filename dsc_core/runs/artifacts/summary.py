"""The figures of a finished run: summary.json in its folder."""

from __future__ import annotations

from typing import Any

from dsc_core.errors import RunError
from dsc_core.runs.facts import SUMMARY, wrong
from dsc_core.runs.files import damaged, read_json
from dsc_core.runs.run import Run

FILE = "summary.json"


def read_summary(run: Run) -> dict[str, Any]:
    """Scores, times and the device, each of its type or None. RunError if the file is missing or damaged."""
    path = run.folder / FILE
    summary = read_json(path)
    if why := wrong(summary, SUMMARY):
        raise damaged(path, why)
    return summary


def has_summary(run: Run) -> bool:
    """Whether the run has results and a file of figures, readable or not."""
    return run.status in ("done", "stopped") and (run.folder / FILE).exists()


def readable_summary(run: Run) -> dict[str, Any]:
    """`read_summary`, or {} where there is none or it is damaged: for tables of many runs."""
    try:
        return read_summary(run) if has_summary(run) else {}
    except (RunError, OSError):
        return {}

"""Runs: where they are kept (SQLite and a folder a run), the process that trains one, and its results."""

from __future__ import annotations

from dsc_core.runs.files import home
from dsc_core.runs.store import Run, Store

__all__ = ["Run", "Store", "execute", "home", "load_run"]


def __getattr__(name: str):
    # Loaded when asked for: the worker module must be free to run as `python -m dsc_core.runs.worker`.
    if name == "execute":
        from dsc_core.runs.worker import execute

        return execute
    if name == "load_run":
        from dsc_core.runs.artifacts.results import load_run

        return load_run
    raise AttributeError(f"module 'dsc_core.runs' has no attribute '{name}'")

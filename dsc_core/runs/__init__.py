"""Runs: where they are stored (SQLite and one folder per run), the process that trains one, and its results."""

from __future__ import annotations

from dsc_core.runs.run import Run
from dsc_core.runs.store import Store
from dsc_core.workspace import home

__all__ = ["Run", "Store", "execute", "home", "load_run"]


def __getattr__(name: str):
    # Loaded on first use: the worker module must be free to run as `python -m dsc_core.runs.worker`.
    if name == "execute":
        from dsc_core.runs.worker import execute

        return execute
    if name == "load_run":
        from dsc_core.runs.loaded_run import load_run

        return load_run
    raise AttributeError(f"module 'dsc_core.runs' has no attribute '{name}'")

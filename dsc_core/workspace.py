"""The workspace: the folder that holds everything the program writes."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the folder that holds dsc_core: the checkout, or site-packages


def in_checkout() -> bool:
    """Whether this is a checkout of the project, not an installed package."""
    return (ROOT / "pyproject.toml").exists() and (ROOT / "app.py").exists()


def home() -> Path:
    """The workspace: $DSC_HOME, or `workspace` in the checkout, or in the current folder where installed."""
    chosen = os.environ.get("DSC_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return (ROOT if in_checkout() else Path.cwd()) / "workspace"

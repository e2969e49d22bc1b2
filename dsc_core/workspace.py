"""Where things lie: the workspace, which holds everything the program writes, and the app's own files."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the folder that holds dsc_core: the checkout, or site-packages


def in_checkout() -> bool:
    """Whether this is a checkout of the project, not an installed package."""
    return (ROOT / "pyproject.toml").exists() and (ROOT / "app.py").exists()


def app_folder() -> Path:
    """The folder that holds app.py, pages/ and assets/."""
    return ROOT if in_checkout() else ROOT / "dsc_app"


def home() -> Path:
    """The workspace: $DSC_HOME, or `workspace` in the checkout, or in the current folder where installed."""
    chosen = os.environ.get("DSC_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return (ROOT if in_checkout() else Path.cwd()) / "workspace"

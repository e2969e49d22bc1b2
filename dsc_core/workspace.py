"""Where everything that the program writes belongs."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the project's folder


def home() -> Path:
    """The folder that holds everything the app writes: $DSC_HOME, or workspace/ in the project's folder."""
    chosen = os.environ.get("DSC_HOME")
    return Path(chosen).expanduser().absolute() if chosen else ROOT / "workspace"

"""Which folders of this machine the app may read for whoever has its page open."""

from __future__ import annotations

import os
from pathlib import Path

from dsc_core.errors import InputError
from dsc_core.workspace import home

SETTING = "DSC_FOLDERS"


def allowed_folders() -> tuple[Path, ...]:
    """The folders that DSC_FOLDERS names, parted as in PATH; else the user's own, DSC_DATA's and the workspace."""
    chosen = os.environ.get(SETTING, "").strip()
    if chosen:
        named = [part.strip() for part in chosen.split(os.pathsep) if part.strip()]
    else:
        named = [os.path.expanduser("~"), os.environ.get("DSC_DATA", "").strip(), str(home())]
    return tuple(Path(name).expanduser().resolve() for name in named if name)


def allowed_path(text: str) -> Path:
    """The file or folder that `text` names, where it really lies: links and ".." followed.

    InputError, which names the setting, for one that lies outside `allowed_folders`; whether it is there is not told.
    """
    try:
        path = Path(text).expanduser()
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a user that there is not, a null
        raise InputError(f"{text[:80]!r} is no path: write one such as ~/images.") from error
    if any(real.is_relative_to(folder) for folder in allowed_folders()):
        return path
    raise InputError(
        f"{text[:80]!r} lies outside the folders that may be read here: move it, or name its folder in the"
        f" environment's setting {SETTING}."
    )

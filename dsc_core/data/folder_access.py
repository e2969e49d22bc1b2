"""The folders of this machine that the app may read, whoever has its page open."""

from __future__ import annotations

import os
from pathlib import Path

from dsc_core.errors import InputError
from dsc_core.workspace import home

SETTING = "DSC_FOLDERS"


def allowed_folders() -> tuple[Path, ...]:
    """The folders in DSC_FOLDERS, separated as in PATH; by default the user's home, DSC_DATA and the workspace."""
    setting = os.environ.get(SETTING, "").strip()
    if setting:
        names = [part.strip() for part in setting.split(os.pathsep) if part.strip()]
    else:
        names = [os.path.expanduser("~"), os.environ.get("DSC_DATA", "").strip(), str(home())]
    return tuple(Path(name).expanduser().resolve() for name in names if name)


def allowed_path(text: str) -> Path:
    """The path `text`, if the file or folder lies in `allowed_folders` after resolving links and "..".

    Otherwise an InputError that names the setting; it does not reveal whether the file exists.
    """
    try:
        path = Path(text).expanduser()
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user, a null character
        raise InputError(f"Invalid path {text[:80]!r}: write one such as ~/images.") from error
    if any(real.is_relative_to(folder) for folder in allowed_folders()):
        return path
    raise InputError(
        f"{text[:80]!r} is outside the folders that the app may read: move it, or add its folder to the environment"
        f" variable {SETTING}."
    )

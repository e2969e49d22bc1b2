"""The command `app`: opens the app in the browser."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from dsc_core.cli.group import dsc
from dsc_core.workspace import app_folder


@dsc.command("app", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[STREAMLIT OPTIONS]...")
def app(arguments: tuple[str, ...]) -> int:
    """Open the app in the browser.

    Options are passed to `streamlit run`, such as --server.port 8502.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(app_folder() / "app.py"), *arguments]
    if os.name == "posix":
        os.execv(sys.executable, command)  # takes the place of this process, so that signals reach the server
    return 0 if subprocess.run(command).returncode == 0 else 1

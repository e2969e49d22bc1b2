"""The command `app`: opens the app in the browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import click

from dsc_core.cli.group import dsc
from dsc_core.errors import RunError
from dsc_core.workspace import ROOT, in_checkout


def app_file() -> Path:
    """The app's main script: of the checkout, or of the installed package `dsc_app`."""
    if in_checkout():
        return ROOT / "app.py"
    spec = find_spec("dsc_app")
    if spec is None or not spec.submodule_search_locations:
        raise RunError("The app is not installed: install the package again.")
    return Path(spec.submodule_search_locations[0]) / "app.py"


@dsc.command("app", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[STREAMLIT OPTIONS]...")
def app(arguments: tuple[str, ...]) -> int:
    """Open the app in the browser.

    Options are passed to `streamlit run`, such as --server.port 8502.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(app_file()), *arguments]
    with subprocess.Popen(command) as server:
        while server.poll() is None:
            with suppress(KeyboardInterrupt):  # Ctrl-C reaches the server too, which then ends
                server.wait()
    return 0 if server.returncode in (0, -signal.SIGINT) else 1

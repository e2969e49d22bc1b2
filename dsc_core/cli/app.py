"""The command `app`: opens the app in the browser."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress

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
    with subprocess.Popen(command) as server:
        while server.poll() is None:
            with suppress(KeyboardInterrupt):  # Ctrl-C reaches the server too, which then ends
                server.wait()
    return 0 if server.returncode in (0, -signal.SIGINT) else 1

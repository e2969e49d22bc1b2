"""The `dsc` command group, and how a function becomes one of its commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from functools import wraps
from typing import Any

import click

from dsc_core import __version__
from dsc_core.errors import InputError, RunError

Result = dict[str, Any]
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(no_args_is_help=False, context_settings=SETTINGS)
@click.option("--home", metavar="FOLDER", help="The workspace to use instead of DSC_HOME.")
@click.version_option(__version__, message="%(version)s")
def dsc(home: str | None) -> None:
    """Deep spectral clustering with a dual autoencoder."""
    if home:
        os.environ["DSC_HOME"] = home


def command(
    name: str, printer: Callable[[Any], None], **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Register a function as the command `name`.

    The function returns a JSON-able dict, which `printer` prints for people and --json as one object. While it
    runs, standard output is redirected to standard error: whatever a library prints is not the answer.
    """

    def register(function: Callable[..., Result]) -> click.Command:
        @click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
        @wraps(function)
        def run(as_json: bool, **options: Any) -> int:
            check_single_output(as_json, options)
            try:
                with redirect_stdout(sys.stderr):
                    result = function(**options)
            finally:
                advance_queue()
            if as_json:
                print(to_json(result))
            else:
                printer(result)
            sys.stdout.flush()
            return 0

        return dsc.command(name, **settings)(run)

    return register


def check_single_output(as_json: bool, options: dict[str, Any]) -> None:
    """InputError where more than one thing would be written to standard output."""
    outputs = ["--json"] if as_json else []
    outputs += [f"--{name} -" for name in ("out", "events") if options.get(name) == "-"]
    if len(outputs) > 1:
        raise InputError(f"{' and '.join(outputs)} cannot both use standard output; choose one of them.")


def advance_queue() -> None:
    """Start queued runs for which there is room, in case the processes that should have done so were killed."""
    from dsc_core.runs import Store, home, queue

    if (home() / "dsc.sqlite").exists():  # a command that needs no workspace must not create one
        with suppress(RunError):
            store = Store()
            queue.advance(store)
            store.close()


def to_json(result: Result) -> str:
    """The result as one line of JSON, NaN and infinite numbers as null."""
    from dsc_core.runs.files import plain

    return json.dumps(plain(result), ensure_ascii=False, allow_nan=False)

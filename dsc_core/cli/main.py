"""Run the command line: parse, call the command, turn errors into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong input or options. Progress goes to standard error; with --json standard
output holds exactly one JSON object.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

# Importing a file of commands registers them.
from dsc_core.cli import (  # noqa: F401
    app,
    assign,
    baselines,
    clusters,
    control,
    export,
    manage,
    teach,
    training,
    transforms,
    untrained,
)
from dsc_core.cli.console import say
from dsc_core.cli.group import dsc
from dsc_core.errors import InputError, RunError
from dsc_core.training import launch


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    if not launch.first():
        from dsc_core.runs import torchrun

        return torchrun.follow()
    try:
        with lead():
            return run(sys.argv[1:] if arguments is None else arguments)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else program()
        say(f"{path}: {' '.join(error.format_message().split())}")
        return 2
    except InputError as error:
        say(error)
        return 2
    except RunError as error:
        say(error)
        return 1
    except KeyboardInterrupt:
        say("Interrupted.")
        return 1
    except BrokenPipeError:  # `list | head`: the reader has gone, which needs no message
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from dsc_core.runs.failures import unexpected

        say(unexpected(error))
        return 1


def run(arguments: list[str]) -> int:
    """Parse the arguments and call the command."""
    with dsc.make_context(program(), list(arguments)) as context:
        return dsc.invoke(context)


def program() -> str:
    """How this command line was started: "dsc" where installed, else "python -m dsc_core"."""
    return "dsc" if Path(sys.argv[0]).stem == "dsc" else "python -m dsc_core"


def lead() -> AbstractContextManager[None]:
    """The part of the first of several processes, see `torchrun.leading`; nothing where it is the only one."""
    if not launch.is_distributed():
        return nullcontext()
    from dsc_core.runs import torchrun

    return torchrun.leading()

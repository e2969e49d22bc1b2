"""Standard error, standard output and files: where the command line reads and writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from dsc_core.errors import InputError


def say(text: object) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)


def confirm(question: str) -> None:
    """Ask on the terminal; InputError where the answer is no, or where there is no terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        raise InputError(f"{question} Confirm with --yes, since there is no terminal to ask on.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError("Nothing was deleted.")


@contextmanager
def open_output(out: str, option: str = "--out") -> Iterator[IO[bytes]]:
    """A binary file that is either written completely or not at all; standard output for "-".

    InputError where it cannot be written.
    """
    from dsc_core.runs.files import written_whole

    if out == "-":
        stream = sys.__stdout__
        assert stream is not None
        yield cast(IO[bytes], stream.buffer)
        stream.flush()
        return
    try:
        with written_whole(Path(out).expanduser()) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror}); choose another location with {option}."
        ) from error


def megabytes(size: int) -> str:
    """A number of bytes as text: "12.3 MB"."""
    return f"{size / 1e6:,.1f} MB"

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

    A link leads to what it names, and what is no file, such as a pipe, is written to and not replaced. InputError where
    it cannot be written.
    """
    if out == "-":
        stream = sys.__stdout__
        assert stream is not None
        yield cast(IO[bytes], stream.buffer)
        stream.flush()
        return
    with _named(out, option), _opened(_place(out, option)) as file:
        yield file


def check_output(out: str | None, option: str = "--out") -> None:
    """InputError where `open_output` could not write: asked before work whose result would be lost."""
    from dsc_core.temporary import temporary_file

    if out is None or out == "-":
        return
    place = _place(out, option)
    if not place.exists() or place.is_file():
        with _named(out, option):
            path, file = temporary_file(place.parent)
            file.close()
            path.unlink()


def _place(out: str, option: str) -> Path:
    """Where a file is written; InputError where that is no name, or a folder."""
    if not out.strip():
        raise InputError(f"{option} needs the name of a file.")
    place = Path(out).expanduser()
    place = place.resolve() if place.is_symlink() else place
    if place.is_dir():
        raise InputError(f"{out} is a folder; name a file in it with {option}.")
    return place


@contextmanager
def _opened(place: Path) -> Iterator[IO[bytes]]:
    """The file at a place, written whole; a pipe or a device as it is."""
    from dsc_core.runs.files import written_whole

    replaced = not place.exists() or place.is_file()
    with written_whole(place) if replaced else place.open("wb") as file:
        yield file


@contextmanager
def _named(out: str, option: str) -> Iterator[None]:
    """An error of writing as a sentence that names the file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror}); choose another location with {option}."
        ) from error


def megabytes(size: int) -> str:
    """A number of bytes as text: "12.3 MB"."""
    return f"{size / 1e6:,.1f} MB"

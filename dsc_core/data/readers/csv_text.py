"""The text of a CSV file: unpacked within the limits, in its encoding, and counted line by line before it is parsed."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, TextIO

from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.unpacking import Budget
from dsc_core.errors import InputError

BLOCK = 1 << 20
BLANKS = "blanks"  # the delimiter of columns that any number of blanks and tabs separate
ONE_COLUMN = "\x1f"  # the delimiter of a table of one column: no text has it
# Other blanks may separate the thousands of a number.
WORD = re.compile(r'"[^"]*"(?=[ \t\r\n]|$)|[^ \t\r\n]+')
HARMLESS = 4 * MEBI  # unpacked: a line takes far more memory as a sample with its id than as text
MAX_LINE = 64 * MEBI  # characters
PACKED_BY = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open))
NOT_TEXT = (b"\x89PNG", b"PK\x03\x04", b"PAR1", b"%PDF")
MOSTLY = 0.8  # of every second byte, which are zeros in UTF-16
FALLBACK = "cp1252"  # the encoding of text that is not Unicode: Latin-1 with the letters of Windows


@dataclass(frozen=True)
class Survey:
    """What is in the lines of a table.

    rows: lines that hold any cell. width: the most cells of a row. short, first_short: how many rows have fewer cells
    than there are columns, and the first one's line number. empty: rows of empty cells at the end of the file.
    open_end: whether the last cell of every row is empty. last: the last line that is no row of empty cells.
    """

    rows: int
    width: int
    short: int
    first_short: int
    empty: int
    open_end: bool
    last: str


class _Counted(io.RawIOBase):
    """A binary stream whose bytes are counted against a budget."""

    def __init__(self, stream: Any, budget: Budget):
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_bytes(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked within the limits if it is packed by gzip or bzip2; InputError if that fails."""
    with open(path, "rb") as file:
        magic = file.read(4)
    unpack = next((unpack for start, unpack in PACKED_BY if magic.startswith(start)), None)
    if unpack is None:
        with open(path, "rb") as file:
            yield file
        return
    budget = Budget(path.name, path.stat().st_size, limits, HARMLESS)
    try:
        with unpack(path, "rb") as packed, io.BufferedReader(_Counted(packed, budget), BLOCK) as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:
            raise  # of the file system
        raise InputError(f"{path.name} is packed and damaged or not complete: pack it again.") from error


@contextmanager
def open_text(path: Path, encoding: str, limits: Limits, skipped: int = 0) -> Iterator[TextIO]:
    """The text of a file from the line after the first `skipped` ones, with its line ends as they stand."""
    with open_bytes(path, limits) as file:
        errors = "replace" if encoding == FALLBACK else "strict"
        with io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as text:
            for _ in range(skipped):
                text.readline()
            yield text


def check_size(path: Path, limits: Limits) -> None:
    """Refuse a packed file that is unpacked to too much, before its lines are looked at one by one."""
    with open_bytes(path, limits) as file:
        while isinstance(file, io.BufferedReader) and isinstance(file.raw, _Counted) and file.read(BLOCK):
            pass


def read_beginning(path: Path, limits: Limits, size: int) -> bytes:
    """The first `size` bytes, unpacked."""
    with open_bytes(path, limits) as file:
        return file.read(size)


def choose_encoding(head: bytes, name: str, cut: bool) -> str:
    """The encoding of a file from its beginning, of which the last letter may be cut; InputError if it is not text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in head and not head.startswith(NOT_TEXT):
        for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if head[start::2].count(0) > MOSTLY * (len(head) // 2):
                return encoding
    if b"\0" in head or head.startswith(NOT_TEXT):
        raise InputError(f"{name} is not text, so not a CSV table: rename it to the suffix of its format.")
    try:
        head[: len(head) - 4 * cut].decode("utf-8-sig")
    except UnicodeDecodeError:
        return FALLBACK
    return "utf-8-sig"


def split_lines(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(number of lines up to its end, cells) of each row in these lines; csv.Error if there is none."""
    if delimiter == BLANKS:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, [word.strip('"') for word in WORD.findall(line)]
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != " ")
    for row in reader:
        if row and any(map(str.strip, (*row, "," * (len(row) > 1)))):  # no line that is blank
            yield reader.line_num, row


def survey(text: TextIO, delimiter: str, columns: int, skipped: int, name: str, limits: Limits) -> Survey:
    """Count the rows of a table from its first line on, which is line `skipped` + 1 of the file.

    InputError, which names the line, if a row has more cells than there are columns.
    """
    rows = short = first_short = empty = 0
    width, open_end, last = columns, columns > 1, ""
    number = skipped
    lines = _lines(text, name, limits)
    for line in lines:
        if line.count(delimiter) == columns - 1 and _is_plain(line, delimiter):
            rows, number, empty, open_end, last = rows + 1, number + 1, 0, False, line
            continue
        count, row = _row(line, lines, delimiter, name, limits)
        begins, number = number + 1, number + count
        if row is None:
            continue
        rows += 1
        cells = len(row)
        if cells > columns:
            if any(map(str.strip, row[columns:])):
                raise _too_long(name, begins, cells, columns)
            width = max(width, cells)
        elif cells < columns:
            short += 1
            first_short = first_short or begins
        if not row[-1] or row[-1].isspace():
            empty = 0 if any(map(str.strip, row)) else empty + 1
        else:
            empty = 0
            open_end &= cells < columns
        last = last if empty else line
    return Survey(rows, width, short, first_short, empty, open_end, last)


def _is_plain(line: str, delimiter: str) -> bool:
    """Whether a line has no quotes and its last cell is not blank, as nearly all lines of nearly all files."""
    return '"' not in line and not (line[line.rfind(delimiter) + 1 :] or " ").isspace()


def _row(
    line: str, lines: Iterator[str], delimiter: str, name: str, limits: Limits
) -> tuple[int, list[str] | None]:
    """(number of lines, cells) of the row that begins with this line, None for a blank one; quotes may span lines."""
    if delimiter == BLANKS:
        return 1, WORD.findall(line) or None
    if '"' in line:
        reader = csv.reader(chain([line], lines), delimiter=delimiter, skipinitialspace=delimiter != " ")
        try:
            row = next(reader)
        except csv.Error as error:
            raise csv_error(error, name, limits) from error
        return reader.line_num, row
    bare = line.rstrip("\r\n")
    return 1, bare.split(delimiter) if (bare and not bare.isspace()) or delimiter in bare else None


def _lines(text: TextIO, name: str, limits: Limits) -> Iterator[str]:
    """The lines, none of which may be longer than MAX_LINE."""
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise limits.error(f"A line of {name}", "cell")
        yield line


def _too_long(name: str, line: int, cells: int, columns: int) -> InputError:
    return InputError(
        f"{name} has {cells:,} cells in line {line:,}, but {columns:,} in the lines before: correct the line or put"
        " text that contains the separator between quotes."
    )


def csv_error(error: csv.Error, name: str, limits: Limits) -> InputError:
    """The error of the module csv as a sentence."""
    if "field larger" in str(error):  # than the csv module's own limit, which is above ours
        return limits.error(f"A cell of {name}", "cell")
    return InputError(f"{name} is not a valid CSV table: save it again as CSV.")

"""How a CSV file is written: its separator, its decimal mark, and what its first lines are, from its beginning."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.readers.csv_header import is_gap, is_number
from dsc_core.data.readers.csv_text import (
    BLANKS,
    FALLBACK,
    ONE_COLUMN,
    choose_encoding,
    csv_error,
    read_beginning,
    split_lines,
)
from dsc_core.data.readers.csv_top import Lines, Row, column_names, common_width, read_top
from dsc_core.errors import InputError

HEAD_BYTES, HEAD_LINES = 1 << 20, 200  # of a file's beginning
DELIMITERS = (",", ";", "\t", "|", BLANKS, " ")  # the last one if a second blank stands for an empty cell
COMMENTS = ("#", "%")
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")
STOPS = (".", ",", "!", "?", ":")
UNLIKELY = 0.4  # times the score of a separator
EVEN_ROWS = 0.9  # of the rows of a table of texts, at least, have the commonest number of cells
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line
OTHERS = (  # (beginning, what it is) of files that are often named .csv or .txt
    (re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{])"), "JSON"),
    (re.compile(r"\s*<(!doctype|html|\?xml|svg)", re.IGNORECASE), "a web page or XML"),
    (re.compile(r"%%MatrixMarket", re.IGNORECASE), "a MatrixMarket file"),
    (re.compile(r"\S+( \d+:\S+)+\s*\n"), "a LIBSVM file"),
)


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    skipped: lines before the first row of data, the header among them. names: of the columns, distinct.
    """

    encoding: str
    delimiter: str
    decimal: str
    skipped: int
    names: tuple[str, ...]


def read_dialect(
    path: Path, limits: Limits, header: bool | None, trained: Iterable[str], notes: list[Note]
) -> Dialect:
    """How the file is written.

    header: whether the first row names the columns, None to find out. trained: the names of the columns that a run was
    trained on; a first row that has them all names the columns.
    """
    head = read_beginning(path, limits, HEAD_BYTES)
    if not head.strip():
        raise _empty(path.name)
    encoding = choose_encoding(head, path.name, cut=len(head) == HEAD_BYTES)
    lines = _first_lines(head, encoding, path.name, limits)
    skipped, delimiter, comments = _preamble(lines)
    lines = lines[skipped:]
    delimiter = delimiter or _guess_delimiter(lines)
    rows = _split(lines, delimiter, path.name, limits)
    if delimiter == "," and _is_decimal_column(rows):
        delimiter, rows = ONE_COLUMN, _split(lines, ONE_COLUMN, path.name, limits)
    if max(len(row) for _, row in rows) > limits.columns:
        raise limits.error(path.name, "columns")
    _check_plain_text(rows, delimiter, path.name)
    top = read_top(rows, header, set(trained), delimiter, comments, notes)
    if encoding == FALLBACK:
        notes.append(Note("not_utf8"))
    decimal = "," if delimiter != "," and _has_decimal_comma(top.rows) else "."
    if decimal == ",":
        notes.append(Note("decimal_comma"))
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        decimal=decimal,
        skipped=skipped + top.skipped,
        names=column_names(top, notes),
    )


def _first_lines(head: bytes, encoding: str, name: str, limits: Limits) -> Lines:
    """The first lines with their ends; InputError if they are known to be no table."""
    text = head.decode(encoding, "replace" if encoding == FALLBACK else "ignore")
    for beginning, what in OTHERS:
        if beginning.match(text):
            raise InputError(f"{name} is {what}, not a CSV table: save the table as CSV or Parquet.")
    lines = list(io.StringIO(text, newline=""))
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith(COMMENTS)), "")
    if first.lstrip().lower().startswith("@relation"):
        raise InputError(f"{name} is an ARFF file, not a CSV table: save the table as CSV or Parquet.")
    if len(head) == HEAD_BYTES:
        if len(lines) == 1:
            raise limits.error(name, "columns")
        lines = lines[:-1]  # which is cut
    return lines[:HEAD_LINES]


def _preamble(lines: Lines) -> tuple[int, str | None, Lines]:
    """(lines to skip, delimiter if the file names it, comments) of a line sep=; and of comments at the top."""
    skipped, delimiter, comments = 0, None, Lines()
    for line in lines:
        named = SEPARATOR.fullmatch(line.strip("\r\n")) if delimiter is None else None
        if named is not None:
            delimiter = named[1]
        elif line.lstrip().startswith(COMMENTS):
            comments.append(line.strip())
        elif line.strip():
            return skipped, delimiter, comments
        skipped += 1
    return (0, None, []) if delimiter is None or comments else (skipped, delimiter, [])


def _split(lines: Lines, delimiter: str, name: str, limits: Limits) -> list[tuple[int, Row]]:
    try:
        rows = list(split_lines(lines, delimiter))
    except csv.Error as error:
        raise csv_error(error, name, limits) from error
    if not rows:
        raise _empty(name)
    return rows


def _empty(name: str) -> InputError:
    return InputError(f"{name} is empty: choose a CSV table with one row per sample.")


def _check_plain_text(rows: list[tuple[int, Row]], delimiter: str, name: str) -> None:
    """Refuse sentences: words, and no numbers, with no separator, with one here and there, or with full stops."""
    cells = [cell.strip() for _, row in rows for cell in row if cell.strip()]
    width = common_width([row for _, row in rows])
    even = sum(len(row) == width for _, row in rows)
    if any(map(is_number, cells)):
        return
    if delimiter in (BLANKS, " "):
        is_text = any(cell.endswith(STOPS) for cell in cells)
    else:
        is_text = sum(len(cell.split()) for cell in cells) > 2 * len(cells)
        is_text &= width == 1 or even <= EVEN_ROWS * len(rows)
    if is_text:
        raise InputError(
            f"{name} is plain text, not a table: choose a table whose columns are separated by commas, semicolons,"
            " tabs or blanks."
        )


# The separator and the decimal mark -------------------------------------------------------------------------


def _guess_delimiter(lines: Lines) -> str:
    """The delimiter that gives most rows the same number of cells, and cells that are numbers."""
    best, delimiter = 0.0, ONE_COLUMN
    for candidate in DELIMITERS:
        try:
            rows = [row for _, row in split_lines(lines, candidate)]
        except csv.Error:
            continue
        score = _score(rows, candidate)
        if score > best + 1e-9:
            best, delimiter = score, candidate
    return delimiter


def _score(rows: list[Row], delimiter: str) -> float:
    """How well a delimiter fits: the share of rows of the commonest width, squared, times that of cells of numbers.

    A first row that has neither as many cells as the others nor one less (without the row names) speaks against it, and
    so do blanks between words.
    """
    if not rows:
        return 0
    width = common_width(rows)
    even = [row for row in rows if len(row) == width]
    if width < 2 or 2 * len(even) < len(rows):
        return 0
    cells = [cell for row in even for cell in row]
    numbers = sum(is_number(cell) or is_gap(cell) for cell in cells) / len(cells)
    against = 1 if len(rows[0]) == width or len(rows[0]) == width - 1 > 1 else UNLIKELY
    if delimiter in (BLANKS, " ") and numbers < 0.5:
        against *= UNLIKELY
    return (len(even) / len(rows)) ** 2 * (0.5 + numbers) * against


def _is_decimal_column(rows: list[tuple[int, Row]]) -> bool:
    """Whether the commas are those of one column of numbers like 1,5 below a name, and not of a column of row names."""
    first, *below = [row for _, row in rows]
    if (
        len(first) != 1
        or not below
        or not all(len(row) <= 2 and all(map(str.isdigit, row[1:])) for row in below)
    ):
        return False
    counted = [str(index + 1) for index in range(len(below))]
    return all(is_number(row[0]) for row in below) and [row[0] for row in below] != counted


def _has_decimal_comma(rows: list[Row]) -> bool:
    """Whether the numbers in these rows have decimal commas, such as 1,5; 1.234 and 1,234 tell nothing."""
    cells = [cell.strip() for row in rows for cell in row if is_number(cell)]
    commas = [cell for cell in cells if cell.rfind(",") > cell.rfind(".") and cell.count(",") == 1]
    points = [cell for cell in cells if cell.rfind(".") > cell.rfind(",")]
    clear = [sum(GROUPED.fullmatch(cell) is None for cell in marked) for marked in (commas, points)]
    return clear[0] > clear[1] or (clear[0] == clear[1] and len(commas) > len(points))

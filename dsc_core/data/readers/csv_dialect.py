"""How a CSV file is written: its separator, its decimal mark, and what its first lines are, from its beginning."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.readers.csv_header import HeaderGuess, guess_header, is_gap, is_number
from dsc_core.data.readers.csv_text import (
    BLANKS,
    FALLBACK,
    choose_encoding,
    csv_error,
    read_beginning,
    split_lines,
)
from dsc_core.errors import InputError

HEAD_BYTES, HEAD_LINES = 1 << 20, 200  # of a file's beginning
DELIMITERS = (",", ";", "\t", "|", BLANKS)
COMMENTS = ("#", "%")
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line
OTHERS = (  # (beginning, what it is) of files that are often named .csv or .txt
    (re.compile(r"\s*(\{\s*[\"}]|\[\s*[\[{])"), "JSON"),
    (re.compile(r"\s*<(!doctype|html|\?xml|svg)", re.IGNORECASE), "a web page or XML"),
    (re.compile(r"(\s*%.*\n|\s*\n)*\s*@relation\b", re.IGNORECASE), "an ARFF file"),
    (re.compile(r"%%MatrixMarket", re.IGNORECASE), "a MatrixMarket file"),
    (re.compile(r"\S+( \d+:\S+)+\s*\n"), "a LIBSVM file"),
)
UNNAMED = "Unnamed: {}"  # pandas' names of columns without a name
Lines = list[str]
Row = list[str]


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    skipped: lines before the first row of data, the header among them. names: of the columns, distinct. row_names:
    whether the first column has row names, as R writes them: without a name in the header.
    """

    encoding: str
    delimiter: str
    decimal: str
    skipped: int
    names: tuple[str, ...]
    row_names: bool


@dataclass(frozen=True)
class _Top:
    """What was found at the top of a file. rows: those of data after `skipped` lines. width: the number of columns."""

    skipped: int
    rows: list[Row]
    width: int
    header: Row | None
    row_names: bool


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
    if max(len(row) for _, row in rows) > limits.columns:
        raise limits.error(path.name, "columns")
    if delimiter == "":
        _check_plain_text(rows, path.name)
    top = _read_top(rows, header, set(trained), delimiter, comments, notes)
    if encoding == FALLBACK:
        notes.append(Note("not_utf8"))
    decimal = "," if delimiter != "," and _has_decimal_comma(top.rows) else "."
    if decimal == ",":
        notes.append(Note("decimal_comma"))
    return Dialect(
        encoding=encoding,
        delimiter=delimiter or ",",
        decimal=decimal,
        skipped=skipped + top.skipped,
        names=_names(top, notes),
        row_names=top.row_names,
    )


def _first_lines(head: bytes, encoding: str, name: str, limits: Limits) -> Lines:
    """The first lines with their ends; InputError if they are known to be no table."""
    text = head.decode(encoding, "replace" if encoding == FALLBACK else "ignore")
    for beginning, what in OTHERS:
        if beginning.match(text):
            raise InputError(f"{name} is {what}, not a CSV table: save the table as CSV or Parquet.")
    lines = list(io.StringIO(text, newline=""))
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
        rows = list(split_lines(lines, delimiter or ","))
    except csv.Error as error:
        raise csv_error(error, name, limits) from error
    if not rows:
        raise _empty(name)
    return rows


def _empty(name: str) -> InputError:
    return InputError(f"{name} is empty: choose a CSV table with one row per sample.")


def _check_plain_text(rows: list[tuple[int, Row]], name: str) -> None:
    """Refuse lines of words without a separator: they are sentences."""
    texts = [",".join(row) for _, row in rows]
    if sum(len(text.split()) > 2 for text in texts) > len(texts) / 2:
        raise InputError(
            f"{name} is plain text, not a table: choose a table whose columns are separated by commas, semicolons,"
            " tabs or blanks."
        )


# The separator and the decimal mark -------------------------------------------------------------------------


def _guess_delimiter(lines: Lines) -> str:
    """The delimiter that gives most rows the same number of cells, and cells that are numbers; "" for one column."""
    best, delimiter = 0.0, ""
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
    """How well a delimiter fits: the share of rows of the commonest width, squared, times that of cells of numbers."""
    if not rows:
        return 0
    width = _common_width(rows)
    even = [row for row in rows if len(row) == width]
    if width < 2 or 2 * len(even) < len(rows):
        return 0
    cells = [cell for row in even for cell in row]
    numbers = sum(is_number(cell) or is_gap(cell) for cell in cells) / len(cells)
    return (
        (len(even) / len(rows)) ** 2 * (0.5 + numbers) * (0.5 if delimiter == BLANKS and numbers < 0.5 else 1)
    )


def _common_width(rows: list[Row]) -> int:
    """The commonest number of cells below the first row; of several, that of the first row or the largest."""
    counts = Counter(len(row) for row in rows[1:] or rows)
    return max(counts, key=lambda width: (counts[width], width == len(rows[0]), width))


def _has_decimal_comma(rows: list[Row]) -> bool:
    """Whether most numbers with a comma or a point, such as 1,5, have a comma that is not for thousands."""
    cells = [cell.strip() for row in rows for cell in row if is_number(cell)]
    commas = [cell for cell in cells if "," in cell]
    points = sum("." in cell and "," not in cell for cell in cells)
    if len(commas) <= points:
        return False
    return (
        sum(cell.rfind(",") > cell.rfind(".") and cell.count(",") == 1 for cell in commas) > len(commas) / 2
    )


# The header -------------------------------------------------------------------------------------------------


def _read_top(
    rows: list[tuple[int, Row]],
    header: bool | None,
    trained: set[str],
    delimiter: str,
    comments: Lines,
    notes: list[Note],
) -> _Top:
    """The header, with notes on what was guessed and on lines above it that are no rows."""
    rows, titles, skipped = _without_titles(rows, delimiter)
    named = (
        [row for _, row in split_lines([comments[-1].lstrip("#% ")], delimiter or ",")] if comments else []
    )
    body = [row for _, row in rows]
    cells, row_names, width = body[0], _has_row_names(body), _common_width(body)
    if row_names:
        guess = HeaderGuess(True, True)
    elif header is not None:
        guess = HeaderGuess(header, True)
    elif trained and trained <= {cell.strip() for cell in cells} and not all(map(is_number, trained)):
        guess = HeaderGuess(True, True)
    else:
        guess = guess_header(body)
        if not guess.is_header and named and _fits(named[0], body):
            _tell_skipped(comments[:-1] + titles, notes)
            notes.append(Note("comment_header"))
            return _Top(skipped, body, width, named[0], False)
        if not guess.is_header:
            notes.append(Note("no_header"))
        elif not guess.clear and len(rows) > 1:
            notes.append(Note("header_guessed", about=", ".join(cells)[:100]))
    _tell_skipped(comments + titles, notes)
    if not guess.is_header:
        return _Top(skipped, body, width, None, False)
    return _Top(rows[0][0], body[1:], max(width, len(cells)), cells, row_names)


def _without_titles(rows: list[tuple[int, Row]], delimiter: str) -> tuple[list[tuple[int, Row]], Lines, int]:
    """(rows, titles, lines that these take): lines of words above the table, with fewer cells than it, are titles."""
    width = _common_width([row for _, row in rows])
    titles = Lines()
    while delimiter and len(rows) > len(titles) + 2 and _is_title(rows[len(titles) :], width):
        titles.append(" ".join(cell for cell in rows[len(titles)][1] if cell.strip()))
    skipped = rows[len(titles) - 1][0] if titles else 0
    return rows[len(titles) :], titles, skipped


def _is_title(rows: list[tuple[int, Row]], width: int) -> bool:
    """Whether the first of these rows is a title above the table: words in fewer cells than the table has columns."""
    row = rows[0][1]
    filled = [cell for cell in row if cell.strip()]
    if len(row) > width or all(map(is_number, filled)):
        return False
    if len(row) == width:
        return len(filled) == 1 < width - 1 and row[0] != ""
    return len(filled) < width - 1 or _names_below(
        rows[1:], width
    )  # one cell less: a header without the row names


def _names_below(rows: list[tuple[int, Row]], width: int) -> bool:
    """Whether the first of these rows names the columns, so that a line above it does not."""
    body = [row for _, row in rows]
    guess = guess_header(body)
    return len(body[0]) == width and guess.is_header and guess.clear


def _has_row_names(rows: list[Row]) -> bool:
    """Whether the header has one cell less than each row, as R writes it, and not because rows end with a separator."""
    width = len(rows[0]) + 1
    below = rows[1:]
    if not below or any(len(row) != width for row in below) or all(map(is_number, rows[0])):
        return False
    return any(row[-1].strip() for row in below) and len({row[0] for row in below}) == len(below)


def _fits(names: Row, rows: list[Row]) -> bool:
    """Whether a comment has as many words as the table has columns, and they are no numbers."""
    return len(names) == _common_width(rows) and not any(map(is_number, names))


def _tell_skipped(lines: Lines, notes: list[Note]) -> None:
    if lines:
        notes.append(Note("skipped_lines", count=len(lines), about=" / ".join(lines)[:100]))


def _names(top: _Top, notes: list[Note]) -> tuple[str, ...]:
    """The names of the columns as text, numbered from 1 without a header; repeated ones get .1, .2 and so on."""
    if top.header is None:
        return tuple(str(index + 1) for index in range(top.width))
    header = ["", *top.header] if top.row_names else [*top.header, *[""] * (top.width - len(top.header))]
    names = [cell.strip() or UNNAMED.format(index) for index, cell in enumerate(header)]
    taken, repeated = set(names), []
    for index, name in enumerate(names):
        if name in names[:index]:
            number = next(i for i in range(1, len(names) + 1) if f"{name}.{i}" not in taken)
            names[index] = f"{name}.{number}"
            taken.add(names[index])
            repeated.append(names[index])
    if repeated:
        notes.append(Note("repeated_names", about=", ".join(repeated)[:200]))
    return tuple(names)

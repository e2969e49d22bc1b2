"""CSV files: with or without a header; separated by comma, semicolon, tab or bar; UTF-8, UTF-16 or Latin-1."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.data.cells import is_number
from dsc_core.data.columns import check_cells, choose_roles
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_table import from_frame
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HEAD_BYTES, HEAD_LINES, HEAD_ROWS = (
    1 << 20,
    50,
    1000,
)  # of a file's beginning, for its dialect and its columns
DELIMITERS = (",", ";", "\t", "|")
MISSING = ("?", "")  # besides those that pandas knows (NA, NaN, null, …)
NOT_TEXT = (b"\x89PNG", b"PK\x03\x04", b"PAR1", b"%PDF")
SAVE_AGAIN = "save it again as CSV"


@dataclass(frozen=True)
class Dialect:
    """How a file is written. columns: their number."""

    encoding: str
    delimiter: str
    decimal: str
    has_header: bool
    columns: int

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `pandas.read_csv`, without the encoding."""
        return {
            "sep": self.delimiter,
            "decimal": self.decimal,
            "header": 0 if self.has_header else None,
            "na_values": list(MISSING),
            "low_memory": False,
            "index_col": False,
        }


def read_csv(path: Path, options: Options) -> Dataset:
    """A table or, with `options.image_shape`, images from a CSV file.

    Without `label_column`, a column named exactly "label" holds the labels; without `id_column`, one named "id" the
    ids. An empty string means none.
    """
    notes: list[Note] = []
    dialect = read_dialect(path, options.limits)
    if not dialect.has_header:
        notes.append(Note("no_header"))
    _check_size(path, dialect.columns, options.limits)
    return from_frame(_read_frame(path, dialect, options.limits), path.name, options, notes)


def read_head(path: Path, limits: Limits) -> pd.DataFrame:
    """The first rows of the table."""
    return _read_frame(path, read_dialect(path, limits), limits, rows=HEAD_ROWS)


def read_blocks(path: Path, options: Options, size: int) -> Iterator[pd.DataFrame]:
    """The table, `size` rows at a time. Columns that are text as a whole are text in every block."""
    import pandas as pd

    dialect = read_dialect(path, options.limits)
    encoding = dialect.encoding if _decodes(path, dialect.encoding) else "latin-1"
    head = read_head(path, options.limits)
    trained = ((options.like or {}).get("preprocessing") or {}).get("columns", [])
    texts = {column["name"] for column in trained if column["kind"] == "category"}
    roles = choose_roles(head, path.name, options, [])
    texts |= {name for name in roles if name and not is_number(head[name])}
    names = texts & set(head.columns)
    dtype = {name if dialect.has_header else int(name) - 1: str for name in names}
    try:
        blocks = pd.read_csv(path, encoding=encoding, chunksize=size, dtype=dtype, **dialect.arguments)
        for frame in blocks:
            yield _named(frame, dialect, path.name, options.limits)
    except InputError:
        raise
    except Exception as error:  # see _read_frame
        raise _damaged(path, error) from error


def _read_frame(path: Path, dialect: Dialect, limits: Limits, rows: int | None = None) -> pd.DataFrame:
    """The file as a frame; InputError if it is not a table."""
    import pandas as pd

    arguments = dialect.arguments | {"nrows": rows}
    try:
        try:
            frame = pd.read_csv(path, encoding=dialect.encoding, **arguments)
        except UnicodeDecodeError:
            frame = pd.read_csv(path, encoding="latin-1", **arguments)
    except Exception as error:  # the parser has its own errors, and MemoryError
        raise _damaged(path, error) from error
    return _named(frame, dialect, path.name, limits)


def _named(frame: pd.DataFrame, dialect: Dialect, name: str, limits: Limits) -> pd.DataFrame:
    """The frame with text for column names, which are numbers from 1 without a header."""
    frame.columns = [
        str(title) if dialect.has_header else str(index + 1) for index, title in enumerate(frame.columns)
    ]
    check_cells(frame, name, limits)
    return frame


def _decodes(path: Path, encoding: str) -> bool:
    """Whether the whole file is text of this encoding."""
    try:
        with open(path, encoding=encoding, newline="") as file:
            while file.read(HEAD_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _check_size(path: Path, columns: int, limits: Limits) -> None:
    """Refuse a table that would not fit into memory, by the number of its lines."""
    lines = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n") or block.count(b"\r")
    if lines * columns * 8 > limits.memory_mb * MEBI:
        raise limits.error(path.name, "memory_mb")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path.name} is not a valid CSV table{_line_of(error)}: {SAVE_AGAIN}.")


def _line_of(error: Exception) -> str:
    """The phrase " in line 7" if the parser's message names the line, else nothing."""
    words = str(error).replace(",", " ").split()
    for word, number in pairwise(words):
        if word in ("line", "row") and number.isdecimal():
            return f" in line {number}"
    return ""


# The dialect ------------------------------------------------------------------------------------------------


def read_dialect(path: Path, limits: Limits) -> Dialect:
    """How the file is written, from its beginning."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    encoding, text = _decode(head, path.name)
    lines = text.splitlines(keepends=True)[:HEAD_LINES]
    delimiter = _guess_delimiter(lines)
    first = _first_row(lines, delimiter, path.name, limits)
    one_line = "\n" not in text.replace("\r", "\n") and len(head) == HEAD_BYTES
    if len(first) > limits.columns or one_line:
        raise limits.error(path.name, "columns")
    decimal = "," if delimiter == ";" and _has_decimal_comma(lines) else "."
    return Dialect(encoding, delimiter, decimal, _is_header(first), len(first))


def _decode(head: bytes, name: str) -> tuple[str, str]:
    """(encoding, text) of a file's beginning; InputError if it is empty or not text."""
    if not head.strip():
        raise _empty(name)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", head.decode("utf-16", "replace")
    if b"\0" in head or head[:4] in NOT_TEXT:
        raise InputError(f"{name} is not text, so not a CSV table: rename it to the suffix of its format.")
    try:
        # the last bytes may be the beginning of a letter that was cut
        return "utf-8-sig", head[: len(head) - 4 if len(head) == HEAD_BYTES else None].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1", head.decode("latin-1")


def _guess_delimiter(lines: list[str]) -> str:
    """The delimiter for which most of the first lines have as many cells as the very first."""
    best, delimiter = 0, DELIMITERS[0]
    for candidate in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines[:20], delimiter=candidate) if row]
        except csv.Error:
            continue
        agree = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        if agree and agree * min(widths[0], 3) > best:
            best, delimiter = agree * min(widths[0], 3), candidate
    return delimiter


def _first_row(lines: list[str], delimiter: str, name: str, limits: Limits) -> list[str]:
    try:
        rows = [row for row in csv.reader(io.StringIO("".join(lines)), delimiter=delimiter) if row]
    except csv.Error as error:
        if "field larger" in str(error):  # than the csv module's own limit, which is above ours
            raise limits.error(f"A cell of {name}", "cell") from error
        raise InputError(f"{name} is not a valid CSV table: {SAVE_AGAIN}.") from error
    if not rows:
        raise _empty(name)
    return rows[0]


def _empty(name: str) -> InputError:
    return InputError(f"{name} is empty: choose a CSV table with one row per sample.")


def _is_header(row: list[str]) -> bool:
    """Whether a first row names columns: not all cells are numbers, or they count from 0 or 1."""
    counted = [str(i) for i in range(len(row))], [str(i + 1) for i in range(len(row))]
    return not all(map(_is_number, row)) or (len(row) > 2 and row in counted)


def _has_decimal_comma(lines: list[str]) -> bool:
    """Whether a table separated by semicolons writes 1,5 for one and a half."""
    cells = [cell.strip() for line in lines for cell in line.split(";")]
    numbers = [cell for cell in cells if _is_number(cell)]
    return sum("," in cell for cell in numbers) > sum("." in cell for cell in numbers)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True

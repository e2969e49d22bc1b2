"""CSV files and other tables in text, also packed by gzip or bzip2; what they may look like is in `csv_dialect.py`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dsc_core.data.columns import Roles, check_cells, choose_roles
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_table import from_frame
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.readers.csv_dialect import Dialect, read_dialect
from dsc_core.data.readers.csv_text import BLANKS, FALLBACK, Survey, check_size, open_text, survey
from dsc_core.data.readers.csv_top import UNNAMED
from dsc_core.data.readers.number_text import Spelling, find_spellings, in_plain_spelling, note_spellings
from dsc_core.data.text import listed
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HEAD_ROWS = 1000  # for the roles of the columns
MISSING = (  # in columns that are not labels or ids; more words count as missing among numbers, see `cells.GAPS`
    *("", "?", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None"),
    *("#N/A", "#N/A N/A", "#NA", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)

REMARK = re.compile(  # the beginning of a last line that is no sample
    r"[\s\"']*([#(]|((grand|sub)[ -]?)?totals?\b|(sum|count|average|avg|mean|summe|gesamt|mittelwert)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _File:
    """A CSV file and how it is read.

    width: the most cells of a row; those after the last column are empty. rows: None for all of them. texts: columns
    that are read as the text that stands there. categories: columns that training read as text. spellings: of numbers
    in columns of text.
    """

    path: Path
    dialect: Dialect
    limits: Limits
    width: int
    columns: tuple[str, ...]
    rows: int | None = None
    texts: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    spellings: dict[str, Spelling] = field(default_factory=dict)

    def parse(self, text: TextIO, **arguments: Any) -> Any:
        """A frame, or frames with `chunksize`, from the text after the header. arguments: of `pandas.read_csv`."""
        import pandas as pd

        extra = [f"\0{index}" for index in range(self.width - len(self.dialect.names))]
        kinds = dict.fromkeys(extra, "category") | dict.fromkeys(self.texts | self.categories, str)
        read = pd.read_csv(  # without usecols, for which the longest row must be among those that are read
            text,
            sep=r"\s+" if self.dialect.delimiter == BLANKS else self.dialect.delimiter,
            decimal=self.dialect.decimal,
            header=None,
            names=[*self.dialect.names, *extra],
            dtype={name: kind for name, kind in kinds.items() if name in (*self.columns, *extra)},
            keep_default_na=False,
            na_values=self._missing(),
            skipinitialspace=self.dialect.delimiter != " ",
            index_col=False,
            low_memory=False,
            **arguments,
        )
        columns = list(self.columns)
        return (frame[columns] for frame in read) if "chunksize" in arguments else read[columns]

    def _missing(self) -> Any:
        """The words for a missing value: only an empty cell in columns that are read as text."""
        if not self.texts:
            return list(MISSING)  # much faster than by column
        return {name: [""] if name in self.texts else list(MISSING) for name in self.columns}

    def with_late_spellings(self, frame: pd.DataFrame, roles: Roles, notes: list[Note]) -> _File:
        """The file with the spelling of columns whose first rows are plain numbers, 999, and later ones not, 1,000."""
        known = self.categories | {*self.spellings, *roles.untrained}
        late = find_spellings(frame, self.dialect.decimal, known)
        note_spellings(frame, late, notes)
        return replace(self, spellings=self.spellings | late) if late else self

    def finish(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A parsed frame with numbers in plain spelling, checked, and with its index named."""
        frame = in_plain_spelling(frame, self.spellings)
        if self.dialect.names[0] == UNNAMED.format(0):
            frame.attrs["index"] = (self.dialect.names[0],)
        check_cells(frame, self.path.name, self.limits)
        return frame


def read_csv(path: Path, options: Options) -> Dataset:
    """A table or, with `options.image_shape`, images from a CSV file; the roles of its columns as in `choose_roles`."""
    notes: list[Note] = []
    roles = choose_roles(read_head(path, options), path.name, options, notes)
    file = _open(path, options, roles, notes)
    with _text(file) as text:
        frame = file.parse(text, nrows=file.rows)
        frame = file.with_late_spellings(frame, roles, notes).finish(frame)
    return from_frame(frame, path.name, options, notes, roles=roles)


def read_head(path: Path, options: Options) -> pd.DataFrame:
    """The first rows of the table."""
    dialect = read_dialect(path, options.limits, options.header, _trained(options), [])
    try:
        return _read_head(_File(path, dialect, options.limits, len(dialect.names), dialect.names))
    except UnicodeDecodeError:
        dialect = replace(dialect, encoding=FALLBACK)
        return _read_head(_File(path, dialect, options.limits, len(dialect.names), dialect.names))


def _read_head(file: _File) -> pd.DataFrame:
    """The first rows, in which whole numbers with gaps keep their digits: they may be ids."""
    with _text(file) as text, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows with cells after the last column are looked at later
        frame = file.parse(text, nrows=HEAD_ROWS, on_bad_lines="skip")
    last = len(frame.columns) - 1
    if _is_made_up(file.dialect.names, last) and frame.iloc[:, last].isna().all():
        frame = frame.iloc[:, :last]
    gaps = [name for name in frame.columns if frame[name].dtype.kind == "f" and frame[name].isna().any()]
    if gaps:
        with _text(file) as text:
            written = replace(file, categories=frozenset(gaps)).parse(
                text, nrows=HEAD_ROWS, on_bad_lines="skip"
            )[gaps]
        for name in gaps:
            if written[name].dropna().str.fullmatch(r"[+-]?\d{1,18}|\d{19,}").all():
                frame[name] = written[name].astype("Int64") if _fit(written[name]) else written[name]
    return replace(file, spellings=find_spellings(frame, file.dialect.decimal)).finish(frame)


def _is_made_up(names: tuple[str, ...], index: int) -> bool:
    """Whether the name of a column does not stand in the file."""
    return index > 0 and names[index] in (UNNAMED.format(index), str(index + 1))


def _fit(texts: pd.Series) -> bool:
    """Whether whole numbers as text are all small enough for 64 bits."""
    return not len(texts.dropna()) or max(map(abs, map(int, texts.dropna()))) < 1 << 63


def read_blocks(
    path: Path, options: Options, size: int, roles: Roles, notes: list[Note]
) -> Iterator[pd.DataFrame]:
    """The table, `size` rows at a time. Columns that are text as a whole are text in every block.

    notes: is filled with what is said of the file before the first block is given.
    """
    file = _open(path, options, roles, notes)
    with _text(file) as text:
        for frame in file.parse(text, nrows=file.rows, chunksize=size):
            file = file.with_late_spellings(frame, roles, notes)
            yield file.finish(frame)


def _open(path: Path, options: Options, roles: Roles, notes: list[Note]) -> _File:
    """The file after every line was looked at, with notes on what is read otherwise than it stands."""
    limits = options.limits
    check_size(path, limits)
    dialect = read_dialect(path, limits, options.header, _trained(options), notes)
    try:
        found = _survey(path, dialect, limits)
    except UnicodeDecodeError:
        notes.append(Note("not_utf8"))
        dialect = replace(dialect, encoding=FALLBACK)
        found = _survey(path, dialect, limits)
    columns = len(dialect.names)
    size = found.rows * (columns * 8 + found.width - columns)
    if size > limits.memory_mb * MEBI and options.like is None:
        raise limits.error(path.name, "memory_mb")
    if found.short:
        notes.append(Note("short_rows", count=found.short, about=f"{found.first_short:,}"))
    if found.empty:
        notes.append(Note("empty_rows", count=found.empty))
    last = found.open_end and _is_made_up(dialect.names, columns - 1)
    names = dialect.names[:-1] if last else dialect.names
    nameless = [name for index, name in enumerate(names) if index and name == UNNAMED.format(index)]
    if nameless:
        notes.append(Note("nameless_columns", about=listed(nameless)))
    file = _File(
        path,
        dialect,
        limits,
        found.width,
        names,
        found.rows - found.empty if found.empty else None,
        texts=frozenset(roles.texts),
        categories=_trained_categories(options),
    )
    with _text(file) as text:
        head = file.parse(text, nrows=HEAD_ROWS)
    spellings = find_spellings(head, dialect.decimal, without=file.texts | file.categories)
    note_spellings(head, spellings, notes)
    if (
        REMARK.match(found.last)
        and not head.iloc[: found.rows - found.empty - 1, 0].astype(str).str.match(REMARK).any()
    ):
        notes.append(Note("last_line", about=" ".join(found.last.split())[:100]))
    return replace(file, spellings=spellings)


def _survey(path: Path, dialect: Dialect, limits: Limits) -> Survey:
    with open_text(path, dialect.encoding, limits, dialect.skipped) as text:
        return survey(text, dialect.delimiter, len(dialect.names), dialect.skipped, path.name, limits)


@contextmanager
def _text(file: _File) -> Iterator[TextIO]:
    """The text after the header; the parser's own errors are turned into an InputError."""
    path, dialect = file.path, file.dialect
    try:
        with open_text(path, dialect.encoding, file.limits, dialect.skipped) as text:
            yield text
    except (InputError, UnicodeDecodeError, OSError, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # the parser has its own errors
        raise InputError(
            f"{path.name} is not a valid CSV table{_line_of(error, dialect.skipped)}: save it again as CSV."
        ) from error


def _line_of(error: Exception, skipped: int) -> str:
    """The phrase " in line 7" if the parser's message names the line, which counts from the first row, else nothing."""
    words = str(error).replace(",", " ").split()
    for word, number in pairwise(words):
        if word in ("line", "row") and number.isdecimal():
            return f" in line {int(number) + skipped}"
    return ""


def _trained(options: Options) -> set[str]:
    """The names of the columns that a run was trained on, without those of a table without a header."""
    preprocessing = (options.like or {}).get("preprocessing") or {}
    if preprocessing.get("source") == "table":
        return {column["name"] for column in preprocessing["columns"]}
    return set(preprocessing.get("pixel_columns", []))


def _trained_categories(options: Options) -> frozenset[str]:
    """The names of the columns that training read as text."""
    columns = ((options.like or {}).get("preprocessing") or {}).get("columns", [])
    return frozenset(column["name"] for column in columns if column["kind"] == "category")

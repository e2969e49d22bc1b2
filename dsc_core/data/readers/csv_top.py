"""The first lines of a CSV file: titles and comments above the table, and the names of its columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count

from dsc_core.data.notes import Note
from dsc_core.data.readers.csv_header import HeaderGuess, guess_header, is_number, is_second_header
from dsc_core.data.readers.csv_text import ONE_COLUMN, split_lines

UNNAMED = "Unnamed: {}"  # pandas' names of columns without a name
Lines = list[str]
Row = list[str]


@dataclass(frozen=True)
class Top:
    """What was found at the top of a file. rows: those of data after `skipped` lines. width: the number of columns."""

    skipped: int
    rows: list[Row]
    width: int
    header: Row | None
    row_names: bool


def read_top(
    rows: list[tuple[int, Row]],
    header: bool | None,
    trained: set[str],
    delimiter: str,
    comments: Lines,
    notes: list[Note],
) -> Top:
    """The header, with notes on what was guessed and on lines above it that are no rows."""
    rows, titles, skipped = _without_titles(rows, delimiter)
    named = [row for _, row in split_lines([comments[-1].lstrip("#% ")], delimiter)] if comments else []
    body = [row for _, row in rows]
    body[0] = _without_open_end(body)
    cells, row_names, width = body[0], _has_row_names(body), common_width(body)
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
            return Top(skipped, body, width, named[0], False)
        if not guess.is_header:
            notes.append(Note("no_header"))
        elif not guess.clear and len(rows) > 1:
            notes.append(Note("header_guessed", about=", ".join(cells)[:100]))
    _tell_skipped(comments + titles, notes)
    if not guess.is_header:
        return Top(skipped, body, width, None, False)
    if is_second_header(body[1:]):
        notes.append(Note("second_header", about=", ".join(body[1])[:100]))
    return Top(rows[0][0], body[1:], max(width, len(cells)), cells, row_names)


def _without_titles(rows: list[tuple[int, Row]], delimiter: str) -> tuple[list[tuple[int, Row]], Lines, int]:
    """(rows, titles, lines that these take): lines of words above the table, with fewer cells than it, are titles."""
    width = common_width([row for _, row in rows])
    titles = Lines()
    while delimiter != ONE_COLUMN and len(rows) > len(titles) + 2 and _is_title(rows[len(titles) :], width):
        titles.append(" ".join(cell for cell in rows[len(titles)][1] if cell.strip()))
    skipped = rows[len(titles) - 1][0] if titles else 0
    return rows[len(titles) :], titles, skipped


def _is_title(rows: list[tuple[int, Row]], width: int) -> bool:
    """Whether the first of these rows is a title above the table: words in fewer cells than the table has columns."""
    row = rows[0][1]
    filled = [cell for cell in row if cell.strip()]
    if not filled:
        return True
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


def _without_open_end(rows: list[Row]) -> Row:
    """The first row without empty cells at its end that no row below has, as where only the header ends in a comma."""
    first, width = rows[0], max(map(len, rows[1:]), default=len(rows[0]))
    return first[:width] if not any(map(str.strip, first[width:])) else first


def _fits(names: Row, rows: list[Row]) -> bool:
    """Whether a comment has as many words as the table has columns, and they are no numbers."""
    return len(names) == common_width(rows) and not any(map(is_number, names))


def _tell_skipped(lines: Lines, notes: list[Note]) -> None:
    words = [line for line in lines if line]
    if words:
        notes.append(Note("skipped_lines", about=" / ".join(words)[:100]))


def column_names(top: Top, notes: list[Note]) -> tuple[str, ...]:
    """The names of the columns as text, numbered from 1 without a header; repeated ones get .1, .2 and so on."""
    if top.header is None:
        return tuple(str(index + 1) for index in range(top.width))
    header = ["", *top.header] if top.row_names else [*top.header, *[""] * (top.width - len(top.header))]
    names = [cell.strip() or UNNAMED.format(index) for index, cell in enumerate(header)]
    taken, seen, repeated = set(names), dict[str, int](), []
    for index, name in enumerate(names):
        if name in seen:
            number = next(i for i in count(seen[name] + 1) if f"{name}.{i}" not in taken)
            names[index] = f"{name}.{number}"
            taken.add(names[index])
            repeated.append(names[index])
        seen[name] = number if name in seen else 0
    if repeated:
        notes.append(Note("repeated_names", about=", ".join(repeated)[:200]))
    return tuple(names)


def common_width(rows: list[Row]) -> int:
    """The commonest number of cells below the first row; of several, that of the first row or the largest."""
    counts = Counter(len(row) for row in rows[1:] or rows)
    return max(counts, key=lambda width: (counts[width], width == len(rows[0]), width))

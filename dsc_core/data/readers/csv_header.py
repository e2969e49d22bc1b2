"""Whether the first line of a table names its columns: its cells are compared with those below, column by column.

- A word above numbers is a name; a number above numbers is data. '?', an empty cell and the other words for a missing
  value say nothing.
- Numbers above numbers are names if they count the columns or are evenly spaced (years, wavelengths), or only grow
  beside an empty corner, and the rows below do not.
- Above texts of one pattern, such as dates or "cell12", a cell of this pattern is data.
- Above categories, a cell that occurs again below is data, and one that does not is a name, with half the weight.

If nothing tells, as in a table of texts that are all different, a first line with any text names the columns.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from dsc_core.data.cells import GAPS, without_brackets

NUMBER = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|[+-]?\d{1,3}([.,' \N{NO-BREAK SPACE}]\d{3})+([.,]\d+)?"
)
SIGNS = re.compile(r"^[$€£¥]\s*|\s*[%$€£¥]$")
MOSTLY = 0.8  # of the cells of a column: from this share on, they decide what it holds
EVEN, COUNTED = 5, 3  # numbers that are evenly spaced, or one apart, from which on they may be names


@dataclass(frozen=True)
class HeaderGuess:
    """is_header: whether the first row names the columns. clear: whether every column says so that says anything."""

    is_header: bool
    clear: bool


def is_number(cell: str) -> bool:
    """Whether a cell is written like a number, with a point or a comma, a percent or a currency sign."""
    bare = without_brackets(cell.strip())
    return NUMBER.fullmatch(SIGNS.sub("", bare.lstrip("-") if bare != cell.strip() else bare)) is not None


def is_gap(cell: str) -> bool:
    """Whether a cell is empty or one of the usual words for a missing value."""
    return cell.strip().lower() in GAPS


def guess_header(rows: list[list[str]]) -> HeaderGuess:
    """Whether the first of these rows, of a file's beginning, names the columns."""
    first, below = rows[0], rows[1:]
    columns = [[row[index] for row in below if index < len(row)] for index in range(len(first))]
    votes = [_vote(cell, column) for cell, column in zip(first, columns, strict=True)]
    texts = [vote for cell, vote in zip(first, votes, strict=True) if not is_number(cell)]
    if min(texts, default=0) >= 0 and _are_names(first, below):
        votes = [abs(vote) if is_number(cell) else vote for cell, vote in zip(first, votes, strict=True)]
    total = sum(votes)
    if not any(votes):
        return HeaderGuess(any(not is_number(cell) and not is_gap(cell) for cell in first), False)
    strong = [vote for vote in votes if abs(vote) == 2]
    return HeaderGuess(total > 0, bool(strong) and all(vote * total > 0 for vote in votes if vote))


def _vote(cell: str, column: list[str]) -> int:
    """Above 0 if the cell is a name of the column, below 0 if it is one of its values, 0 if nothing tells."""
    filled = [value.strip() for value in column if not is_gap(value)]
    cell = cell.strip()
    if not filled or is_gap(cell):
        return 0
    if sum(map(is_number, filled)) >= MOSTLY * len(filled):
        return -2 if is_number(cell) else 2
    pattern, count = Counter(map(_pattern, filled)).most_common(1)[0]
    if "9" in pattern and count >= MOSTLY * len(filled) and len(filled) > 1:
        return -2 if _pattern(cell) == pattern else 2 * ("9" not in _pattern(cell))
    if cell in filled:
        return -1
    return 1 if len(set(filled)) <= len(filled) / 2 else 0


def is_second_header(rows: list[list[str]]) -> bool:
    """Whether the first of the rows below a header has words, units among them, wherever the others have numbers."""
    if len(rows) < 3:
        return False
    first, below = rows[0], rows[1:]
    words = 0
    for index, cell in enumerate(first):
        filled = [row[index] for row in below if index < len(row) and not is_gap(row[index])]
        if is_gap(cell) or not filled or sum(map(is_number, filled)) < MOSTLY * len(filled):
            continue
        if is_number(cell) or cell.strip() in map(str.strip, filled):
            return False
        words += 1
    return words > 0


def _pattern(cell: str) -> str:
    """A text with 9 for its digits and a for its letters: "9-9-9" of a date, "a9" of "cell12"."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))


def _are_names(first: list[str], below: list[list[str]]) -> bool:
    """Whether the numbers in the first row count the columns or are evenly spaced, and those below are not."""
    places = [index for index, cell in enumerate(first) if is_number(cell)]
    counted = [str(index) for index in range(len(first))]
    if first[0].strip() == "" and first[1:] in (counted[:-1], counted[1:]):  # a frame's index and its columns
        return [row[0].strip() for row in below] == [str(index) for index in range(len(below))]
    regular = _is_even
    if first[0] == "" and len(places) > COUNTED:  # the corner above an index
        regular = _grows
    return regular(first, places) and sum(regular(row, places) for row in below) <= len(below) / 2


def _grows(row: list[str], places: list[int]) -> bool:
    """Whether the cells at these places are numbers of which each is larger than the one before."""
    numbers = _numbers(row, places)
    return bool(numbers) and all(before < after for before, after in pairwise(numbers))


def _numbers(row: list[str], places: list[int]) -> list[float]:
    """The cells at these places as numbers, none if one is no number."""
    try:
        return [float(row[place].strip().replace(",", ".")) for place in places]
    except (ValueError, IndexError):
        return []


def _is_even(row: list[str], places: list[int]) -> bool:
    """Whether the cells at these places are evenly spaced numbers that grow."""
    numbers = _numbers(row, places)
    if len(numbers) < COUNTED:
        return False
    steps = [after - before for before, after in pairwise(numbers)]
    even = steps[0] > 0 and all(abs(step - steps[0]) <= 1e-6 * steps[0] for step in steps)
    counts = steps[0] == 1 and (numbers[0] in (0, 1) or numbers[0] in range(1500, 2200))  # or years
    return even and (counts or len(numbers) >= EVEN)

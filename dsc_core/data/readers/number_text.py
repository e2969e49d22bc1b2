"""Numbers that are written with thousands separators or another decimal mark than the file's, in columns of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dsc_core.data.cells import NUMBERS, is_number, without_brackets
from dsc_core.data.notes import Note
from dsc_core.data.readers.csv_header import is_gap
from dsc_core.data.text import listed

if TYPE_CHECKING:
    import pandas as pd

BLANK = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'\N{RIGHT SINGLE QUOTATION MARK}"

# Different cells of a long column that are looked at first; of which that many are numbers.
SOME, MOSTLY = 2000, 0.9


@dataclass(frozen=True)
class Spelling:
    """A way of writing numbers: `decimal` is its decimal mark, `thousands` the characters that separate groups."""

    decimal: str
    thousands: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """A number in this spelling, between signs."""
        point, group = re.escape(self.decimal), f"[{re.escape(self.thousands)}]"
        number = rf"[+-]?([1-9]\d{{0,2}}({group}\d{{3}})+|\d+)?({point}\d*)?([eE][+-]?\d+)?"
        return re.compile(rf"(-?[$€£¥]\s*)?(?=.*\d){number}(\s*[%$€£¥])?")

    def fits(self, text: str) -> bool:
        """Whether a text is a number in this spelling, or one in brackets."""
        return self.pattern.fullmatch(without_brackets(text)) is not None

    def plain(self, text: str) -> str:
        """A number without thousands separators and with a decimal point; one in brackets is negative."""
        text = without_brackets(text)
        return re.sub(f"(?<=\\d)[{re.escape(self.thousands)}](?=\\d)", "", text).replace(self.decimal, ".")

    def changes(self, text: str) -> bool:
        """Whether a text is a number that has another plain spelling."""
        return self.fits(text) and self.plain(text) != text


POINT = (Spelling(".", ","), Spelling(".", BLANK), Spelling(",", "."), Spelling(",", BLANK))
COMMA = (Spelling(",", "."), Spelling(",", BLANK), Spelling(".", ","), Spelling(".", BLANK))


def find_spellings(
    frame: pd.DataFrame, decimal: str, without: frozenset[str] = frozenset()
) -> dict[str, Spelling]:
    """The spelling of each column of text of which most cells are numbers, and some not in plain spelling.

    decimal: the decimal mark of the file, which decides where the cells do not: "1,234". without: columns that stay
    text.
    """
    candidates = POINT if decimal == "." else COMMA
    texts = [name for name in frame.columns if not is_number(frame[name]) and name not in without]
    found = {name: _spelling_of(frame[name], candidates) for name in texts}
    return {name: spelling for name, spelling in found.items() if spelling is not None}


def note_spellings(frame: pd.DataFrame, spellings: dict[str, Spelling], notes: list[Note]) -> None:
    """A note with an example of each spelling, and its columns."""
    for spelling in dict.fromkeys(spellings.values()):
        names = [name for name, other in spellings.items() if other == spelling]
        example = next(text for text in _texts(frame[names[0]]) if spelling.changes(text))
        about = f"{example[:30]} as {spelling.plain(example)[:30]} in {listed(names)}"
        notes.append(Note("spelled_numbers", about=about))


def _texts(series: pd.Series) -> list[str]:
    """The different cells of a column, without words for a missing value."""
    texts = [str(value).strip() for value in series.dropna().unique().tolist()]
    return [text for text in texts if not is_gap(text)]


def _spelling_of(series: pd.Series, candidates: tuple[Spelling, ...]) -> Spelling | None:
    """The first spelling that fits most cells; None if there is none or it is the plain one."""
    texts = _texts(series)
    some = texts[:: 1 + len(texts) // SOME]
    if sum(any(one.fits(text) for one in candidates) for text in some) < MOSTLY * len(some) or not texts:
        return None
    shares = [sum(map(one.fits, texts)) / len(texts) for one in candidates]
    best = candidates[shares.index(max(shares))]
    return best if max(shares) >= NUMBERS and any(map(best.changes, texts)) else None


def in_plain_spelling(frame: pd.DataFrame, spellings: dict[str, Spelling]) -> pd.DataFrame:
    """The frame with the numbers of these columns as text in plain spelling, other cells as they are."""
    for name in frame.columns:
        if name in spellings and not is_number(frame[name]):
            spelling = spellings[name]
            texts = [str(text) for text in frame[name].dropna().unique().tolist()]
            plain = {text: spelling.plain(text.strip()) for text in texts if spelling.fits(text.strip())}
            frame[name] = frame[name].map(lambda text, plain=plain: plain.get(text, text))
    return frame

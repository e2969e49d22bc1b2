"""What the name of a cluster or a sample may be."""

from __future__ import annotations

MAX_NAME = 80  # letters of a name
JOINERS = "\u200c\u200d"  # invisible; within names they join emoji, or part letters, as in Persian


def tidy(name: str) -> str:
    """A name with single spaces between its words, and nothing invisible around it."""
    return " ".join(name.split()).strip(" " + JOINERS)


def is_name(name: object) -> bool:
    """Whether a value is text that may stand for a name: at most MAX_NAME letters, on one line; "" is none."""
    return isinstance(name, str) and len(name) <= MAX_NAME and _visible(name)


def _visible(name: str) -> bool:
    letters = name.translate(dict.fromkeys(map(ord, JOINERS)))
    return letters.isprintable() and bool(letters) == bool(name)

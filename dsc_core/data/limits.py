"""Limits on what is read, since data from outside may be made to fill the memory.

Every limit has a safe default and an environment variable, `DSC_MAX_` and its name in capitals, which the error names.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields

from dsc_core.errors import InputError

MEBI = 1 << 20


def _limit(default: int, of: str, sentence: str) -> int:
    """A limit: `of` describes it in the documentation, `sentence` in an error, after "exceeds the"."""
    return field(default=default, metadata={"of": of, "sentence": sentence})


@dataclass(frozen=True)
class Limits:
    """The limits in force. `Limits.read()` takes the environment variables into account."""

    members: int = _limit(200_000, "files in an archive or a folder", "limit of {:,} files")
    unpacked_mb: int = _limit(4096, "MB unpacked", "{:,} MB limit when unpacked")
    ratio: int = _limit(250, "times the packed size", "limit of {:,} times its packed size")
    megapixels: int = _limit(50, "million pixels in an image", "limit of {:,} million pixels")
    memory_mb: int = _limit(4096, "MB of samples", "{:,} MB limit")
    columns: int = _limit(5000, "columns in a table", "limit of {:,} columns")
    categories: int = _limit(50, "categories in a column", "limit of {:,} categories")
    seconds: int = _limit(5, "seconds without a sign of progress", "limit of {:,} seconds without progress")
    work: int = _limit(
        60, "seconds of work on an archive, and 10 more for each MB of it", "limit of {:,} seconds of work"
    )
    cell: int = _limit(100_000, "characters in a cell", "limit of {:,} characters in a cell")

    @classmethod
    def read(cls) -> Limits:
        """The defaults, overridden by DSC_MAX_MEMBERS, DSC_MAX_UNPACKED_MB and so on."""
        values = {}
        for limit in fields(cls):
            text = os.environ.get(setting(limit.name), "").strip()
            if text:
                if not text.isdecimal() or int(text) < 1:
                    raise InputError(f"{setting(limit.name)} is {text!r}: set it to a whole number above 0.")
                values[limit.name] = int(text)
        return cls(**values)

    def describe(self, name: str) -> str:
        """The limit `name` in words: "4,096 MB limit"."""
        sentence = next(limit.metadata["sentence"] for limit in fields(self) if limit.name == name)
        return sentence.format(getattr(self, name))

    def error(self, subject: str, name: str) -> InputError:
        """The error for `subject`, such as "digits.zip", which exceeds the limit `name`."""
        return InputError(
            f"{subject} exceeds the {self.describe(name)}: use a smaller one, or raise the limit with the"
            f" environment variable {setting(name)}."
        )


def setting(name: str) -> str:
    """The environment variable of the limit `name`."""
    return f"DSC_MAX_{name.upper()}"

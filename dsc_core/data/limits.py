"""How much a reader takes in before it refuses: what comes from outside may be made to fill the memory.

Every limit has a safe default and a setting in the environment, `DSC_MAX_` and its name in capitals, which
the refusal names.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields

from dsc_core.errors import InputError

MEBI = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The limits in force. `Limits.read()` takes the environment's settings into account."""

    members: int = field(default=200_000, metadata={"of": "files in an archive or a folder"})
    unpacked_mb: int = field(default=4096, metadata={"of": "MB unpacked"})
    ratio: int = field(default=250, metadata={"of": "times the packed size"})
    megapixels: int = field(default=50, metadata={"of": "million pixels in an image"})
    memory_mb: int = field(default=4096, metadata={"of": "MB of samples"})
    columns: int = field(default=5000, metadata={"of": "columns in a table"})
    categories: int = field(default=50, metadata={"of": "categories in a column"})
    seconds: int = field(default=5, metadata={"of": "seconds without a sign of progress"})
    cell: int = field(default=100_000, metadata={"of": "characters in a cell"})

    @classmethod
    def read(cls) -> Limits:
        """The defaults, overridden by DSC_MAX_MEMBERS, DSC_MAX_UNPACKED_MB and so on."""
        found = {}
        for limit in fields(cls):
            text = os.environ.get(setting(limit.name), "").strip()
            if text:
                if not text.isdecimal() or int(text) < 1:
                    raise InputError(f"{setting(limit.name)} is {text!r}: set it to a whole number above 0.")
                found[limit.name] = int(text)
        return cls(**found)

    def refuse(self, what: str, name: str) -> InputError:
        """The error for `what`, such as "digits.zip", that goes beyond the limit `name`."""
        unit = next(limit.metadata["of"] for limit in fields(self) if limit.name == name)
        return InputError(
            f"{what} goes beyond {getattr(self, name):,} {unit}: take a smaller one, or raise the limit with"
            f" the environment's setting {setting(name)}."
        )


def setting(name: str) -> str:
    """The environment variable of the limit `name`."""
    return f"DSC_MAX_{name.upper()}"

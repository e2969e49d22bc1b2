"""Losses that must not be followed."""

from __future__ import annotations

from dsc_core.errors import RunError

EXPLODED = 1e4  # times the previous epoch's terms: no change of a setting and no odd sample does that
ADVICE = "try a smaller learning_rate or smaller weights."
NOT_FINITE, TOO_LARGE = "is NaN or infinite", "has exploded"


class Diverged(RunError):
    """The loss is NaN or infinite, or has exploded."""


def bad_loss(how: str) -> Diverged:
    """The error of a loss that `how`: NOT_FINITE or TOO_LARGE."""
    return Diverged(f"The loss {how}; {ADVICE}")

"""What the JSON files of a run may hold: each value by its type and range.

A folder may come from another machine, a backup or a broken disk. One wrong value must be one damaged run with a
sentence, and never an error in a page that shows all runs.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dsc_core.runs.failures import shortened

STATUSES = ("created", "queued", "running", "done", "stopped", "failed")
LATEST = 2.0**33  # epoch seconds, in the year 2242; what comes later no calendar here can show
LARGEST = 2**53  # of a number of samples
MAX_NAME = 80  # letters
SHOWN = 60  # characters of a wrong value in a sentence


class Kind(NamedTuple):
    """What a value must be: a check, and its words: "a time in seconds"."""

    fits: Callable[[Any], bool]
    words: str


def whole(value: Any, low: int = 0, high: int = LARGEST) -> bool:
    """Whether a value is a whole number within a range."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def text(value: Any, longest: int = 10_000) -> bool:
    """Whether a value is text of at most that length."""
    return isinstance(value, str) and len(value) <= longest and "\0" not in value


def list_of(fits: Callable[[Any], bool], *lengths: int) -> Callable[[Any], bool]:
    """A check of lists: that every item fits, and that their number is one of `lengths`, if there are any."""
    return lambda value: (
        isinstance(value, list) and (not lengths or len(value) in lengths) and all(map(fits, value))
    )


def dict_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A check of dicts: that every value fits."""
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def is_name(value: Any) -> bool:
    """Whether a value can be the name of a run: 1 to MAX_NAME letters on one line."""
    fits = text(value, MAX_NAME) and bool(value.strip())
    return fits and not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in value)


def _is_parent(value: Any) -> bool:
    known: dict[str, Callable[[Any], bool]] = dict.fromkeys(("run", "name", "checkpoint"), text)
    known |= dict.fromkeys(("epoch", "step"), whole)
    return isinstance(value, dict) and (
        all(fits(value[name]) for name, fits in known.items() if name in value)
        and (not value or {"run", "epoch"} <= value.keys())
        and dict_of(list_of(_setting, 2))(value.get("changes", {}))
    )


def _setting(value: Any) -> bool:
    return isinstance(value, bool) or number(value) or text(value)


def _is_column(value: Any) -> bool:
    """Whether a value describes a column of a table, as `preprocessing` holds it."""
    if not isinstance(value, dict) or not text(value.get("name")) or not text(value.get("kind")):
        return False
    numbers = all(number(value[name]) for name in ("mean", "scale") if name in value)
    return numbers and value.get("scale", 1) != 0 and isinstance(value.get("categories", []), list)


def _is_preprocessing(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("columns", []), list):
        return False
    return whole(value.get("width", 0)) and all(map(_is_column, value.get("columns", [])))


TIME = Kind(lambda value: number(value) and 0 <= value < LATEST, "a time in seconds since 1970")
TEXT = Kind(text, "text")
COUNT = Kind(whole, "a whole number")
NUMBER = Kind(number, "a number")

Kinds = Mapping[str, Kind]
RUN: Kinds = {
    "name": Kind(is_name, f"a name of 1 to {MAX_NAME} letters"),
    "status": Kind(lambda value: value in STATUSES, f"one of {', '.join(STATUSES)}"),
    "reason": TEXT,
    "pid": Kind(lambda value: whole(value, 0, 2**32), "the number of a process"),
    **dict.fromkeys(("created", "started", "ended", "heartbeat", "queued"), TIME),
    **dict.fromkeys(("device", "note", "process", "home"), TEXT),
    "starred": Kind(lambda value: value in (True, False), "true or false"),
    "parent": Kind(_is_parent, "the facts of another run"),
}
DATASET: Kinds = {
    "name": TEXT,
    "kind": Kind(lambda value: value in ("image", "table"), "image or table"),
    "shape": Kind(list_of(lambda value: whole(value, 1, 2**40), 1, 3), "a list of 1 or 3 whole numbers"),
    "dtype": TEXT,
    "scaling": Kind(list_of(number, 2), "a list of 2 numbers"),
    "samples": COUNT,
    "classes": COUNT,
    "notes": Kind(lambda value: isinstance(value, list), "a list"),
    "preprocessing": Kind(_is_preprocessing, "the facts of a preprocessing"),
    "key": Kind(lambda value: text(value) and bool(re.fullmatch("[0-9a-f]{32}|", value)), "a key"),
}
DATASET_NEEDS = ("kind", "shape", "samples")
SUMMARY: Kinds = {
    **dict.fromkeys(("run", "status", "device"), TEXT),
    **dict.fromkeys(("samples", "clusters", "clusters_found"), COUNT),
    **dict.fromkeys(("acc", "nmi", "ari", "silhouette_latent", "silhouette_spectral", "eigengap"), NUMBER),
    **dict.fromkeys(("seconds", "train_seconds", "paused_seconds", "images_per_second"), NUMBER),
}
_LOSS = Kind(
    dict_of(lambda value: value is None or isinstance(value, float) or number(value)), "numbers by name"
)
EVENT: Kinds = {
    "kind": Kind(
        lambda value: value in ("progress", "epoch", "evaluation", "note", "done"), "a kind of event"
    ),
    "stage": Kind(lambda value: value in ("autoencoder", "joint", "labels"), "a stage"),
    **dict.fromkeys(("epoch", "epochs", "step", "back_to"), COUNT),
    **dict.fromkeys(("losses", "scores"), _LOSS),
    **dict.fromkeys(("seconds", "images_per_second", "remaining", "paused"), NUMBER),
    "cluster_sizes": Kind(list_of(whole), "a list of whole numbers"),
    "message": TEXT,
    "level": Kind(lambda value: value in ("info", "warning"), "info or warning"),
    "changes": Kind(dict_of(list_of(_setting, 2)), "pairs of values by name"),
    "parts": Kind(dict_of(list_of(number, 2)), "pairs of numbers by name"),
    "seq": Kind(lambda value: whole(value, 1), "a whole number"),
}


def wrong(facts: Mapping[str, Any], kinds: Kinds, needs: tuple[str, ...] = ()) -> str:
    """What is wrong with the first value that does not fit, as a part of a sentence; "" if all fit.

    Values that are missing or null are fine, unless they are in `needs`; others than those in `kinds` are not checked.
    """
    for name in needs:
        if facts.get(name) is None:
            return f"{name} is missing"
    for name, kind in kinds.items():
        value = facts.get(name)
        if value is not None and not _fits(kind, value):
            return f"{name} is {_shown(value)}, not {kind.words}"
    return ""


def _fits(kind: Kind, value: Any) -> bool:
    try:
        return kind.fits(value)
    except (
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ):  # such as an unhashable value in a comparison
        return False


def _shown(value: Any) -> str:
    """A wrong value for a sentence, on one line and short."""
    if isinstance(value, dict | list):
        return f"a {'dictionary' if isinstance(value, dict) else 'list'} of {len(value):,}"
    if isinstance(value, float) and not math.isfinite(value):
        return "no finite number"
    shown = " ".join(repr(value).split()) if not whole(value, -LARGEST) else f"{value}"
    return shortened(shown, SHOWN)

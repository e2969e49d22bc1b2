"""What a person may ask of a run, and which of several requests counts. Imports no PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

# {"stop": True}, {"pause": True}, {"resume": True}, or new values of live settings by name.
Requests = dict[str, Any]
Control = Callable[[], Requests]
STANDING = ("pause", "stop")  # stay in force until they are carried out or withdrawn


def merge(earlier: Requests, later: Requests) -> Requests:
    """Two sets of requests as one: the later value of a setting, and of pause and resume the later one.

    Where one set asks for both, the run resumes. This is the only place that knows this order.
    """
    merged = earlier | later
    if later.get("resume"):
        merged.pop("pause", None)
    elif later.get("pause"):
        merged.pop("resume", None)
    return merged


def standing(requests: Iterable[Requests]) -> frozenset[str]:
    """Which of pause and stop are in force after these sets of requests, given in the order of arrival."""
    merged: Requests = reduce(merge, requests, {})
    return frozenset(name for name in STANDING if merged.get(name))

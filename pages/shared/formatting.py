"""Numbers, durations, sizes and user text as they appear on the pages."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]()<>#+-.!|~:$&"})


def plain(text) -> str:
    """`text` escaped for Markdown, so that a file name stays a name: no links, no HTML."""
    return " ".join(str(text).split()).translate(MARKDOWN)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 sample", "1,200 samples"."""
    return f"{number:,} {noun}{'s'[: number != 1]}"


def ago(timestamp: float | None, now: float | None = None) -> str:
    """How long ago a moment was: "12 min ago"."""
    if not timestamp:
        return ""
    seconds = max((now or time.time()) - timestamp, 0)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def moment(timestamp: float, zone: str | None = None) -> str:
    """A moment by the clock, which never changes as time goes on: "28 Nov 2026, 07:08". zone: such as "Europe/Rome"."""
    try:
        place = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        place = ZoneInfo("UTC")
    when = datetime.fromtimestamp(timestamp, place)
    return f"{when.day} {when:%b %Y, %H:%M}"


def duration(seconds: float | None) -> str:
    """A duration: "8 s", "3 min 05 s", "2 h 10 min"."""
    if seconds is None:
        return "–"
    seconds = round(max(seconds, 0))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def size(bytes: int) -> str:
    """A file size: "840 kB", "12.3 MB", "1.2 GB"."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if bytes >= length:
            return f"{bytes / length:.1f} {unit}"
    return f"{bytes / 1e3:.0f} kB"

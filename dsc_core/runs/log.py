"""The log.txt of a run."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from dsc_core.events import Event


def line(event: Event) -> str:
    """An event as a line of the log."""
    parts = [f"{event.stage} {event.kind}"]
    if event.epoch and event.kind in ("epoch", "evaluation"):
        parts[0] += f" {event.epoch}/{event.epochs}"
    numbers = event.losses if event.kind == "epoch" else event.scores
    parts += [f"{name} {value:.4g}" for name, value in numbers.items()]
    if event.cluster_sizes:
        parts.append(f"sizes {', '.join(map(str, event.cluster_sizes))}")
    if event.images_per_second:
        parts.append(f"{event.images_per_second:.0f} images/s")
    return "  ".join([*parts, event.message] if event.message else parts)


def log(folder: Path, text: str) -> None:
    """Append to the run's log.txt; errors are ignored."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError), open(folder / "log.txt", "a", encoding="utf-8") as file:
        file.write(f"{stamp}  {text.rstrip()}\n")

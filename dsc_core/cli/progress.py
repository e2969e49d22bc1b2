"""How the command line tells of a run: a line written anew on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from shutil import get_terminal_size

from dsc_core.events import Event

EVERY = 10.0  # seconds between two lines where nobody watches a terminal


class Progress:
    """Call it with events, or with a sentence; it writes to `stream` (standard error)."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.watched = self.stream.isatty()
        self.told = -EVERY
        self.open = False

    def __call__(self, event: Event | str) -> None:
        """Tell of an event or a sentence."""
        if isinstance(event, str):
            self.say(event)
        elif event.kind == "progress":
            self.update(describe(event))
        elif event.kind in ("note", "evaluation"):
            self.say(describe(event))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        self.close(erase=True)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.close(erase=True)
        print(text, file=self.stream, flush=True)

    def update(self, text: str) -> None:
        """A line that the next one replaces; on no terminal, one every ten seconds."""
        if self.watched:
            width = get_terminal_size().columns - 1
            print(f"\r\x1b[K{text[:width]}", end="", file=self.stream, flush=True)
            self.open = True
        elif time.monotonic() - self.told >= EVERY:
            print(text, file=self.stream, flush=True)
            self.told = time.monotonic()

    def close(self, erase: bool = False) -> None:
        """End the line that is being written anew."""
        if self.open:
            print("\r\x1b[K" if erase else "", end="" if erase else "\n", file=self.stream, flush=True)
        self.open = False


def describe(event: Event) -> str:
    """An event on one line: "joint  epoch 7/9  total 1.23  8,400 images/s  45 s left"."""
    parts = [event.stage]
    if event.epoch and not (event.kind == "note" or event.message):
        parts.append(f"epoch {event.epoch}/{event.epochs}")
    if "total" in event.losses:
        parts.append(f"loss {event.losses['total']:.4g}")
    parts += [f"{name.upper()} {value:.3f}" for name, value in event.scores.items()]
    if event.images_per_second:
        parts.append(f"{event.images_per_second:,.0f} images/s")
    if event.remaining is not None and event.kind == "progress":
        parts.append(f"{duration(event.remaining)} left")
    return "  ".join([*parts, event.message] if event.message else parts)


def duration(seconds: float) -> str:
    """A length of time in words: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def stop_on_interrupt(tell):
    """An event that is set by Ctrl-C or SIGTERM while the block runs; a second Ctrl-C breaks it off."""
    import signal

    asked = threading.Event()

    def handler(number, frame) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
        tell("Stopping after the present step, with results from what is there. Ctrl-C again breaks off.")

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)

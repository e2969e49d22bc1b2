"""Progress of a run on standard error: one line that is redrawn on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from types import FrameType
from typing import TextIO

from dsc_core.events import Event

INTERVAL = 10.0  # seconds between two lines where the output is not a terminal
STOPPING = (
    "Stopping after the current step, with results from the training so far. Press Ctrl-C again to abort."
)
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Prints events and sentences to `stream`, standard error by default."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.on_terminal = self.stream.isatty()
        self.last_line = -INTERVAL
        self.line_open = False

    def __call__(self, event: Event | str) -> None:
        """Print an event or a sentence."""
        if isinstance(event, str):
            self.say(event)
        elif event.kind == "progress":
            self.update(describe(event))
        elif event.kind in ("note", "evaluation"):
            self.say(describe(event))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(erase=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.close(erase=True)
        print(text, file=self.stream, flush=True)

    def update(self, text: str) -> None:
        """Print a line that the next one replaces; elsewhere than on a terminal, one every ten seconds."""
        if self.on_terminal:
            width = get_terminal_size().columns - 1
            print(f"{CLEAR_LINE}{text[:width]}", end="", file=self.stream, flush=True)
            self.line_open = True
        elif time.monotonic() - self.last_line >= INTERVAL:
            print(text, file=self.stream, flush=True)
            self.last_line = time.monotonic()

    def close(self, erase: bool = False) -> None:
        """End, or erase, the line that is redrawn."""
        if self.line_open:
            print(CLEAR_LINE if erase else "", end="" if erase else "\n", file=self.stream, flush=True)
        self.line_open = False


def describe(event: Event) -> str:
    """An event on one line: "joint  epoch 7/9  loss 1.23  8,400 images/s  45 s left"."""
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
    """A number of seconds as text: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def stop_on_interrupt(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets while the block runs; a second Ctrl-C raises KeyboardInterrupt."""
    requested = threading.Event()

    def handler(number: int, _: FrameType | None) -> None:
        if requested.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        requested.set()
        say(STOPPING)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, old in before.items():
            signal.signal(number, old)

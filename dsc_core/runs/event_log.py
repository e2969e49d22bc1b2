"""The events of runs: in the index, where pages read them, and in each folder's events.jsonl, which is the truth."""

from __future__ import annotations

from pathlib import Path

from dsc_core.events import Event
from dsc_core.runs.folder import append_line, cut_events, event_line, read_events
from dsc_core.runs.index import Damaged, Index

FILE = "events.jsonl"
TOGETHER = 100_000  # events that are read together: SQLite joins at most a gigabyte of text


class EventLog:
    """The events of the runs whose folders lie in `folder`."""

    def __init__(self, index: Index, folder: Path):
        self.index, self.folder = index, folder

    def append(self, run_id: str, event: Event) -> int:
        """Add an event. → its number, counted from 1."""
        text = event.to_json()
        try:
            return self._append(run_id, text)
        except Damaged:
            return self._append(run_id, text)  # into the index that was mended

    def _append(self, run_id: str, text: str) -> int:
        with self.index.transaction():
            seq = self.index.add_event(run_id, text)
            # Last and inside the transaction: the lines are in the order of their numbers, and if the line cannot
            # be written, the row is rolled back.
            append_line(self.folder / run_id / FILE, event_line(seq, text))
        return seq

    def read(self, run_id: str, after: int = 0) -> list[tuple[int, Event]]:
        """(number, event) of the events with a number above `after`, in order."""
        return [(seq, Event.from_json(text)) for seq, text in self.index.events(run_id, after)]

    def texts(self, run_id: str, after: int = 0) -> tuple[int, list[str]]:
        """(number of the last one, JSON of each) of the events with a number above `after`, in order.

        For `event_columns.read_columns`: with a pair for each of 50,000 events, Python would be busy with the pairs.
        """
        texts: list[str] = []
        while True:
            count, last, joined = self.index.joined_events(run_id, after, TOGETHER)
            if not count or last is None:
                return after, texts
            texts += joined.split("\n")
            after = last

    def last_number(self, run_id: str) -> int:
        """The number of the newest event of a run, 0 without events."""
        return self.index.last_number(run_id)

    def last(self, run_id: str) -> Event | None:
        """The newest event of a run."""
        text = self.index.last_event(run_id)
        return Event.from_json(text) if text else None

    def lines(self, run_id: str, until: int) -> list[str]:
        """The lines of events.jsonl up to and including the number `until`."""
        return [event_line(seq, text) for seq, text in self.index.events(run_id, until=until)]

    def read_missing(self, run_id: str) -> None:
        """Add to the index what the file holds beyond it: a process killed between the two leaves a line."""
        self.index.add_missing_events(run_id, read_events(self.folder / run_id / FILE))

    def move_aside(self, run_id: str, after: int) -> list[Event]:
        """Move the events above `after` out of the index and into events-N.jsonl. → those events."""
        self.read_missing(run_id)
        moved = [event for _, event in self.read(run_id, after)]
        cut_events(self.folder / run_id, after)
        self.index.delete_events(run_id, after)
        return moved

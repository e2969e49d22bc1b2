"""The events of a run as a table, for spreadsheets and notebooks: one row per event, one column per number."""

from __future__ import annotations

import io
import json

import pandas as pd

from dsc_core.events import Event
from dsc_core.runs.artifacts.csv_table import csv_bytes

PLAIN = ("kind", "stage", "epoch", "step", "seconds", "images_per_second")


def events_frame(events: list[tuple[int, Event]]) -> pd.DataFrame:
    """Columns: seq, PLAIN, one per loss term, one per score, changes as JSON ({setting: [old, new]}), message.

    events: as `Store.events` gives them, (number, event). Values that an event does not have are missing.
    """
    rows = [event for _, event in events]
    frame = pd.DataFrame({"seq": pd.Series([seq for seq, _ in events], dtype="int64")})
    for name in PLAIN:
        frame[name] = pd.Series(
            [getattr(event, name) for event in rows], dtype=type(getattr(Event("", ""), name))
        )
    frame["images_per_second"] = frame["images_per_second"].replace(0.0, float("nan"))
    for field in ("losses", "scores"):
        for name in names_of(rows, field):
            frame[name] = pd.to_numeric(
                pd.Series([getattr(event, field).get(name) for event in rows]), errors="coerce"
            )
    frame["changes"] = [json.dumps(event.changes) if event.changes else "" for event in rows]
    frame["message"] = [event.message for event in rows]
    return frame


def names_of(events: list[Event], field: str) -> list[str]:
    """The names in the dicts `field` of all events, in order of first appearance."""
    return list(dict.fromkeys(name for event in events for name in getattr(event, field)))


def events_csv(events: list[tuple[int, Event]]) -> bytes:
    """The table as CSV in UTF-8, without cells that a spreadsheet would run as a formula."""
    return csv_bytes(events_frame(events), digits=7)


def events_parquet(events: list[tuple[int, Event]]) -> bytes:
    """The table as a Parquet file."""
    content = io.BytesIO()
    events_frame(events).to_parquet(content, index=False)
    return content.getvalue()

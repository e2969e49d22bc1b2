"""The events of a run as curves, scores, notes and changes; each read takes in only the new ones."""

from __future__ import annotations

import copy
import re
import threading
from contextlib import suppress

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.events import Event
from dsc_core.knobs import plain_number
from dsc_core.plots import palette
from dsc_core.plots.curves import extremes
from dsc_core.runs import event_log
from dsc_core.runs.event_columns import CURVED, read_columns
from pages.shared import knobs, state

MANY = 400  # events that are read as columns rather than one by one
MOST_ROWS = 200_000  # of the curves, as a run of days has them; of more, those that a curve shows are kept
KEPT_ROWS = 20_000  # about as many, for each term
MERGE_WITHIN = 0.04  # of a curve's width; marks closer than this become one, or their texts would overlap
CHANGE_COLOUR = palette.PALETTE[1]  # of the marks of changes

Changes = dict[str, tuple[float, float]]  # setting -> (old value, new value)


class History:
    """Curves, scores, notes, changes and the newest event of a run; `read` takes in the new events.

    curves: {term: (n,) float64, NaN where it was not computed} and "step", (n,); empty without events. key: tells the
    run from another attempt, and from one that took its place.
    """

    def __init__(self, run, key: tuple = ()):
        self.run, self.run_id, self.key, self.last_read = run, run.id, key, 0
        self.curves: dict[str, np.ndarray] = {}
        self.scores: list[dict] = []
        self.notes: list[tuple[str, str]] = []  # (level, message)
        self.stages: dict[str, int] = {}  # stage -> the step at which it began
        self.latest = self.sizes = None
        self.over = False  # whether the newest event is the last one of an attempt
        self.speed, self.activity = 0.0, ""  # samples per second; what the run reports to be doing
        self.seconds, self.paused = 0.0, 0.0  # of training without its pauses; of the pauses
        self.changes: list[tuple[int, str, float, float]] = []  # step, setting, old value, new value
        self.now = run.config.to_dict()  # the settings after all changes

    def read(self) -> History:
        """Take in the events that were stored since the last read."""
        start = self.last_read
        last, texts = state.store().event_log.texts(self.run_id, after=start)
        if start and not texts and state.store().event_log.last_number(self.run_id) < start:
            # Another run took its place, in a file that the system gave the same identity.
            self.__init__(self.run, self.key)
            return self.read()
        columns = read_columns(texts) if len(texts) > MANY else None
        alone = texts if columns is None else [texts[position] for position in columns.others]
        events = [Event.from_json(text) for text in alone]
        if any(event.back_to is not None and event.back_to < start for event in events):
            # The run resumed from a checkpoint: events after the checkpoint are no longer in the store.
            self.__init__(self.run, self.key)
            return self.read()
        if columns is not None:
            self._add_points(columns.steps, columns.losses)
            self.stages = columns.stages | self.stages
        for event in events:
            self._add(event)
        if columns is None:
            self._add_losses([event for event in events if event.kind in CURVED and event.losses])
        self.last_read = last
        return self

    def _add_losses(self, events: list[Event]) -> None:
        """Take in the losses of single events; of two at one step, the first one's."""
        known = self.curves["step"][-1:].tolist() if self.curves else []
        single = []
        for event in events:
            if event.step not in known:
                self.stages.setdefault(event.stage, event.step)
                single.append(event)
            known = [event.step]
        if single:
            names = dict.fromkeys(name for event in single for name in event.losses)
            losses = {
                name: np.array([event.losses.get(name, np.nan) for event in single], float) for name in names
            }
            self._add_points(np.array([event.step for event in single]), losses)

    def _add_points(self, steps: np.ndarray, losses: dict[str, np.ndarray]) -> None:
        """Put points at the end of the curves. The arrays are new ones: another page may be drawing the old."""
        points = {**losses, "step": steps}
        before, count = len(self.curves.get("step", ())), len(steps)
        missing = np.full(before, np.nan), np.full(count, np.nan)
        names = dict.fromkeys([*self.curves, *points])
        self.curves = {
            name: np.concatenate([self.curves.get(name, missing[0]), points.get(name, missing[1])])
            for name in names
        }
        if before + count > MOST_ROWS:
            rows = np.unique(np.concatenate([extremes(values, KEPT_ROWS) for values in self.curves.values()]))
            self.curves = {name: values[rows] for name, values in self.curves.items()}

    def _add(self, event) -> None:
        """Take in all of an event but its losses."""
        self.over = event.kind == "done"
        self.seconds, self.paused = event.seconds or self.seconds, event.paused or self.paused
        if event.kind in CURVED:
            self.latest = event
            self.speed, self.activity = event.images_per_second or self.speed, event.message
        if event.kind == "note" and event.message:
            self.notes.append((event.level, _with_titles(event)))
        for name, (old, new) in event.changes.items():
            if name in KNOBS:
                self.changes.append((event.step, name, old, new))
                self.now[name] = new
        if event.cluster_sizes:
            self.sizes = event.cluster_sizes
        if event.scores:
            self.scores.append({**event.scores, "epoch": event.epoch})

    def copy(self) -> History:
        """One that is read on by itself. Arrays are shared: they are replaced, and never changed."""
        own = copy.copy(self)
        for name in ("scores", "notes", "stages", "changes", "now"):
            setattr(own, name, copy.copy(getattr(self, name)))
        return own

    def marks(self) -> list[tuple[int, str, str | None]]:
        """(step, text, colour) of the vertical lines on the curves: the start of stage 2, and every change.

        Dragging a slider makes many changes: those that lie close together are one mark, from the first old value
        to the last new one.
        """
        stages = [(step, "joint", None) for stage, step in self.stages.items() if stage == "joint"]
        width = MERGE_WITHIN * float(self.curves["step"][-1]) if self.curves else 0.0
        merged = merge_changes(self.changes, width)
        return stages + [(step, describe_changes(changes), CHANGE_COLOUR) for step, changes in merged]


def merge_changes(changes: list[tuple[int, str, float, float]], width: float) -> list[tuple[int, Changes]]:
    """(step, changes) with all changes within `width` steps of a group's first change merged into the group."""
    groups: list[tuple[int, Changes]] = []
    for step, name, old, new in changes:
        if not groups or step - groups[-1][0] > width:
            groups.append((step, {}))
        group = groups[-1][1]
        group[name] = (group.get(name, (old,))[0], new)
    effective = [
        (step, {n: pair for n, pair in group.items() if pair[0] != pair[1]}) for step, group in groups
    ]
    return [(step, group) for step, group in effective if group]


def describe_changes(changes: Changes) -> str:
    """Changes as the text of a mark: "s 0.5 → 0.8, δ 1 → 2"."""
    parts = [
        f"{knobs.short_title(KNOBS[name])} {plain_number(old)} → {plain_number(new)}"
        for name, (old, new) in changes.items()
    ]
    return ", ".join(parts[:2]) + (f" and {len(parts) - 2} more" if len(parts) > 2 else "")


def _with_titles(event) -> str:
    """The message of a note; where an earlier version wrote the names of settings, with their titles."""
    text = event.message
    for name in event.changes:
        if name in KNOBS:
            text = re.sub(rf"\b{name}\b(?= \S+ →)", KNOBS[name].title, text)
    return text


def history(run, slot: str = "history") -> History:
    """The session's History of a run, up to date; a run that was started again, or replaced, gets a new one.

    slot: the key in the session, one for each run that a page draws.
    """
    key, cached = (run.id, run.started, _identity(run)), st.session_state.get(slot)
    if cached is None or cached.key != key:
        cached = st.session_state[slot] = _opened(key, run)
    return cached.read()


def _identity(run) -> tuple[int, int]:
    """What tells the run's file of events from one that took its place."""
    with suppress(OSError):
        status = (run.folder / event_log.FILE).stat()
        return status.st_dev, status.st_ino
    return 0, 0


def _opened(key: tuple, run) -> History:
    """A History of the run for one session. Its events are read once for all sessions of the server."""
    shared, lock = _shared(key, run)
    with lock:
        return shared.read().copy()


@st.cache_resource(show_spinner=False, max_entries=8)
def _shared(key: tuple, _run) -> tuple[History, threading.Lock]:
    return History(_run, key), threading.Lock()

"""The events of a run as curves, scores, notes and changes; each read takes in only the new ones."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.plots import palette
from dsc_core.plots.curves import CURVE_LIMIT, thin
from pages.shared import knobs, state

MAX_ROWS = 2 * CURVE_LIMIT  # of the curves; above it, neighbours are averaged to half as many
MERGE_WITHIN = 0.04  # of a curve's width; marks closer than this become one, or their texts would overlap
CHANGE_COLOUR = palette.PALETTE[1]  # of the marks of changes

Changes = dict[str, tuple[float, float]]  # setting -> (old value, new value)


class History:
    """Curves, scores, notes, changes and the newest event of a run; `read` takes in the new events."""

    def __init__(self, run):
        self.run, self.run_id, self.started, self.last_read = run, run.id, run.started, 0
        self.curves, self.scores = pd.DataFrame(), []
        self.notes: list[tuple[str, str]] = []  # (level, message)
        self.stages: dict[str, int] = {}  # stage -> the step at which it began
        self.latest = self.sizes = None
        self.speed, self.activity = 0.0, ""  # samples per second; what the run reports to be doing
        self.seconds, self.paused = 0.0, 0.0  # of training without its pauses; of the pauses
        self.changes: list[tuple[int, str, float, float]] = []  # step, setting, old value, new value
        self.now = run.config.to_dict()  # the settings after all changes

    def read(self) -> History:
        """Take in the events that were stored since the last read."""
        rows, start = [], self.last_read
        for number, event in state.store().events(self.run_id, after=start):
            if event.back_to is not None and event.back_to < start:
                # The run resumed from a checkpoint: events after the checkpoint are no longer in the store.
                self.__init__(self.run)
                return self.read()
            self.last_read = max(self.last_read, number)
            self._add(event, rows)
        if rows:
            self.curves = pd.concat([self.curves, pd.DataFrame(rows)], ignore_index=True)
        if len(self.curves) > MAX_ROWS:
            self.curves = thin(self.curves, MAX_ROWS // 2)
        return self

    def _add(self, event, rows: list[dict]) -> None:
        self.seconds, self.paused = event.seconds or self.seconds, event.paused or self.paused
        if event.kind in ("progress", "epoch"):
            self.latest = event
            self.speed, self.activity = event.images_per_second or self.speed, event.message
            if event.losses and event.step not in [row["step"] for row in rows[-1:]]:
                self.stages.setdefault(event.stage, event.step)
                rows.append({**event.losses, "step": event.step})
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

    def marks(self) -> list[tuple[int, str, str | None]]:
        """(step, text, colour) of the vertical lines on the curves: the start of stage 2, and every change.

        Dragging a slider makes many changes: those that lie close together are one mark, from the first old value
        to the last new one.
        """
        stages = [(step, "joint", None) for stage, step in self.stages.items() if stage == "joint"]
        width = MERGE_WITHIN * float(self.curves["step"].iloc[-1]) if len(self.curves) else 0.0
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
    parts = [f"{knobs.short_title(KNOBS[name])} {old:g} → {new:g}" for name, (old, new) in changes.items()]
    return ", ".join(parts[:2]) + (f" and {len(parts) - 2} more" if len(parts) > 2 else "")


def _with_titles(event) -> str:
    """The message of a note; where an earlier version wrote the names of settings, with their titles."""
    text = event.message
    for name in event.changes:
        if name in KNOBS:
            text = re.sub(rf"\b{name}\b(?= \S+ →)", KNOBS[name].title, text)
    return text


def history(run, slot: str = "history") -> History:
    """The session's History of a run, up to date; a run that was started again gets a new one.

    slot: the key in the session, one for each run that a page draws.
    """
    cached = st.session_state.get(slot)
    if cached is None or (cached.run_id, cached.started) != (run.id, run.started):
        cached = st.session_state[slot] = History(run)
    return cached.read()

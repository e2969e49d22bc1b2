"""The events of one run as the Train page needs them, read on from where the last look ended."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.plots import interactive
from pages.shared import state

KEEP = 2 * interactive.CURVE_LIMIT  # rows of the curves; beyond it neighbours are averaged to half as many
APART = 0.04  # of a curve's width; marks nearer to one another become one, or their texts would overlap
CHANGED = interactive.PALETTE[1]  # colour of the marks of changes


class History:
    """Curves, scores, notes, changes and the newest event of a run. `read` takes in what is new."""

    def __init__(self, run):
        self.run, self.run_id, self.started, self.seen = run, run.id, run.started, 0
        self.curves, self.scores = pd.DataFrame(), []
        self.notes: list[tuple[str, str]] = []
        self.stages: dict[str, int] = {}  # stage -> step at which it began
        self.latest = self.sizes = None
        self.speed, self.doing = 0.0, ""  # images a second; what is done now, where an event says so
        self.changes: list[tuple[int, str, float, float]] = []  # step, setting, old value, new value
        self.now = run.config.to_dict()  # the settings as they are after the changes

    def read(self) -> History:
        """Take in the events that the store holds beyond the ones seen."""
        rows, before = [], self.seen
        for number, event in state.store().events(self.run_id, after=self.seen):
            if event.back_to is not None and event.back_to < before:
                # A resumed run went on from a checkpoint: what came after it is no longer in the store.
                self.__init__(self.run)
                return self.read()
            self.seen = max(self.seen, number)
            self._take(event, rows)
        if rows:
            self.curves = pd.concat([self.curves, pd.DataFrame(rows)], ignore_index=True)
        if len(self.curves) > KEEP:
            self.curves = interactive.thin(self.curves, KEEP // 2)
        return self

    def _take(self, event, rows: list[dict]) -> None:
        if event.kind in ("progress", "epoch"):
            self.latest = event
            self.speed, self.doing = event.images_per_second or self.speed, event.message
            if event.losses and event.step not in [row["step"] for row in rows[-1:]]:
                self.stages.setdefault(event.stage, event.step)
                rows.append({"step": event.step, **event.losses})
        if event.kind == "note" and event.message:
            self.notes.append((event.level, event.message))
        for name, (old, new) in event.changes.items():
            if name in KNOBS:
                self.changes.append((event.step, name, old, new))
                self.now[name] = new
        if event.cluster_sizes:
            self.sizes = event.cluster_sizes
        if event.scores:
            self.scores.append({"epoch": event.epoch, **event.scores})

    def marks(self) -> list[tuple[int, str, str | None]]:
        """(step, text, colour) of the upright lines on the curves: where stage 2 began, and every change.

        A slider that is dragged makes many changes: those that lie close together are one mark, from the
        first old value to the last new one.
        """
        stages = [(step, "joint", None) for stage, step in self.stages.items() if stage == "joint"]
        width = APART * float(self.curves["step"].iloc[-1]) if len(self.curves) else 0.0
        return stages + [(step, told(moved), CHANGED) for step, moved in together(self.changes, width)]


def together(changes, width: float) -> list[tuple[int, dict[str, tuple[float, float]]]]:
    """(step, {setting: (old, new)}) of changes, those within `width` steps of a group's first one together."""
    groups: list[tuple[int, dict[str, tuple[float, float]]]] = []
    for step, name, old, new in changes:
        if not groups or step - groups[-1][0] > width:
            groups.append((step, {}))
        moved = groups[-1][1]
        moved[name] = (moved.get(name, (old,))[0], new)
    moved_on = [
        (step, {n: pair for n, pair in moved.items() if pair[0] != pair[1]}) for step, moved in groups
    ]
    return [(step, moved) for step, moved in moved_on if moved]


def told(moved: dict[str, tuple[float, float]]) -> str:
    """Changes as the text of a mark: "s 0.5 → 0.8, δ 1 → 2"."""
    parts = [f"{KNOBS[n].symbol or KNOBS[n].title} {old:g} → {new:g}" for n, (old, new) in moved.items()]
    return ", ".join(parts[:2]) + (f" and {len(parts) - 2} more" if len(parts) > 2 else "")


def history(run, slot: str = "history") -> History:
    """This session's History of the run, brought up to date; a run that was started anew begins anew.

    slot: where the session keeps it, one for each run that a page draws.
    """
    known = st.session_state.get(slot)
    if known is None or (known.run_id, known.started) != (run.id, run.started):
        known = st.session_state[slot] = History(run)
    return known.read()

"""The events of one run as the Train page needs them, read on from where the last look ended."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core import figures
from pages.shared import state

KEEP = 2 * figures.CURVE_LIMIT  # rows of the curves; beyond it neighbours are averaged to half as many


class History:
    """Curves, scores, notes and the newest event of a run. `read` takes in what is new."""

    def __init__(self, run_id: str):
        self.run_id, self.seen = run_id, 0
        self.curves, self.scores = pd.DataFrame(), []
        self.notes: list[tuple[str, str]] = []
        self.stages: dict[str, int] = {}  # stage -> step at which it began
        self.latest = self.sizes = None
        self.speed, self.doing = 0.0, ""  # images a second; what is done now, where an event says so

    def read(self) -> History:
        """Take in the events that the store holds beyond the ones seen."""
        rows = []
        for number, event in state.store().events(self.run_id, after=self.seen):
            self.seen = max(self.seen, number)
            self._take(event, rows)
        if rows:
            self.curves = pd.concat([self.curves, pd.DataFrame(rows)], ignore_index=True)
        if len(self.curves) > KEEP:
            self.curves = figures.thin(self.curves, KEEP // 2)
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
        if event.cluster_sizes:
            self.sizes = event.cluster_sizes
        if event.scores:
            self.scores.append({"epoch": event.epoch, **event.scores})


def history(run_id: str) -> History:
    """This session's History of the run, brought up to date."""
    known = st.session_state.get("history")
    if known is None or known.run_id != run_id:
        known = st.session_state["history"] = History(run_id)
    return known.read()

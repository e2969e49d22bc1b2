"""The loss curves of a run, one chart per term of the objective."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dsc_core import objective
from dsc_core.knobs import COPIES
from dsc_core.plots.curves import curve
from pages.shared import knobs, widgets
from pages.shared.train import branching, steering

TOTAL, TOTAL_TITLE = "total", "Total, weighted"
NO_INFORMATION = "2·ln 2: no information"  # the value of the terms of mutual information before training


@dataclass(frozen=True)
class CurveOptions:
    """How the curves are drawn. smoothing: weight of the past in each value, 0 to 1."""

    terms: tuple[str, ...]
    smoothing: float
    log: bool


NOTHING = CurveOptions((), 0.0, False)


def options(run, past) -> tuple[CurveOptions, bool]:
    """The controls above the curves: the chosen options, and whether updates are paused."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.95,
            0.3,
            0.05,
            key="smoothing",
            width=220,
            persist_state="session",
            help="Weight of past values in each point of a curve. 0 shows the raw values.",
        )
        with st.popover("Curves", icon=":material/show_chart:"):
            terms = pick_terms(run, past)
        log = st.toggle("Log scale", key="log_axis", persist_state="session")
        paused = st.toggle(
            "Pause updates",
            key="paused",
            disabled=run.finished,
            help="Keep the curves still while you zoom or read. Training continues.",
        )
    return CurveOptions(tuple(terms), smoothing, log), paused


def pick_terms(run, past) -> list[str]:
    """The terms to draw; by default the total and every term whose weight is, or was at the start, above zero."""
    used = [TOTAL, *(term.name for term in objective.TERMS.values() if _is_weighted(run, past, term))]
    picked = st.pills(
        "Curves",
        used,
        selection_mode="multi",
        default=used,
        key=f"terms_{run.id}_{len(used)}",
        label_visibility="collapsed",
        format_func=term_title,
    )
    return [name for name in used if name in picked]


def _is_weighted(run, past, term: objective.Term) -> bool:
    """Whether a term has, or had at the start, a weight above zero that has an effect on this run."""
    start = run.config.to_dict()

    def weight(name: str) -> float:
        return start.get(name) or past.now.get(name, term.knob.default)

    if COPIES in term.needs and not weight("augmented_agreement"):
        return False
    return weight(term.name) > 0 and term.name not in steering.without_effect(run)


def term_title(name: str) -> str:
    """A term's title with the symbol of its weight: "Reconstruction δ"."""
    if name == TOTAL:
        return TOTAL_TITLE
    return knobs.title(objective.TERMS[name].knob)


def draw(run, past, options: CurveOptions) -> None:
    """One small chart per term, each on its own scale; a branch is drawn beside its parent."""
    marks, parent = past.marks(), branching.parent_history(run)
    changes = "; ".join(f"{text} at step {step}" for step, text, colour in marks if colour)
    drawn = [term for term in options.terms if term in past.curves]
    with st.grid(3, min_column_width=300):
        for position, term in enumerate(drawn):
            title = term_title(term)
            columns, lines = branching.columns(run, past, parent, term, options.smoothing, title)
            if not len(
                columns["step"]
            ):  # no finite value: training diverged, or the file of events is damaged
                continue
            chance = objective.TERMS[term].chance if term != TOTAL else None
            level = None if chance is None else (chance, NO_INFORMATION)
            shown = own_marks(marks, float(columns["step"][0]), float(past.curves["step"][0]))
            chart = curve(columns, "step", lines, log=options.log, title=title, level=level, marks=shown)
            with st.container(border=True):
                about = f"{title} by step" + (f"; changes: {changes}" if changes else "")
                widgets.echart(chart, height=190, key=f"curve_{position}_{term}", alt=about)


def own_marks(marks: list, start: float, first: float) -> list:
    """The marks that belong on a curve that begins at the step `start`. first: the first step of the run's curves.

    What happened before a term was computed is no mark of its curve, nor is the beginning of the stage with which the
    curve begins. Before the run's first point there is no curve that could bear the mark, so the first one does.
    """
    changes_since = 0.0 if start == first else start
    return [mark for mark in marks if (mark[0] > start if mark[2] is None else mark[0] >= changes_since)]

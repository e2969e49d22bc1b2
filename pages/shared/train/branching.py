"""Branching: a copy of a run from a saved checkpoint with other weights, and both runs on the same curves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.errors import InputError, RunError
from dsc_core.plots import palette
from dsc_core.plots.curves import extremes, smooth
from dsc_core.runs import checkpoints
from dsc_core.runs.store import MAX_NAME
from pages.shared import choices, formatting, knobs, run_actions, state
from pages.shared.train import history, steering

OWN, PARENT = "this run", "parent run"  # in the legends


def branchable(run) -> list:
    """The checkpoints with epochs left to train, the newest first."""
    return [checkpoint for checkpoint in state.store().checkpoints(run.id) if checkpoint.left]


def button(run) -> None:
    """Open or close the form; not drawn where there is nothing to branch from, and never will be."""
    possible = bool(branchable(run))
    if not possible and run.status != "running":
        return
    st.button(
        "Branch",
        icon=":material/alt_route:",
        key="branch",
        on_click=toggle_form,
        args=(run.id,),
        disabled=not possible,
        help="Copy this run from a saved checkpoint and continue with other weights. This run is not changed."
        + ("" if possible else " The first checkpoint is saved after the first epoch."),
    )


def toggle_form(run_id: str) -> None:
    """Open the form, or close it."""
    st.session_state["branching"] = None if st.session_state.get("branching") == run_id else run_id


def panel(run) -> None:
    """The form, if it is open. It is no dialog: one would close whenever the page is drawn again by itself."""
    if st.session_state.get("branching") != run.id or not branchable(run):
        return
    readable = [checkpoint for checkpoint in branchable(run) if _is_readable(run, checkpoint)]
    with st.container(border=True, key="branching_panel"):
        st.markdown("**Branch from a checkpoint**")
        if readable:
            _form(run, readable)
        else:
            st.caption("The saved checkpoints are incomplete or damaged, so there is nothing to branch from.")


def _is_readable(run, checkpoint) -> bool:
    """Whether a checkpoint is complete, which only reading it shows."""
    try:
        modified = (checkpoint.path / checkpoints.ARRAYS).stat().st_mtime_ns
    except OSError:  # replaced by a newer one just now
        return False
    return _check_readable(run.id, checkpoint.name, modified)


@st.cache_data(show_spinner=False, max_entries=200)
def _check_readable(run_id: str, name: str, modified: int) -> bool:
    try:
        checkpoints.read(state.store().folder(run_id) / "checkpoints" / name)
    except RunError:
        return False
    return True


def _form(run, readable: list) -> None:
    """Checkpoint, name and weights; then the branch is queued and shown."""
    by_name = {checkpoint.name: checkpoint for checkpoint in readable}
    titles = choices.labels(by_name, lambda name: by_name[name].position)
    left, right = st.columns(2)
    chosen = left.selectbox(
        "Checkpoint",
        list(by_name),
        format_func=lambda name: titles.get(name, str(name)),
        key=f"branch_from_{run.id}",
        help="A run keeps its last two checkpoints.",
    )
    text = right.text_input("Name", key="branch_name", placeholder="Optional", max_chars=MAX_NAME)
    start = by_name[chosen].settings
    values = _grid(run, chosen, start, steering.MAIN)
    with st.expander("Other weights and learning rate", icon=":material/tune:", key="branch_others"):
        values |= _grid(run, chosen, start, [knob for knob in steering.LIVE if knob not in steering.MAIN])
    changes = {name: value for name, value in values.items() if value != start[name]}
    described = history.describe_changes({name: (start[name], value) for name, value in changes.items()})
    name = run_actions.check_name(text)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Start branch", type="primary", icon=":material/play_arrow:", key="really_branch")
        st.button("Cancel", key="no_branch", on_click=toggle_form, args=(run.id,))
        st.caption(formatting.plain(described) or "No changes yet.")
    if pressed:
        run_actions.create_and_queue(lambda: state.store().branch(run.id, chosen, changes, name))


def _grid(run, checkpoint: str, start: dict, members) -> dict:
    """One widget per setting, starting at its value in the checkpoint; the values by name."""
    values = {}
    with st.grid(3, min_column_width=200, gap="medium", vertical_alignment="bottom"):
        for knob in members:
            key = f"branch_{run.id}_{checkpoint}_{knob.name}"
            values[knob.name] = knobs.widget(knob, key=key, start=start[knob.name])
    return values


def origin(run) -> str:
    """Where a branch comes from, in a sentence; "" for other runs."""
    if not run.parent:
        return ""
    changes = {name: pair for name, pair in run.parent.get("changes", {}).items() if name in KNOBS}
    described = f", with {history.describe_changes(changes)}" if changes else ""
    return f"Branched from {run.parent.get('name')} after epoch {run.parent.get('epoch')}{described}."


def parent_history(run) -> history.History | None:
    """The history of the run that this one was branched from; None if there is none or it was deleted."""
    if not run.parent:
        return None
    try:
        return history.history(state.store().get(str(run.parent.get("run"))), "history_of_parent")
    except (InputError, RunError):
        return None


def columns(
    run, past: history.History, parent: history.History | None, term: str, smoothing: float, title: str = ""
) -> tuple[dict, dict]:
    """(columns by name, colours of the lines) of a term's curve; with the parent's curve from the branch on.

    title: of the curve, which the tooltip shows; "" is the term's name.
    """
    steps, values = _smoothed(past, term, smoothing)
    if parent is None or term not in parent.curves:
        return {"step": steps, title or term: values}, {title or term: palette.colour(0)}
    parent_steps, parent_values = _smoothed(parent, term, smoothing)
    since = parent_steps >= run.parent.get("step", 0)
    parent_steps, parent_values = parent_steps[since], parent_values[since]
    union = np.union1d(steps, parent_steps)
    table = {"step": union, OWN: np.full(len(union), np.nan), PARENT: np.full(len(union), np.nan)}
    table[OWN][np.searchsorted(union, steps)] = values
    table[PARENT][np.searchsorted(union, parent_steps)] = parent_values
    return table, {PARENT: palette.MUTED, OWN: palette.colour(0)}


def _smoothed(past: history.History, term: str, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """(steps, smoothed values) of a term: as many as its curve needs.

    Without the steps at which it was not computed, or is no finite number.
    """
    values = past.curves[term]
    present = np.isfinite(values)
    values = smooth(values[present], smoothing)
    rows = extremes(values)
    return past.curves["step"][present][rows], values[rows]

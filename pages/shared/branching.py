"""Branch from here: a copy of a run from a kept checkpoint with other weights, and both runs on the same curves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from dsc_core.runs import checkpoints
from pages.shared import state, steering, widgets
from pages.shared.history import History, history, told

OWN, OTHER = "this run", "branched from"  # in the legends


def kept(run) -> list:
    """The checkpoints from which there is something left to train, the newest first."""
    return [one for one in state.store().checkpoints(run.id) if one.left]


def button(run) -> None:
    """Opens and closes the form of a branch; nothing where no checkpoint leaves something to train."""
    if kept(run):
        st.button(
            "Branch",
            icon=":material/alt_route:",
            key="branch",
            on_click=turn,
            args=(run.id,),
            help="A copy of this run from a kept checkpoint, trained on with other weights; this one stays as it is.",
        )


def turn(run_id: str) -> None:
    """Open the form, or close it."""
    st.session_state["branching"] = None if st.session_state.get("branching") == run_id else run_id


def panel(run) -> None:
    """The form, where it is open: no dialog, which a page that is drawn anew by itself would close."""
    if st.session_state.get("branching") != run.id or not kept(run):
        return
    known = [one for one in kept(run) if readable(run, one)]
    with st.container(border=True, key="branching_panel"):
        st.markdown("**Branch from here**")
        if known:
            ask(run, known)
        else:
            st.caption("The kept checkpoints are cut short or damaged: there is nothing to branch from.")


def readable(run, one) -> bool:
    """Whether a checkpoint is whole, which only reading it tells."""
    try:
        return _readable(run.id, one.name, (one.path / checkpoints.ARRAYS).stat().st_mtime_ns)
    except OSError:  # let go of just now
        return False


@st.cache_data(show_spinner=False, max_entries=200)
def _readable(run_id: str, name: str, stamp: int) -> bool:
    try:
        checkpoints.read(state.store().folder(run_id) / "checkpoints" / name)
    except RunError:
        return False
    return True


def ask(run, known) -> None:
    """Which checkpoint, which weights, which name; then the branch waits in the queue, and is shown."""
    places = {one.name: one for one in known}
    left, right = st.columns(2)
    chosen = left.selectbox(
        "From",
        list(places),
        format_func=lambda name: places[name].place if name in places else name,
        key=f"branch_from_{run.id}",
        help="The last two checkpoints of a run are kept.",
    )
    name = right.text_input("Name", key="branch_name", placeholder="optional", max_chars=60)
    then = places[chosen].settings
    first = [KNOBS[name] for name in steering.FIRST]
    changes = _grid(run, chosen, then, first)
    with st.expander("Other weights and the learning rate", icon=":material/tune:", key="branch_others"):
        changes |= _grid(run, chosen, then, [known for known in steering.LIVE if known not in first])
    moved = {n: (then[n], value) for n, value in changes.items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Branch and train", type="primary", icon=":material/play_arrow:", key="really_branch"
        )
        st.button("Cancel", key="no_branch", on_click=turn, args=(run.id,))
        st.caption(widgets.plain(told(moved)) if moved else "Nothing is changed so far.")
    if pressed:
        steering.begin(lambda: state.store().branch(run.id, chosen, changes, name.strip() or None))


def _grid(run, chosen: str, then: dict, members) -> dict:
    """A widget a setting, which starts at its value in the checkpoint; the settings that were moved."""
    values = {}
    with st.grid(3, min_column_width=200, gap="medium", vertical_alignment="bottom"):
        for known in members:
            key = f"branch_{run.id}_{chosen}_{known.name}"
            values[known.name] = widgets.knob(known, key=key, start=then[known.name])
    return {name: value for name, value in values.items() if value != then[name]}


# A branch ---------------------------------------------------------------------------------------------------


def origin(run) -> str:
    """Where a branch comes from, in a sentence; "" of other runs."""
    if not run.parent:
        return ""
    moved = {n: pair for n, pair in run.parent.get("changes", {}).items() if n in KNOBS}
    what = f", with {told(moved)}" if moved else ""
    return f"Branched from {run.parent.get('name')} after epoch {run.parent.get('epoch')}{what}."


def beside(run) -> History | None:
    """The history of the run that this one was branched from; None where there is none (any more)."""
    if not run.parent:
        return None
    try:
        return history(state.store().get(str(run.parent.get("run"))), "history_of_parent")
    except (InputError, RunError):
        return None


def columns(run, past: History, other: History | None, term: str, smoothing: float) -> tuple[dict, dict]:
    """(columns by name, colours of the lines) of a term's curve, with the other run's from the branch on."""
    steps, values = _known(past, term, smoothing)
    if other is None or term not in other.curves:
        return {"step": steps, term: values}, {term: interactive.colour(0)}
    elsewhere, there = _known(other, term, smoothing)
    later = elsewhere >= run.parent.get("step", 0)
    elsewhere, there = elsewhere[later], there[later]
    both = np.union1d(steps, elsewhere)
    found = {"step": both, OWN: np.full(len(both), np.nan), OTHER: np.full(len(both), np.nan)}
    found[OWN][np.searchsorted(both, steps)] = values
    found[OTHER][np.searchsorted(both, elsewhere)] = there
    return found, {OTHER: interactive.MUTED, OWN: interactive.colour(0)}


def _known(past: History, term: str, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """(steps, smoothed values) of a term where it is known."""
    known = past.curves[term].notna().to_numpy()
    return past.curves["step"].to_numpy()[known], interactive.smooth(
        past.curves[term].to_numpy()[known], smoothing
    )

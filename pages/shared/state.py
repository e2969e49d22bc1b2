"""The current data set and run: kept in the address and the session, loaded from the workspace.

The address takes precedence (a link or a refresh), then the session (changing the page drops query parameters).
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import load_dataset
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, home
from pages.shared import formatting

PARAMETERS = ("data", "run")  # of the address
PATIENCE = 5.0  # seconds that a page waits for an index that another program holds


def sync_address() -> None:
    """Take over the parameters of the address; restore those that are missing there from the session."""
    for name in PARAMETERS:
        if name in st.query_params:
            st.session_state[f"at_{name}"] = st.query_params[name]
        elif st.session_state.get(f"at_{name}"):
            st.query_params[name] = st.session_state[f"at_{name}"]


def current(name: str) -> str | None:
    """The key of the current data set ("data") or the id of the current run ("run")."""
    return st.session_state.get(f"at_{name}")


def choose(name: str, value: str | None) -> None:
    """Make `value` the current data set or run, also in the address; None clears it."""
    st.session_state[f"at_{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


@st.cache_resource(max_entries=4, show_spinner=False)
def _store(folder: Path) -> Store:
    return Store(folder, patience=PATIENCE)


def store() -> Store:
    """The workspace's run store, one for all sessions."""
    return _store(home())


@st.cache_resource(max_entries=8, show_spinner=False)
def _dataset(key: str, folder: Path):
    return load_dataset(key, folder)


def dataset():
    """The current data set, memory-mapped, or None. A key that the workspace does not have is cleared."""
    key = current("data")
    if not key:
        return None
    try:
        return _dataset(key, home())
    except (InputError, RunError, OSError, ValueError) as problem:
        choose("data", None)
        damaged = isinstance(problem, RunError) and "damaged" in str(problem)
        missing = "The data set in this address is not in the workspace. Choose one below."
        st.warning(formatting.plain(problem) if damaged else missing)
        return None


def run():
    """The current run, or None. An id that the workspace does not have is cleared, with a warning."""
    run_id = current("run")
    if not run_id:
        return None
    try:
        return store().get(run_id)
    except InputError:
        choose("run", None)
        st.warning("The run in this address is not in the workspace.")
    except RunError as problem:  # the run exists, and opens once the problem is solved
        st.error(str(problem), icon=":material/error:")
    return None

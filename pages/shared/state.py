"""What the address, the session and the workspace know: which data set, which run, and the store.

The address wins (a link or a refresh), then the session (a change of page drops the address's words).
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import load_dataset
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, home

ADDRESS = ("data", "run")


def keep_address() -> None:
    """Take over what the address says; where it says nothing, write back what the session remembers."""
    for name in ADDRESS:
        if name in st.query_params:
            st.session_state[f"at_{name}"] = st.query_params[name]
        elif st.session_state.get(f"at_{name}"):
            st.query_params[name] = st.session_state[f"at_{name}"]


def current(name: str) -> str | None:
    """The data set's key (`data`) or the run's id (`run`) that the pages are about."""
    return st.session_state.get(f"at_{name}")


def choose(name: str, value: str | None) -> None:
    """Make `value` the current data set or run, here and in the address; None forgets it."""
    st.session_state[f"at_{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


@st.cache_resource(max_entries=4, show_spinner=False)
def _store(folder: Path) -> Store:
    return Store(folder)


def store() -> Store:
    """The workspace's run store, one for all sessions."""
    return _store(home())


@st.cache_resource(max_entries=8, show_spinner=False)
def _dataset(key: str, folder: Path):
    return load_dataset(key, folder)


def dataset():
    """The current data set, memory-mapped, or None. A key from an old link that is not here is forgotten."""
    key = current("data")
    if not key:
        return None
    try:
        return _dataset(key, home())
    except (InputError, RunError, OSError, ValueError):
        choose("data", None)
        st.warning("The data set that this address names is not in this workspace; choose one below.")
        return None


def run():
    """The current run, or None. An id that the workspace does not hold is said and forgotten; trouble only said."""
    run_id = current("run")
    if not run_id:
        return None
    try:
        return store().get(run_id)
    except InputError:
        choose("run", None)
        st.warning("The run that this address names is not in this workspace.")
    except RunError as problem:  # the run is there, and can be shown once the trouble is over
        st.error(str(problem), icon=":material/error:")
    return None

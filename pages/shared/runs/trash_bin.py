"""Moving runs to the trash, restoring them, and emptying it."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs import trash
from pages.shared import formatting, state, widgets

LISTED = 8  # runs in the dialog


def delete_button(runs, sizes: dict[str, int]) -> None:
    """A button that opens a dialog for confirmation."""
    if st.button("Delete", icon=":material/delete:", key="delete"):
        _confirm_delete(runs, sum(sizes[run.id] for run in runs))


@st.dialog("Move to trash?", icon=":material/delete:")
def _confirm_delete(runs, size: int) -> None:
    """The runs that are to be deleted, and that they can be restored."""
    names = "\n".join(f"- {formatting.plain(run.name)}" for run in runs[:LISTED])
    st.markdown(names + (f"\n- and {len(runs) - LISTED} more" if len(runs) > LISTED else ""))
    st.markdown(f"{formatting.size(size)} in total. You can restore deleted runs until you empty the trash.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="keep"):
            st.rerun()
        if st.button("Move to trash", type="primary", key="really_delete", on_click=_delete, args=(runs,)):
            st.rerun()


def _delete(runs) -> None:
    """Move the runs to the trash; errors are shown as toasts."""
    for run in runs:
        with widgets.errors_as_toasts():
            trash.delete(state.store(), run.id)
            if state.current("run") == run.id:
                state.choose("run", None)


def draw(deleted) -> None:
    """The deleted runs, which can be restored or deleted permanently."""
    if not deleted:
        return
    size = sum(run.size for run in deleted)
    with st.expander(
        f"Trash ({len(deleted)}, {formatting.size(size)})", icon=":material/delete:", key="trash"
    ):
        names = {
            run.id: f"{run.name}, {formatting.size(run.size)}, deleted {formatting.ago(run.deleted)}"
            for run in deleted
        }
        picked = st.multiselect(
            "Deleted runs",
            list(names),
            format_func=lambda run_id: names.get(run_id, run_id),
            key="restorable",
            placeholder="Select runs to restore",
        )
        with st.container(horizontal=True):
            st.button(
                "Restore",
                icon=":material/restore_from_trash:",
                key="restore",
                on_click=_restore,
                disabled=not picked,
            )
            if st.button("Empty trash", icon=":material/delete_forever:", key="empty"):
                _confirm_empty(len(deleted), size)


def _restore() -> None:
    """Restore the selected runs."""
    for run_id in st.session_state["restorable"]:
        with widgets.errors_as_toasts():
            trash.restore(state.store(), run_id)
    st.session_state["restorable"] = []


@st.dialog("Delete permanently?", icon=":material/delete_forever:")
def _confirm_empty(count: int, size: int) -> None:
    """Confirm that the trash is emptied for good."""
    runs = "the run" if count == 1 else f"all {count} runs"
    st.markdown(f"This deletes {runs} in the trash ({formatting.size(size)}). It cannot be undone.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="keep"):
            st.rerun()
        if st.button("Delete permanently", type="primary", key="really_empty", on_click=_empty):
            st.rerun()


def _empty() -> None:
    """Empty the trash and show how much space this freed."""
    with widgets.errors_as_toasts():
        st.toast(f"{formatting.size(trash.empty(state.store()))} freed.")

"""Moving runs to the trash, restoring them, and emptying it."""

from __future__ import annotations

import streamlit as st

from dsc_core.runs import trash
from pages.shared import formatting, state, widgets

LISTED = 8  # runs in the dialog, and in the trash at first


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
    """Move the runs to the trash, from where `_undo` takes them back; errors are shown as toasts."""
    st.session_state["just_deleted"] = []
    for run in runs:
        with widgets.errors_as_toasts():
            trash.delete(state.store(), run.id)
            st.session_state["just_deleted"].append(run.id)
            if state.current("run") == run.id:
                state.choose("run", None)


def _undo(deleted) -> None:
    """After a deletion: what was deleted, and a button that takes it back."""
    last = [run for run in deleted if run.id in st.session_state.get("just_deleted", ())]
    if not last:
        return
    what = formatting.plain(last[0].name) if len(last) == 1 else f"{len(last)} runs"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Moved to the trash: {what}", width="content")
        run_ids = [run.id for run in last]
        st.button("Undo", icon=":material/undo:", key="undo_delete", on_click=_restore, args=(run_ids,))


def draw(deleted) -> None:
    """The deleted runs, the last deleted first: each can be restored by one click, or all deleted permanently."""
    if not deleted:
        return
    _undo(deleted)
    size = sum(run.size for run in deleted)
    title = f"Trash ({len(deleted)}, {formatting.size(size)})"
    with st.expander(title, icon=":material/delete:", key="trash"):
        shown = len(deleted) if st.session_state.get("whole_trash") else LISTED
        for run in deleted[:shown]:
            _row(run)
        with st.container(horizontal=True):
            if len(deleted) > LISTED:
                st.toggle(f"Show all {len(deleted)}", key="whole_trash", persist_state="session")
            if len(deleted) > 1:
                everything = [run.id for run in deleted]
                st.button(
                    "Restore all",
                    icon=":material/restore_from_trash:",
                    key="restore_all",
                    on_click=_restore,
                    args=(everything,),
                )
            if st.button("Empty trash", icon=":material/delete_forever:", key="empty"):
                _confirm_empty(len(deleted), size)


def _row(run) -> None:
    """One deleted run with its button. The button is known by the run's id: what stands beside it may change."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Restore",
            icon=":material/restore_from_trash:",
            key=f"restore_{run.id}",
            on_click=_restore,
            args=([run.id],),
        )
        about = f"{formatting.size(run.size)}, deleted {formatting.ago(run.deleted)}"
        st.markdown(f"{formatting.plain(run.name)} :small[:gray[{about}]]")


def _restore(run_ids: list[str]) -> None:
    """Restore the runs, and say so; a run that cannot be restored stays, and its reason is shown."""
    for run_id in run_ids:
        with widgets.errors_as_toasts():
            trash.restore(state.store(), run_id)
            if len(run_ids) == 1:
                st.toast(f"{formatting.plain(state.store().get(run_id).name)} is restored.")


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

"""Runs: all runs of the workspace, the queue, what people say of runs, disk use and the trash."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dsc_core.errors import RunError
from dsc_core.runs import queue, trash
from dsc_core.runs.files import read_json, size_of
from pages.shared import state, steering, widgets

DATA, TRAIN, RESULTS = "pages/views/data.py", "pages/views/train.py", "pages/views/results.py"
LONGEST_NAME, LONGEST_NOTE = 80, 2000


def page() -> None:
    """The figures of the workspace, the table, what can be done with the chosen runs, and the trash."""
    runs = state.store().list()
    deleted = trash.trashed(state.store())
    if not runs and not deleted:
        widgets.empty(
            ":material/list_alt:",
            "No runs yet",
            "Every training is kept as a run of its own. Choose data, then start the first one.",
        )
        if st.button("Choose data", type="primary", icon=":material/arrow_back:"):
            st.switch_page(DATA)
        return
    order = [run.id for run in queue.waiting(state.store())]
    sizes = {run.id: size(run) for run in runs}
    overview(runs, order, sizes, deleted)
    chosen = table(runs, order, sizes) if runs else []
    if len(chosen) == 1:
        one(chosen[0], sizes)
    elif chosen:
        several(chosen, sizes)
    elif runs:
        st.caption("Choose a run in the table to open, rename, star, annotate or delete it.")
    bin_of(deleted)
    if any(not run.finished for run in runs):
        st.fragment(watch, run_every=2.0)(signature(runs))


# The whole ------------------------------------------------------------------------------------------------


def overview(runs, order: list[str], sizes: dict[str, int], deleted) -> None:
    """How many run and wait, how many may at a time, and what all of it takes on the disk."""
    home = state.store().home
    kept = size_of(home / "data") + size_of(home / "uploads")
    gone = sum(run.size for run in deleted)
    total = sum(sizes.values()) + kept + gone
    st.session_state["at_a_time"] = queue.at_a_time(state.store())
    with st.grid(5, min_column_width=130, vertical_alignment="bottom"):
        st.metric("Runs", len(runs))
        st.metric("Training", sum(run.status == "running" for run in runs))
        st.metric("Queued", len(order))
        st.metric(
            "Disk use",
            widgets.size(total),
            help=f"Runs {widgets.size(sum(sizes.values()))}, data sets and uploads {widgets.size(kept)}, "
            f"trash {widgets.size(gone)}.",
        )
        st.number_input(
            "Runs at a time",
            1,
            queue.MOST,
            key="at_a_time",
            on_change=set_at_a_time,
            help="The next run of the queue starts by itself when one ends, whether this page is open or not.",
        )


def set_at_a_time() -> None:
    """Keep the number, which may start runs that wait."""
    with widgets.telling():
        queue.set_at_a_time(state.store(), int(st.session_state["at_a_time"]))


def size(run) -> int:
    """Bytes of the run's folder."""
    return _size(run.id, run.started, run.ended) if run.finished else size_of(run.folder)


@st.cache_data(show_spinner=False, max_entries=2000)
def _size(run_id: str, started: float | None, ended: float | None) -> int:
    return size_of(state.store().folder(run_id))


@st.cache_data(show_spinner=False, max_entries=2000)
def scores(run_id: str, ended: float | None) -> dict:
    """The summary of a run that has ended, {} where it has none."""
    try:
        return read_json(state.store().folder(run_id) / "summary.json")
    except RunError:
        return {}


def table(runs, order: list[str], sizes: dict[str, int]) -> list:
    """All runs, the newest first; those that are chosen."""
    frame = pd.DataFrame([row(run, order, sizes) for run in runs])
    # Another set of runs is another table: a choice by position must not slip to a neighbour.
    key = f"runs_{hash(tuple(run.id for run in runs)) & 0xFFFFFFFF:x}"
    picked = st.dataframe(
        frame,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(38 + 35 * len(frame), 560),
        alt="All runs of the workspace",
        placeholder="–",
        column_config={
            "★": st.column_config.TextColumn(width=30),
            "Name": st.column_config.TextColumn(width="medium"),
            "Data": st.column_config.TextColumn(width="small"),
            "Samples": st.column_config.NumberColumn(format="localized"),
            "ACC": st.column_config.NumberColumn(format="%.3f", help="For evaluation only."),
            "NMI": st.column_config.NumberColumn(format="%.3f", help="For evaluation only."),
            "Created": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
            "Note": st.column_config.TextColumn(width="medium"),
        },
    )
    return [runs[place] for place in picked["selection"]["rows"] if place < len(runs)]


def row(run, order: list[str], sizes: dict[str, int]) -> dict:
    """A run's line in the table."""
    known = scores(run.id, run.ended) if run.status in ("done", "stopped") else {}
    word = widgets.STATUS[run.status][2]
    taken = run.ended - run.started if run.finished and run.ended and run.started else None
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Status": f"{word}, number {order.index(run.id) + 1}" if run.id in order else word,
        "Data": str(run.dataset.get("name", "")),
        "Samples": run.samples,
        "K": run.clusters,
        "ACC": known.get("acc"),
        "NMI": known.get("nmi"),
        "Preset": widgets.preset_of(run.config) or "own",
        "Created": pd.Timestamp(run.created, unit="s", tz="UTC").tz_convert(st.context.timezone or "UTC"),
        "Time": widgets.duration(taken),
        "Disk": widgets.size(sizes[run.id]),
        "Note": run.note,
    }


def signature(runs) -> tuple:
    """What the table is drawn by."""
    return tuple((run.id, run.status, run.name, run.starred) for run in runs)


def watch(drawn_as: tuple) -> None:
    """Draw the page anew when a run has begun or ended; the table itself is not polled, or its choice is lost."""
    if signature(state.store().list()) != drawn_as:
        st.rerun()


# The chosen -----------------------------------------------------------------------------------------------


def one(run, sizes: dict[str, int]) -> None:
    """What can be done with one run."""
    st.session_state.setdefault(f"name_{run.id}", run.name)
    st.session_state.setdefault(f"note_{run.id}", run.note)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            widgets.status_badge(run)
            if run.reason:
                st.caption(widgets.plain(run.reason), width="content")
        left, right = st.columns([1, 2])
        left.text_input("Name", key=f"name_{run.id}", max_chars=LONGEST_NAME, on_change=rename, args=(run,))
        right.text_area(
            "Note",
            key=f"note_{run.id}",
            max_chars=LONGEST_NOTE,
            height=68,
            on_change=annotate,
            args=(run,),
            placeholder="What this run is for",
        )
        with st.container(horizontal=True):
            if run.status in ("done", "stopped") and st.button(
                "Results", type="primary", icon=":material/scatter_plot:", key="open_results"
            ):
                opened(run, RESULTS)
            if st.button("Training", icon=":material/show_chart:", key="open_training"):
                opened(run, TRAIN)
            doing(run)
            st.button(
                "Take the star away" if run.starred else "Star",
                icon=":material/star:",
                key="star",
                on_click=star,
                args=([run], not run.starred),
            )
            delete_button([run], sizes)


def doing(run) -> None:
    """Start, withdraw, stop or resume, as the run stands."""
    if run.status == "created":
        st.button(
            "Start",
            icon=":material/play_arrow:",
            key="begin",
            on_click=steering.of_queue,
            args=(queue.enqueue, run.id),
        )
    elif run.status == "queued":
        st.button(
            "Take out of the queue",
            icon=":material/remove:",
            key="withdraw",
            on_click=steering.of_queue,
            args=(queue.withdraw, run.id),
        )
    elif run.status == "running":
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            on_click=steering.ask,
            kwargs={"stop": True},
            args=(run.id, "Stopping after the present step; clusters are made from what is there."),
        )
    else:
        steering.resume_button(run)


def several(runs, sizes: dict[str, int]) -> None:
    """What can be done with several runs at once."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(runs)} runs**", width="content")
        starred = all(run.starred for run in runs)
        st.button(
            "Take the stars away" if starred else "Star",
            icon=":material/star:",
            key="star",
            on_click=star,
            args=(runs, not starred),
        )
        delete_button(runs, sizes)


def opened(run, target: str) -> None:
    """Go to a page about the run."""
    state.choose("run", run.id)
    st.switch_page(target, query_params={"run": run.id})


def rename(run) -> None:
    """Give the run the name that was written; one that cannot be is told of, and the old one comes back."""
    wanted = st.session_state[f"name_{run.id}"].strip()
    with widgets.telling():
        state.store().rename(run.id, wanted)
    st.session_state[f"name_{run.id}"] = state.store().get(run.id).name


def annotate(run) -> None:
    """Keep the note that was written."""
    with widgets.telling():
        state.store().annotate(run.id, st.session_state[f"note_{run.id}"])


def star(runs, starred: bool) -> None:
    """Mark runs with a star, or take it away."""
    with widgets.telling():
        for run in runs:
            state.store().star(run.id, starred)


# The trash ------------------------------------------------------------------------------------------------


def delete_button(runs, sizes: dict[str, int]) -> None:
    """A button that asks first."""
    if st.button("Delete", icon=":material/delete:", key="delete"):
        ask_delete(runs, sum(sizes[run.id] for run in runs))


@st.dialog("Move to the trash?", icon=":material/delete:")
def ask_delete(runs, held: int) -> None:
    """Which runs are deleted, and that they can be brought back."""
    named = "\n".join(f"- {widgets.plain(run.name)}" for run in runs[:8])
    st.markdown(named + (f"\n- and {len(runs) - 8} more" if len(runs) > 8 else ""))
    st.markdown(f"{widgets.size(held)} in all. They can be brought back until the trash is emptied.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep", key="keep"):
            st.rerun()
        if st.button("Move to the trash", type="primary", key="really_delete", on_click=delete, args=(runs,)):
            st.rerun()


def delete(runs) -> None:
    """Move runs into the trash; what cannot be is told of."""
    for run in runs:
        with widgets.telling():
            trash.delete(state.store(), run.id)
            if state.current("run") == run.id:
                state.choose("run", None)


def bin_of(deleted) -> None:
    """What was deleted, to be brought back or let go."""
    if not deleted:
        return
    held = sum(run.size for run in deleted)
    title = f"Trash ({len(deleted)}, {widgets.size(held)})"
    with st.expander(title, icon=":material/delete:", key="trash"):
        names = {
            run.id: f"{run.name}, {widgets.size(run.size)}, deleted {widgets.ago(run.deleted)}"
            for run in deleted
        }
        picked = st.multiselect(
            "Bring back",
            list(names),
            format_func=lambda run_id: names.get(run_id, run_id),
            key="restorable",
            placeholder="Choose deleted runs",
        )
        with st.container(horizontal=True):
            st.button(
                "Bring back",
                icon=":material/restore_from_trash:",
                key="restore",
                on_click=restore,
                disabled=not picked,
            )
            if st.button("Empty the trash", icon=":material/delete_forever:", key="empty"):
                ask_empty(len(deleted), held)


def restore() -> None:
    """Bring the chosen runs back."""
    for run_id in st.session_state["restorable"]:
        with widgets.telling():
            trash.restore(state.store(), run_id)
    st.session_state["restorable"] = []


@st.dialog("Delete for good?", icon=":material/delete_forever:")
def ask_empty(count: int, held: int) -> None:
    """That nothing brings them back."""
    what = "The run" if count == 1 else f"The {count} runs"
    st.markdown(f"{what} in the trash, {widgets.size(held)}, cannot be brought back afterwards.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep", key="keep"):
            st.rerun()
        if st.button("Delete for good", type="primary", key="really_empty", on_click=empty):
            st.rerun()


def empty() -> None:
    """Empty the trash."""
    with widgets.telling():
        st.toast(f"{widgets.size(trash.empty(state.store()))} freed.")


page()

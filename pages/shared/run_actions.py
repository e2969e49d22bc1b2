"""Actions on a run that several pages offer: start, queue, resume, stop, and requests to a running run."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs import checkpoints, queue
from dsc_core.runs.artifacts.labels import has_results
from pages.shared import formatting, state, widgets

STOPPING = "Stopping after the current step. Clusters are computed from the current model. Resume continues training."


def send_request(run_id: str, toast: str = "", **requests) -> None:
    """Send requests to the run's process and show `toast`, or why they cannot be sent."""
    with widgets.errors_as_toasts():
        state.store().control(run_id, **requests)
        st.session_state["steered"] = time.time()
        if toast:
            st.toast(toast)


def check_name(text: str) -> str | None:
    """The name for a new run that was entered, None where none was; says at once whether it can have it."""
    name = text.strip() or None
    if name is None:
        return None
    try:
        state.store().check_name(name)
    except (InputError, RunError) as problem:
        st.caption(f":red[{formatting.plain(problem)}]")
    else:
        st.caption(formatting.plain(f"The run will be called {name}."))
    return name


def create_and_queue(create: Callable[[], str]) -> None:
    """Queue the run that `create` makes, by its id, and show it; or show why this fails.

    It starts at once if there is room for it.
    """
    try:
        run_id = create()
        queue.enqueue(state.store(), run_id)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem))
        return
    st.session_state["new_run"], st.session_state["branching"] = False, None
    state.choose("run", run_id)
    st.rerun()


def _change_queue(change: Callable, run_id: str) -> None:
    """Put the run into the queue or remove it; or show why this fails."""
    with widgets.errors_as_toasts():
        change(state.store(), run_id)


def queue_button(run, **options) -> None:
    """Start a run that was only created; start a queued one at once or take it out of the queue; else nothing."""
    if run.status == "created":
        st.button(
            "Start",
            icon=":material/play_arrow:",
            key="begin",
            on_click=_change_queue,
            args=(queue.enqueue, run.id),
            **options,
        )
    elif run.status == "queued":
        st.button(
            "Start now",
            icon=":material/play_arrow:",
            key="start_now",
            on_click=_change_queue,
            args=(queue.start_now, run.id),
            help="Train beside the runs that train already. Each of them then becomes slower.",
            **options,
        )
        st.button(
            "Remove from queue",
            icon=":material/remove:",
            key="withdraw",
            on_click=_change_queue,
            args=(queue.withdraw, run.id),
            **options,
        )


def pause_button(run, requests: frozenset[str]) -> None:
    """Pause a running run, or resume a paused one; disabled once it has been asked to stop."""
    paused = "pause" in requests
    st.button(
        "Resume" if paused else "Pause",
        icon=":material/play_arrow:" if paused else ":material/pause:",
        key="resume" if paused else "pause",
        type="primary" if paused else "secondary",
        disabled="stop" in requests,
        on_click=send_request,
        args=(run.id,),
        kwargs={"resume" if paused else "pause": True},
        help=None if paused else "Pause after the current step. Nothing is lost.",
    )


def stop_button(run, stopping: bool = False) -> None:
    """Stop a running run. It asks nothing: a stopped run can be resumed, and ends with the same labels."""
    st.button(
        "Stopping" if stopping else "Stop",
        icon=":material/stop:",
        key="stop",
        disabled=stopping,
        on_click=send_request,
        args=(run.id, STOPPING),
        kwargs={"stop": True},
        help="Stop after the current step. Clusters and maps are computed from the current model. A stopped run can be "
        "resumed, and ends with the same labels as without the stop.",
    )


def resume_button(run, **options) -> None:
    """Continue a run that failed, or was stopped with epochs left or without results; else nothing.

    It continues from its newest checkpoint, or anew where there is none. options: of the button, such as its type.
    """
    left = next((checkpoint.left for checkpoint in state.store().checkpoints(run.id)), None)
    stopped = run.status == "stopped" and (left or not has_results(run))
    if run.status != "failed" and not stopped:
        return
    st.button(
        "Restart" if left is None else "Resume",
        icon=":material/resume:",
        key="go_on",
        on_click=_change_queue,
        args=(queue.enqueue, run.id),
        help=formatting.plain(resume_outlook(run)) or "No checkpoint was saved, so training starts over.",
        **options,
    )


def resume_outlook(run) -> str:
    """Where a run that ended early would continue, in a sentence or two; "" where it would start over."""
    paths = checkpoints.checkpoint_folders(run.folder / "checkpoints")
    try:
        stamps = [(path.name, file.stat().st_mtime_ns) for path in paths for file in sorted(path.glob("*"))]
    except OSError:  # resumed in another session just now
        return ""
    return _resume_outlook(run.id, stamps)


@st.cache_data(show_spinner=False, max_entries=200)
def _resume_outlook(run_id: str, stamps: list[tuple[str, int]]) -> str:
    return checkpoints.outlook(state.store().folder(run_id))

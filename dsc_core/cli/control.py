"""Commands for runs that train in another process: start, stop, pause, steer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.group import command
from dsc_core.cli.options import live_settings_option, run_argument
from dsc_core.cli.printing import print_request
from dsc_core.config import parse_settings

if TYPE_CHECKING:
    from dsc_core.runs import Store

POLL = 0.2  # seconds between two looks at a run


@command("start", print_request)
@run_argument
def start(run: str) -> dict[str, Any]:
    """Train a waiting or unfinished run now, in the background and beside the runs that train already."""
    from dsc_core.runs import Store, queue

    store = Store()
    run_id = store.find(run).id
    queue.start_now(store, run_id)
    return state(store, run_id) | {"asked": {"start": True}}


def state(store: Store, run_id: str) -> dict[str, Any]:
    """The status of a run, and its phase, which also tells whether it is paused."""
    record = store.get(run_id)
    return {"run": run_id, "status": record.status, "phase": record.phase}


def print_stop(result: dict[str, Any]) -> None:
    """The status of a run that was asked to stop."""
    print_request(result | {"asked": {"stop": True}})


@command("stop", print_stop)
@run_argument
@click.option("--wait", is_flag=True, help="Wait until the run has ended.")
def stop(run: str, wait: bool) -> dict[str, Any]:
    """End a run after its current step, with results from the training so far."""
    from dsc_core.runs import Store

    store = Store()
    run_id = store.find(run).id
    store.control(run_id, stop=True)
    while wait and not store.get(run_id).finished:
        time.sleep(POLL)
    return state(store, run_id)


@command("pause", print_request)
@run_argument
@click.option("--wait", is_flag=True, help="Wait until the run has paused.")
def pause(run: str, wait: bool) -> dict[str, Any]:
    """Pause a run after its current step; `resume` continues it, even after its process has ended."""
    from dsc_core.runs import Store

    store = Store()
    record = store.find(run)
    if not store.pausing(record.id):
        store.control(record.id, pause=True)
    while wait and not record.paused and not record.finished:
        time.sleep(POLL)
        record = store.get(record.id)
    return state(store, record.id) | {"asked": {"pause": True}}


@command("steer", print_request)
@run_argument
@live_settings_option
def steer(run: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """Change settings of a running run, from its next step on."""
    from dsc_core.runs import Store

    store = Store()
    record = store.find(run)
    changes = parse_settings(settings)
    store.control(record.id, **changes)
    return state(store, record.id) | {"asked": changes}

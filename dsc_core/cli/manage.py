"""Commands that list, show, rename, delete and restore runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.console import confirm, megabytes, say
from dsc_core.cli.group import command
from dsc_core.cli.options import run_argument, yes_option
from dsc_core.cli.printing import (
    print_deleted,
    print_renamed,
    print_restored,
    print_run,
    print_runs,
    print_trash,
)

if TYPE_CHECKING:
    from dsc_core.runs import Run

FIELDS = (
    "name",
    "status",
    "reason",
    "pid",
    "created",
    "started",
    "ended",
    "device",
    "samples",
    "clusters",
    "paused",
    "phase",
    "parent",
    "starred",
    "note",
    "queued",
)


def to_row(run: Run) -> dict[str, Any]:
    """A run as `list --json` prints it; of a damaged one, samples and clusters are not known."""
    unknown = dict.fromkeys(("samples", "clusters")) if run.status == "damaged" else {}
    return {"run": run.id} | {name: getattr(run, name) for name in FIELDS} | unknown


@command("list", print_runs)
def list_runs() -> dict[str, Any]:
    """List all runs, newest first."""
    from dsc_core.runs import Store

    store = Store()
    runs = [to_row(run) for run in store.list()]
    if notice := store.notice():  # said once
        say(notice)
        store.dismiss_notice()
    return {"runs": runs}


@command("show", print_run)
@run_argument
def show(run: str) -> dict[str, Any]:
    """Show the status, process, settings, last event and results of a run.

    RUN is an id or a name, or the beginning of one.
    """
    from dsc_core.runs import Store, queue
    from dsc_core.runs.artifacts.summary import has_summary, read_summary

    store = Store()
    record = store.find(run)
    event = store.last_event(record.id)
    return to_row(record) | {
        "waiting": queue.outlook(store, record.id),
        "folder": str(record.folder),
        "checkpoints": [checkpoint.position for checkpoint in store.checkpoints(record.id)],
        "dataset": record.dataset,
        "settings": {} if record.status == "damaged" else record.config.to_dict(),
        "last_event": json.loads(event.to_json()) if event else None,
        "summary": read_summary(record) if has_summary(record) else None,
    }


@command("rename", print_renamed)
@run_argument
@click.argument("name", metavar="NAME")
def rename(run: str, name: str) -> dict[str, Any]:
    """Rename a run; NAME has 1 to 80 characters."""
    from dsc_core.runs import Store

    store = Store()
    run_id = store.find(run).id
    store.rename(run_id, name)
    return {"run": run_id, "name": name}


@command("delete", print_deleted)
@run_argument
@yes_option
def delete(run: str, yes: bool) -> dict[str, Any]:
    """Move a run to the trash; `restore` brings it back."""
    from dsc_core.runs import Store, trash
    from dsc_core.runs.files import size_of

    store = Store()
    record = store.find(run)
    if not yes:
        confirm(f"Move the run {record.name} ({megabytes(size_of(record.folder))}) to the trash?")
    trash.delete(store, record.id)
    return {"run": record.id, "trash": str(trash.folder_of(store))}


@command("restore", print_restored)
@run_argument
def restore(run: str) -> dict[str, Any]:
    """Restore a run from the trash; RUN is its full id or name."""
    from dsc_core.runs import Store, trash

    store = Store()
    matching = [deleted.id for deleted in trash.trashed(store) if run in (deleted.id, deleted.name)]
    return {"run": trash.restore(store, matching[0] if matching else run)}


@command("trash", print_trash)
@click.option("--empty", is_flag=True, help="Delete all runs in the trash permanently.")
@yes_option
def show_trash(empty: bool, yes: bool) -> dict[str, Any]:
    """List the runs in the trash, or delete them permanently."""
    from dsc_core.runs import Store, trash

    store = Store()
    runs = trash.trashed(store)
    result: dict[str, Any] = {
        "trash": [{"run": run.id, "name": run.name, "bytes": run.size} for run in runs],
        "emptied": False,
    }
    if empty and runs:
        if not yes:
            confirm(f"Delete {len(runs)} {'run' if len(runs) == 1 else 'runs'} permanently?")
        result |= {"emptied": True, "bytes": trash.empty(store)}
    return result

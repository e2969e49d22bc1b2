"""The command `export`: labels, other results or the events of a run, to a file or standard output."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.console import open_output
from dsc_core.cli.group import command
from dsc_core.cli.options import Names, run_argument
from dsc_core.cli.printing import print_exported
from dsc_core.errors import InputError

if TYPE_CHECKING:
    from dsc_core.runs import Run, Store


def export_names() -> Iterable[str]:
    """The values of --what."""
    from dsc_core.runs.artifacts.export import NAMES

    return NAMES


@command("export", print_exported)
@run_argument
@click.option(
    "--out", metavar="FILE", help="File to write; its suffix sets the format. - writes to standard output."
)
@click.option("--what", type=Names(export_names), help="What to write, where the suffix does not tell.")
@click.option("--edited", is_flag=True, help="Include the clusters as edited on the Results page.")
@click.option(
    "--events",
    metavar="FILE",
    help="Write the events: a .csv or .parquet file, a folder for TensorBoard, or - for CSV on standard output.",
)
def export(run: str, out: str | None, what: str | None, edited: bool, events: str | None) -> dict[str, Any]:
    """Write the labels, another result or the events of a run to a file."""
    from dsc_core.runs import Store

    if out is None and events is None:
        raise InputError("Nothing to write: add --out FILE for results or --events FILE for events.")
    store = Store()
    record = store.find(run)
    result: dict[str, Any] = {"run": record.id}
    if out is not None:
        written = write_results(record, out, what, edited)
        result |= {"samples": record.samples, "what": written, "out": out}
        result |= {"edited": edited, "edits": count_edits(record, written)}
    if events is not None:
        result |= {"events": write_events(store, record, events), "events_out": events}
    return result


def write_results(run: Run, out: str, what: str | None, edited: bool = False) -> str:
    """Write the result that `what` or the suffix of `out` names; its name. InputError where that is impossible."""
    from dsc_core.cli.progress import Progress
    from dsc_core.runs.artifacts.export import choose, write

    kind, suffix = choose(run, out, what)
    with Progress() as progress, open_output(out) as file:

        def show(done: int, total: int) -> None:
            progress.update(f"Written {done:,} of {total:,}")

        write(run, kind, suffix, file, show, edited)
    return kind.name


def count_edits(run: Run, what: str) -> int:
    """How many edits of the clusters are in force, where the export can show them; else 0."""
    from dsc_core.errors import RunError
    from dsc_core.runs.annotations import edits
    from dsc_core.runs.artifacts.export import KINDS
    from dsc_core.runs.artifacts.labels import labels_frame

    if not any(kind.name == what and kind.edited for kind in KINDS):
        return 0
    try:
        return len(edits.of_run(run, labels_frame(run)).now().done)
    except RunError:  # a damaged log of edits must not keep the run's own clusters from being exported
        return 0


def write_events(store: Store, run: Run, out: str) -> int:
    """Write the events in the format that `out` names; how many there are. InputError for an unknown format."""
    from dsc_core.runs.artifacts import event_table

    path = Path(out).expanduser()
    events = store.events(run.id)
    if out == "-" or path.suffix == ".csv":
        with open_output(out, "--events") as file:
            file.write(event_table.events_csv(events))
    elif path.suffix == ".parquet":
        with open_output(out, "--events") as file:
            file.write(event_table.events_parquet(events))
    elif path.suffix or path.is_file():
        raise InputError(f"--events takes a .csv or .parquet file, or a folder for TensorBoard, not {out}.")
    else:
        from dsc_core.runs.artifacts.tensorboard import write

        write(path / run.id, events, run.created)  # one folder per run: TensorBoard compares them
    return len(events)

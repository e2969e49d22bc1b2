"""Commands that train in this process: train, resume, branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.console import say
from dsc_core.cli.datasets import cluster_count, import_source, print_notes
from dsc_core.cli.group import command
from dsc_core.cli.options import (
    Source,
    clusters_option,
    data_options,
    live_settings_option,
    run_argument,
    seed_option,
    tensorboard_option,
)
from dsc_core.cli.printing import print_request, print_summary
from dsc_core.config import KNOBS, idle, parse_settings
from dsc_core.errors import InputError
from dsc_core.presets import DEFAULT_PRESET, PRESETS, preset

if TYPE_CHECKING:
    from dsc_core.config import Config
    from dsc_core.data import Dataset
    from dsc_core.events import Event
    from dsc_core.runs import Run, Store


def settings_help() -> str:
    """Every setting that --set takes, one per line, from the registry in config.py."""
    lines = [f"  {k.name:<20}{k.accepts}; default {k.default}. {k.help}" for k in KNOBS.values()]
    return "\n".join(["\b", "Settings for --set KNOB=VALUE (they override the preset):", *lines])


def announce(expected: dict[str, Any]) -> None:
    """Say how long a run takes here, and what takes the time."""
    words = expected["words"]
    say(f"{words[0].upper()}{words[1:]} here ({expected['longest']}).")
    if not expected["measured"]:
        say("Not measured here so far; `train` with --estimate does it.")
    if expected["training"]:
        runs = "1 run trains" if expected["training"] == 1 else f"{expected['training']} runs train"
        say(f"{runs} on this computer at present: it takes longer meanwhile.")
    if expected["advice"]:
        say(expected["advice"])


def print_trained(result: dict[str, Any]) -> None:
    """The outcome of training, or how long it would take."""
    if "expected_seconds" in result:
        announce(result)
    else:
        print_summary(result)


@command("train", print_trained, epilog=settings_help())
@data_options
@clusters_option
@click.option(
    "--preset",
    "preset_name",
    default=DEFAULT_PRESET,
    metavar="|".join(PRESETS),
    show_default=True,
    help="Preset.",
)
@seed_option
@click.option(
    "--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Change a setting; may be repeated."
)
@click.option("--run", "--name", "name", metavar="NAME", help="Name of the run.")
@tensorboard_option
@click.option(
    "--estimate", is_flag=True, help="Measure and print how long it would take here, without training."
)
def train(
    source: Source,
    clusters: int | None,
    preset_name: str,
    seed: int | None,
    settings: tuple[str, ...],
    name: str | None,
    tensorboard: bool,
    estimate: bool,
) -> dict[str, Any]:
    """Train on DATA in this process and save the run.

    DATA is the name of a sample data set, or the path of a file or folder.
    """
    from dsc_core.method.networks.sizes import describe_network
    from dsc_core.runs import Store
    from dsc_core.runs.store import check

    check_tensorboard(tensorboard)
    changes: dict[str, Any] = {"clusters": clusters, "seed": seed}
    changes = {key: value for key, value in changes.items() if value is not None} | parse_settings(settings)
    preset(preset_name, **changes)  # a wrong option is reported before a large file is read
    store = Store()
    key, dataset = import_source(source, store.home)
    changes["clusters"] = cluster_count(dataset, changes.get("clusters"))
    config = preset(preset_name, **changes)
    if estimate:
        check(dataset, config)
        print_notes(dataset)
        return estimated(store, config, dataset, measure=True)
    run_id = store.create(dataset, config, name, key)
    print_notes(dataset)
    say(describe_network(dataset.shape, config.encoder, config.stem))
    if unused := sorted(idle(config.encoder, dataset.shape) & changes.keys()):
        say(f"No effect on these data: {', '.join(unused)}.")
    announce(estimated(store, config, dataset))
    return run_here(store, run_id, tensorboard)


def estimated(store: Store, config: Config, dataset: Dataset, measure: bool = False) -> dict[str, Any]:
    """How long a run takes here; measure: try it first, where no finished run tells. Takes some seconds then."""
    from dsc_core.runs import expectation
    from dsc_core.training.costs import PARTS, Job

    job, finished = Job(len(dataset), dataset.shape, config), expectation.finished_runs(store)
    expected = expectation.expect(store.home, job, finished)
    if measure and not expected.measured:
        say("Measuring the speed of this machine for these data.")
        expectation.calibrate(store.home, [job])
        expected = expectation.expect(store.home, job, finished)
    return {
        "samples": len(dataset),
        "clusters": config.clusters,
        "expected_seconds": round(expected.seconds, 1),
        "expected_parts": {part: round(expected.parts.get(part, 0.0), 1) for part in PARTS},
        "measured": expected.measured,
        "words": expected.words,
        "longest": expected.longest,
        "advice": expected.advice,
        "training": sum(run.status == "running" for run in store.list()),
    }


def print_outcome(result: dict[str, Any]) -> None:
    """The outcome of training, or that a paused run was asked to continue."""
    (print_request if "asked" in result else print_summary)(result)


@command("resume", print_outcome)
@run_argument
@tensorboard_option
def resume(run: str, tensorboard: bool) -> dict[str, Any]:
    """Continue a paused run, or train an unfinished run from its newest checkpoint."""
    from dsc_core.runs import Store

    check_tensorboard(tensorboard)
    store = Store()
    record = store.find(run)
    if record.status == "running" and store.pausing(record.id):
        store.control(record.id, resume=True)
        return {"run": record.id, "status": "running", "phase": record.phase, "asked": {"resume": True}}
    return run_here(store, record.id, tensorboard)


@command("branch", print_summary)
@run_argument
@click.option(
    "--epoch", type=int, metavar="N", help="Epoch of the checkpoint to start from.  [default: the newest]"
)
@live_settings_option
@click.option("--run", "--name", "name", metavar="NAME", help="Name of the new run.")
def branch(run: str, epoch: int | None, settings: tuple[str, ...], name: str | None) -> dict[str, Any]:
    """Train a new run from a checkpoint of RUN with other weights."""
    from dsc_core.runs import Store

    store = Store()
    record = store.find(run)
    checkpoint = find_checkpoint(store, record, epoch)
    return run_here(store, store.branch(record.id, checkpoint, parse_settings(settings), name))


def find_checkpoint(store: Store, run: Run, epoch: int | None) -> str | None:
    """The name of the checkpoint of `epoch`, a complete epoch preferred; None, the newest, without an epoch."""
    if epoch is None:
        return None
    checkpoints = store.checkpoints(run.id)
    matching = sorted((one for one in checkpoints if one.epoch == epoch), key=lambda one: not one.whole)
    if matching:
        return matching[0].name
    available = " and ".join(one.position for one in checkpoints) or "none"
    raise InputError(f"{run.id} has no checkpoint of epoch {epoch}; available: {available}.")


def run_here(store: Store, run_id: str, tensorboard: bool = False) -> dict[str, Any]:
    """Train the run in this process with progress on standard error; Ctrl-C stops it and keeps results."""
    from dsc_core.cli.progress import Progress, stop_on_interrupt
    from dsc_core.runs import execute
    from dsc_core.runs.artifacts.tensorboard import EventFiles

    progress = Progress()
    progress(f"Run {run_id}")
    writer = EventFiles(store, run_id) if tensorboard else None

    def report(event: Event) -> None:
        progress(event)
        if writer:
            writer(event)

    try:
        with stop_on_interrupt(progress) as stop_requested:
            return execute(store, run_id, echo=report, stop_requested=stop_requested.is_set)
    finally:
        progress.close()
        if writer:
            writer.close()


def check_tensorboard(requested: bool) -> None:
    """InputError where --tensorboard is given and its package is missing, before any work is done."""
    if requested:
        from dsc_core.runs.artifacts.tensorboard import writer_class

        writer_class()

"""The command line: `python -m dsc_core train DATA`, and what can be asked of runs afterwards.

Exit codes: 0 done, 1 failed, 2 the input or the options are wrong. Progress goes to standard error; with
--json standard output holds exactly one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from dsc_core.config import DEFAULT_PRESET, KNOBS, PRESETS, idle, parse_settings, preset, takes
from dsc_core.errors import InputError, RunError
from dsc_core.training import launch

SUMMARY_LINES = (
    ("acc", "ACC"),
    ("nmi", "NMI"),
    ("ari", "ARI"),
    ("silhouette_latent", "silhouette, latent"),
    ("silhouette_spectral", "silhouette, spectral"),
)
QUIET, REDRAWN = 1.0, 0.1  # seconds of reading before its progress is told of, and between two such lines

# Kept equal to `runs.export.NAMES`, which takes a second to load; a test says if they differ.
EXPORTS = (
    "labels",
    "report",
    "data",
    "images",
    "embeddings",
    "latent",
    "spectral",
    "maps",
    "confusion",
    "curves",
    "model",
    "onnx",
)


# The commands -----------------------------------------------------------------------------------------------


def train(options) -> dict:
    """Train on DATA in this process, and keep the run."""
    from dsc_core.method.networks.sizes import in_words
    from dsc_core.runs import Store

    writer_at_hand(options)
    given = {"clusters": options.clusters, "seed": options.seed}
    given = {name: value for name, value in given.items() if value is not None} | parse_settings(options.set)
    preset(options.preset, **given)  # a wrong option is told of before a large file is read
    store = Store()
    key, dataset = imported(options, store.home)
    given["clusters"] = number_of_clusters(dataset, given.get("clusters"))
    config = preset(options.preset, **given)
    run_id = store.create(dataset, config, options.run, key)
    tell_of(dataset)
    tell(in_words(dataset.shape, config.encoder))
    if vain := sorted(idle(config.encoder, dataset.shape) & given.keys()):
        tell(f"Without effect on these data: {', '.join(vain)}.")
    return trained(store, run_id, options.tensorboard)


def resume(options) -> dict:
    """Let a paused run go on; or train one that did not end, from its newest checkpoint, in this process."""
    from dsc_core.runs import Store

    writer_at_hand(options)
    store = Store()
    run = store.find(options.run)
    if run.status == "running" and store.pausing(run.id):
        store.control(run.id, resume=True)
        return {"run": run.id, "status": "running", "asked": {"resume": True}}
    return trained(store, run.id, options.tensorboard)


def branch(options) -> dict:
    """Train on from a kept checkpoint of a run with other weights, as a new run, in this process."""
    from dsc_core.runs import Store

    store = Store()
    run = store.find(options.run)
    chosen = checkpoint_of(store, run, options.epoch)
    return trained(store, store.branch(run.id, chosen, parse_settings(options.set), options.name))


def checkpoint_of(store, run, epoch: int | None) -> str | None:
    """The name of the checkpoint after `epoch`, or else in the middle of it; None takes the newest."""
    kept = store.checkpoints(run.id)
    fitting = sorted((one for one in kept if one.epoch == epoch), key=lambda one: not one.whole)
    if epoch is None or fitting:
        return fitting[0].name if fitting else None
    known = " and ".join(one.place for one in kept) or "none"
    raise InputError(f"No checkpoint of epoch {epoch} is kept of {run.id}; there is {known}.")


def trained(store, run_id: str, tensorboard: bool = False) -> dict:
    """Train the run here, telling of it on standard error; Ctrl-C once stops it with results."""
    from dsc_core.cli.progress import Progress, stop_on_interrupt
    from dsc_core.runs import execute
    from dsc_core.runs.artifacts.tensorboard import Following

    progress = Progress()
    progress(f"Run {run_id}")
    following = Following(store, run_id) if tensorboard else None

    def echo(event) -> None:
        progress(event)
        if following:
            following(event)

    try:
        with stop_on_interrupt(progress) as asked:
            return execute(store, run_id, echo=echo, stop_requested=asked.is_set)
    finally:
        progress.close()
        if following:
            following.close()


def writer_at_hand(options) -> None:
    """InputError where --tensorboard was given and its package is not installed; told before anything is done."""
    if options.tensorboard:
        from dsc_core.runs.artifacts.tensorboard import writer_class

        writer_class()


def list_runs(options) -> dict:
    """All runs, the newest first."""
    from dsc_core.runs import Store

    return {"runs": [row(run) for run in Store().list()]}


def show(options) -> dict:
    """What is known of one run: state, process, settings, last event and results."""
    from dsc_core.runs import Store
    from dsc_core.runs.files import read_json

    store = Store()
    run = store.find(options.run)
    last = store.last_event(run.id)
    ended_well = run.status in ("done", "stopped") and (run.folder / "summary.json").exists()
    return row(run) | {
        "folder": str(run.folder),
        "checkpoints": [one.place for one in store.checkpoints(run.id)],
        "dataset": run.dataset,
        "settings": run.config.to_dict(),
        "last_event": json.loads(last.to_json()) if last else None,
        "summary": read_json(run.folder / "summary.json") if ended_well else None,
    }


def export(options) -> dict:
    """Write the labels of a run, or what else its suffix or --what names; or its events."""
    from dsc_core.runs import Store

    if options.out is None and options.events is None:
        raise InputError(
            "Say what to write: results with --out FILE, or events with --events FILE or FOLDER."
        )
    store = Store()
    run = store.find(options.run)
    found = {"run": run.id}
    if options.out is not None:
        kind = write_results(run, options.out, options.what, options.edited)
        found |= {"samples": run.samples, "what": kind, "out": options.out}
    if options.events is not None:
        found["events"] = write_events(store, run, options.events)
        found["events_out"] = options.events
    return found


def assign(options) -> dict:
    """Give the samples in DATA, any number of them, to the clusters of a run."""
    from dsc_core.cli.progress import Progress
    from dsc_core.data import open_stream
    from dsc_core.runs import Store
    from dsc_core.runs.artifacts.results import LoadedRun
    from dsc_core.runs.assigning import assign_all

    loaded = LoadedRun(Store().find(options.run))
    loaded.frame  # noqa: B018 - a run without results is told of before the data are read
    with (
        Progress() as progress,
        open_stream(options.data, loaded.run.dataset, **reading(options)) as stream,
        writing(options.out) as out,
    ):

        def told(done: int, total: int | None) -> None:
            progress.update(f"Assigned {done:,}" + (f" of {total:,}" if total else ""))

        found = assign_all(loaded, stream, out, told)
    tell_of(stream)
    return {
        "run": loaded.id,
        "samples": found.samples,
        "unseen": found.unseen,
        "distance_limit": found.known.limit,
        "error_limit": found.known.error_limit if found.known.error_limit < float("inf") else None,
        "acc": found.acc,
        "out": options.out,
    }


def stop(options) -> dict:
    """Ask a run to end after its present step; its results are made from what is there."""
    from dsc_core.runs import Store

    store = Store()
    run = store.find(options.run)
    store.control(run.id, stop=True)
    while options.wait and not store.get(run.id).finished:
        time.sleep(0.2)
    return {"run": run.id, "status": store.get(run.id).status}


def pause(options) -> dict:
    """Ask a run to wait after its present step; `resume` lets it go on, also after its process has ended."""
    from dsc_core.runs import Store

    store = Store()
    run = store.find(options.run)
    if not store.pausing(run.id):
        store.control(run.id, pause=True)
    while options.wait and not (run := store.get(run.id)).paused and not run.finished:
        time.sleep(0.2)
    return {"run": run.id, "status": store.get(run.id).status, "asked": {"pause": True}}


def steer(options) -> dict:
    """Give a run that trains new values of settings that may move; they count from its next step on."""
    from dsc_core.runs import Store

    store = Store()
    run = store.find(options.run)
    changes = parse_settings(options.set)
    store.control(run.id, **changes)
    return {"run": run.id, "status": run.status, "asked": changes}


def rename(options) -> dict:
    """Give a run another name."""
    from dsc_core.runs import Store

    store = Store()
    run = store.find(options.run)
    store.rename(run.id, options.name)
    return {"run": run.id, "name": options.name}


def delete(options) -> dict:
    """Move a run into the workspace's trash, whence `restore` brings it back."""
    from dsc_core.runs import Store, trash
    from dsc_core.runs.files import size_of

    store = Store()
    run = store.find(options.run)
    if not (
        options.yes or agreed(f"Move the run {run.name} ({megabytes(size_of(run.folder))}) to the trash?")
    ):
        raise InputError("Nothing was deleted.")
    trash.delete(store, run.id)
    return {"run": run.id, "trash": str(trash.folder_of(store))}


def restore(options) -> dict:
    """Bring a run back out of the trash."""
    from dsc_core.runs import Store, trash

    store = Store()
    matching = [run.id for run in trash.trashed(store) if options.run in (run.id, run.name)]
    return {"run": trash.restore(store, matching[0] if matching else options.run)}


def show_trash(options) -> dict:
    """What lies in the trash; with --empty it is deleted for good."""
    from dsc_core.runs import Store, trash

    store = Store()
    held = trash.trashed(store)
    found = {
        "trash": [{"run": run.id, "name": run.name, "bytes": run.size} for run in held],
        "emptied": False,
    }
    if options.empty and held:
        if not (options.yes or agreed(f"Delete {len(held)} runs for good?")):
            raise InputError("Nothing was deleted.")
        found |= {"emptied": True, "bytes": trash.empty(store)}
    return found


def baselines(options) -> dict:
    """Cluster DATA by what a person would pick instead."""
    from dsc_core.analysis.baselines import compare
    from dsc_core.runs import home

    seed = 0 if options.seed is None else options.seed
    _, dataset = imported(options, home())
    clusters = number_of_clusters(dataset, options.clusters)
    if clusters > len(dataset):
        raise InputError(
            f"There are fewer samples ({len(dataset)}) than clusters ({clusters}); ask for fewer."
        )
    tell_of(dataset)
    rows = compare(dataset, clusters, seed, progress=tell)
    return {
        "data": dataset.name,
        "samples": len(dataset),
        "clusters": clusters,
        "seed": seed,
        "baselines": rows,
    }


# Their parts ------------------------------------------------------------------------------------------------


def imported(options, home: Path):
    """(key, Dataset) of the workspace's copy of what the options name, its progress told of.

    The same data with the same options are not read a second time. Ctrl-C leaves nothing behind.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.data import import_data, load_dataset

    told = time.monotonic() + QUIET  # what is quick is over before it is told of

    def tell_how_far(stage: str, done: int, total: int) -> None:
        nonlocal told
        if (now := time.monotonic()) >= told:
            told = now + REDRAWN
            progress.update(f"{stage}: {done / total:.0%}" if total else f"{stage}: {done / 1e6:,.1f} MB")

    with Progress() as progress:
        key = import_data(options.data, home, tell_how_far, **reading(options))
    return key, load_dataset(key, home)


def reading(options) -> dict:
    """How DATA is to be read, as `open_dataset` takes it."""
    return {
        "labels_from_folders": options.labels_from_folders,
        "size": options.size,
        "crop": options.crop,
        "channels": options.channels,
        "label_column": options.label_column,
        "id_column": options.id_column,
        "samples_key": options.samples_key,
        "columns_first": None if options.pixel_order is None else options.pixel_order == "columns",
        "image_shape": options.image_shape,
    }


def tell_of(dataset) -> None:
    """What was noted and left out while reading; told once all is well, so that an error stands alone."""
    for note in dataset.notes:
        tell(note)
    if dataset.skipped:
        named = "; ".join(f"{name}: {reason}" for name, reason in dataset.skipped[:10])
        tell(f"{len(dataset.skipped)} could not be read and were left out: {named}")


def number_of_clusters(dataset, given: int | None) -> int:
    """`given`, or the number of classes; InputError where neither is known."""
    if given is None and dataset.classes is None:
        raise InputError(
            f"{dataset.name} has no labels to count the clusters by; say how many with --clusters."
        )
    if given is None and dataset.classes < 2:
        raise InputError(f"{dataset.name} has a single class; say how many clusters to make with --clusters.")
    return dataset.classes if given is None else given


def agreed(question: str) -> bool:
    """Ask on the terminal; InputError where there is none to answer."""
    if not sys.stdin or not sys.stdin.isatty():
        raise InputError(f"{question} Say so with --yes, since there is no terminal to ask.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def megabytes(size: int) -> str:
    """Bytes in words: "12.3 MB"."""
    return f"{size / 1e6:,.1f} MB"


def row(run) -> dict:
    """A run as `list --json` tells of it."""
    names = (
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
        "parent",
        "starred",
        "note",
        "queued",
    )
    return {"run": run.id} | {name: getattr(run, name) for name in names}


@contextmanager
def writing(out: str, option: str = "--out"):
    """An open binary file that is there whole at the end or not at all; standard output for "-".

    InputError where it cannot be written.
    """
    from dsc_core.runs.files import written_whole

    if out == "-":
        yield sys.__stdout__.buffer
        sys.__stdout__.flush()
        return
    try:
        with written_whole(Path(out).expanduser()) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror}); choose another place with {option}."
        ) from error


def write_results(run, out: str, what: str | None, edited: bool = False) -> str:
    """Write what the suffix of `out`, or `what`, names of a run's results; its name. InputError where it cannot be."""
    from dsc_core.cli.progress import Progress
    from dsc_core.runs.artifacts import export as exports

    kind, suffix = exports.choose(run, out, what)
    with Progress() as progress, writing(out) as file:
        exports.write(
            run,
            kind,
            suffix,
            file,
            lambda done, total: progress.update(f"Written {done:,} of {total:,}"),
            edited,
        )
    return kind.name


def write_events(store, run, out: str) -> int:
    """Write the events of a run as the name `out` asks for it; how many. InputError where it cannot be."""
    from dsc_core.runs.artifacts import event_table

    path = Path(out).expanduser()
    events = store.events(run.id)
    if out == "-" or path.suffix == ".csv":
        with writing(out, "--events") as file:
            file.write(event_table.events_csv(events))
    elif path.suffix == ".parquet":
        with writing(out, "--events") as file:
            file.write(event_table.events_parquet(events))
    elif path.suffix or path.is_file():
        raise InputError(f"--events takes a .csv or a .parquet file, or a folder for TensorBoard, not {out}.")
    else:
        from dsc_core.runs.artifacts.tensorboard import write

        write(
            path / run.id, events, run.created
        )  # a folder a run: TensorBoard then shows several side by side
    return len(events)


def tell(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


# What a person reads ----------------------------------------------------------------------------------------


def print_summary(found: dict) -> None:
    """The outcome of training."""
    print(f"{found['run']}: {found['samples']:,} samples in {found['clusters']} clusters, {found['status']}")
    for key, title in SUMMARY_LINES:
        if found.get(key) is not None:
            print(f"{title:>22}  {found[key]:.3f}")
    if found.get("acc") is None:
        print("    without labels there is no accuracy; silhouettes say how well the clusters hold together")
    print(f"{'seconds':>22}  {found['seconds']:.0f}")
    print(f"{'images a second':>22}  {found['images_per_second']:.0f}")
    print(f"{'device':>22}  {found['device']}")
    print(f"Labels: python -m dsc_core export {found['run']} --out labels.csv")


def print_asked(found: dict) -> None:
    """What was asked of a run that trains in another process."""
    asked = ", ".join(
        name if value is True else f"{name}={value:g}" for name, value in found["asked"].items()
    )
    print(f"{found['run']}: {found['status']}, asked for {asked}")


def print_resumed(found: dict) -> None:
    """The outcome of training, or that a paused run was let go on."""
    (print_asked if "asked" in found else print_summary)(found)


def print_list(found: dict) -> None:
    """A line a run."""
    if not found["runs"]:
        print("There are no runs yet; `python -m dsc_core train digits` makes the first one.")
        return
    width = max(len(run["run"]) for run in found["runs"])
    for run in found["runs"]:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["created"]))
        named = f"  {run['name']}" if run["name"] != run["run"] else ""
        sizes = f"{run['samples']:>8,}{run['clusters']:>5}"
        status = "paused" if run["paused"] else run["status"]
        star = "★" if run["starred"] else " "
        print(f"{star} {run['run']:<{width}}  {status:<8}{sizes}  {made}{named}")


def print_trash(found: dict) -> None:
    """A line a deleted run."""
    for run in found["trash"]:
        named = f"  {run['name']}" if run["name"] != run["run"] else ""
        print(f"{run['run']}  {megabytes(run['bytes'])}{named}")
    if found["emptied"]:
        print(f"Deleted for good: {megabytes(found['bytes'])}")
    elif not found["trash"]:
        print("The trash is empty.")


def print_run(found: dict) -> None:
    """Everything that `show` knows."""
    for name in ("run", "name", "status", "reason", "note", "pid", "device", "samples", "clusters", "folder"):
        if found[name] not in ("", None):
            print(f"{name:>10}  {found[name]}")
    if found["paused"]:
        print(f"{'paused':>10}  `python -m dsc_core resume {found['run']}` lets it go on")
    if found["parent"]:
        print(f"{'branch of':>10}  {found['parent']['run']}, epoch {found['parent']['epoch']}")
    if found["checkpoints"]:
        print(f"{'checkpoint':>10}  {', '.join(found['checkpoints'])}")
    if found["last_event"]:
        from dsc_core.cli.progress import describe
        from dsc_core.events import Event

        print(f"{'last event':>10}  {describe(Event.from_json(json.dumps(found['last_event'])))}")
    for key, title in SUMMARY_LINES:
        if (found["summary"] or {}).get(key) is not None:
            print(f"{title:>22}  {found['summary'][key]:.3f}")
    print("  settings  " + " ".join(f"{name}={value}" for name, value in found["settings"].items()))


def print_baselines(found: dict) -> None:
    """A line a method."""
    print(
        f"{found['data']}: {found['samples']:,} samples, {found['clusters']} clusters, seed {found['seed']}"
    )
    for one in found["baselines"]:
        scores = [
            f"{name.upper()} {one[name]:.3f}" for name in ("acc", "nmi", "ari") if one[name] is not None
        ]
        print(f"{one['method']:<24}{'  '.join(scores)}  {one['seconds']:.1f} s  ({one['note']})")


# The options ------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    """argparse, with its errors on one line."""

    def error(self, message: str):
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(2)


def size(text: str) -> tuple[int, int]:
    """ "28x28" as (28, 28)."""
    from dsc_core.data import parse_size

    try:
        return parse_size(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def shape(text: str) -> tuple[int, ...]:
    """ "28x28" or "3x32x32" as numbers."""
    try:
        return tuple(int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a shape is written as 28x28 or 3x32x32, not '{text}'") from None


def settings_help() -> str:
    """Every knob of `--set` on a line, made from config.py."""
    lines = [f"  {k.name:<20}{takes(k)}; {k.default} unless told. {k.help}" for k in KNOBS.values()]
    return "\n".join(["settings for --set KNOB=VALUE, which come after those of the preset:", *lines])


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """How DATA is to be read."""
    parser.add_argument("data", metavar="DATA", help="a sample's name, or the path of a file or folder")
    parser.add_argument(
        "--labels-from-folders", action="store_true", help="the folder of an image is its label"
    )
    parser.add_argument("--size", type=size, metavar="HxW", help="resize images to this height and width")
    parser.add_argument(
        "--crop",
        action="store_true",
        help="take the middle of each image, in the proportions of --size or a square",
    )
    parser.add_argument("--channels", choices=("grey", "colour"), help="make images grey, or colour")
    parser.add_argument("--label-column", metavar="NAME", help="the column or key with labels; '' for none")
    parser.add_argument("--id-column", metavar="NAME", help="the column or key with ids; '' for none")
    parser.add_argument("--samples-key", metavar="NAME", help="the key of the samples in .npz, .h5 or .mat")
    parser.add_argument(
        "--image-shape", type=shape, metavar="HxW", help="a table's columns are pixels of such images"
    )
    parser.add_argument(
        "--pixel-order",
        choices=("rows", "columns"),
        help="how the pixels run; columns where MATLAB wrote them",
    )


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="python -m dsc_core", description="Deep spectral clustering with a dual autoencoder."
    )
    parser.add_argument("--home", metavar="FOLDER", help="the workspace, in place of DSC_HOME")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, does, printed, json_too: bool = True, **more) -> argparse.ArgumentParser:
        described = " ".join(does.__doc__.split())
        made = commands.add_parser(name, help=described, description=described, allow_abbrev=False, **more)
        made.set_defaults(does=does, printed=printed, json=False)
        if json_too:
            made.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        return made

    raw = argparse.RawDescriptionHelpFormatter
    one = command("train", train, print_summary, formatter_class=raw, epilog=settings_help())
    add_data_options(one)
    one.add_argument(
        "--clusters", type=int, metavar="K", help="number of clusters; else the number of classes"
    )
    one.add_argument("--preset", default=DEFAULT_PRESET, metavar="NAME", help=f"one of {', '.join(PRESETS)}")
    one.add_argument("--seed", type=int, metavar="N", help="one seed gives one result on one machine")
    one.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE", help="change one setting")
    one.add_argument("--run", "--name", metavar="NAME", help="a name for the run")
    boarded = "write event files for TensorBoard too, into the run's folder"
    one.add_argument("--tensorboard", action="store_true", help=boarded)
    one = command("resume", resume, print_resumed)
    one.add_argument("run", metavar="RUN")
    one.add_argument("--tensorboard", action="store_true", help=boarded)
    one = command("branch", branch, print_summary)
    one.add_argument("run", metavar="RUN")
    one.add_argument(
        "--epoch", type=int, metavar="N", help="the kept checkpoint of this epoch; else the newest"
    )
    one.add_argument(
        "--set", action="append", required=True, metavar="KNOB=VALUE", help="a setting that may move"
    )
    one.add_argument("--run", "--name", dest="name", metavar="NAME", help="a name for the new run")
    command("list", list_runs, print_list)
    command("show", show, print_run).add_argument(
        "run", metavar="RUN", help="an id or name, or its beginning"
    )
    one = command("export", export, print_exported)
    one.add_argument("run", metavar="RUN")
    one.add_argument(
        "--out", metavar="FILE", help="its suffix says the format; - for labels on standard output"
    )
    one.add_argument("--what", metavar="KIND", help=f"what --out is: one of {', '.join(EXPORTS)}")
    one.add_argument(
        "--edited",
        action="store_true",
        help="with the clusters as edited on the Results page, beside the run's own",
    )
    one.add_argument(
        "--events",
        metavar="FILE",
        help="events: a .csv or .parquet file, - for CSV on standard output, or a folder "
        "for TensorBoard's event files",
    )
    one = command("assign", assign, print_assigned)
    one.add_argument("run", metavar="RUN")
    add_data_options(one)
    one.add_argument("--out", required=True, metavar="FILE", help="the CSV file; - for standard output")
    one = command("stop", stop, lambda found: print(f"{found['run']}: {found['status']}, asked to stop"))
    one.add_argument("run", metavar="RUN")
    one.add_argument("--wait", action="store_true", help="until it has ended")
    one = command("pause", pause, print_asked)
    one.add_argument("run", metavar="RUN")
    one.add_argument("--wait", action="store_true", help="until it waits")
    one = command("steer", steer, print_asked)
    one.add_argument("run", metavar="RUN")
    one.add_argument(
        "--set", action="append", required=True, metavar="KNOB=VALUE", help="a setting that may move"
    )
    one = command("rename", rename, lambda found: print(f"{found['run']} is named {found['name']}"))
    one.add_argument("run", metavar="RUN")
    one.add_argument("name", metavar="NAME", help="1 to 80 letters")
    one = command("delete", delete, lambda found: print(f"{found['run']} lies in {found['trash']}"))
    one.add_argument("run", metavar="RUN")
    one.add_argument("--yes", action="store_true", help="do not ask")
    command("restore", restore, lambda found: print(f"{found['run']} is back")).add_argument(
        "run", metavar="RUN", help="its whole id or name"
    )
    one = command("trash", show_trash, print_trash)
    one.add_argument("--empty", action="store_true", help="delete for good what lies there")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one = command("baselines", baselines, print_baselines)
    add_data_options(one)
    one.add_argument(
        "--clusters", type=int, metavar="K", help="number of clusters; else the number of classes"
    )
    one.add_argument("--seed", type=int, metavar="N")
    return parser


def print_written(found: dict) -> None:
    """Where the rows went; nothing where they went to standard output."""
    if found["out"] != "-":
        print(f"{found['samples']:,} rows written to {found['out']}")


def print_exported(found: dict) -> None:
    """Where the results, of labels how many rows, and the events went."""
    if found.get("what") == "labels":
        print_written(found)
    elif found.get("out", "-") != "-":
        print(f"{found['what']} of {found['run']} written to {found['out']}")
    if found.get("events_out", "-") != "-":
        print(f"{found['events']:,} events written to {found['events_out']}")


def print_assigned(found: dict) -> None:
    """Where the rows went, and how many samples look like nothing that was trained on."""
    if found["out"] == "-":
        return
    print_written(found)
    share = found["unseen"] / found["samples"]
    print(f"{found['unseen']:,} ({share:.1%}) look like nothing seen in training; there about 1 % do")
    if found["acc"] is not None:
        print(f"ACC {found['acc']:.3f} against the labels that came with the data")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    if not launch.first():
        from dsc_core.runs import torchrun

        return torchrun.follow()
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit:  # all is said; of several processes, the others still wait for this one
        with leading():
            raise
    if options.home:
        os.environ["DSC_HOME"] = options.home
    try:
        # Whatever a library prints, it is not the answer.
        with redirect_stdout(sys.stderr), leading():
            check_one_output(options)
            try:
                found = options.does(options)
            finally:
                take_up_queue()
        if options.json:
            print(as_json(found))
        else:
            options.printed(found)
        sys.stdout.flush()
        return 0
    except InputError as error:
        tell(str(error))
        return 2
    except RunError as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        tell("Interrupted.")
        return 1
    except BrokenPipeError:  # `list | head`: nobody reads on, which is no failure worth a word
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from dsc_core.runs.failures import unexpected

        tell(unexpected(error))
        return 1


def take_up_queue() -> None:
    """Start what waits in the workspace and has room, where the processes that should have were killed."""
    from contextlib import suppress

    from dsc_core.runs import Store, home, queue

    if (home() / "dsc.sqlite").exists():  # a command that needs no workspace makes none
        with suppress(RunError):
            store = Store()
            queue.advance(store)
            store.close()


def check_one_output(options) -> None:
    """InputError where more than one thing would go to standard output."""
    wanted = [f"--{name} -" for name in ("out", "events") if getattr(options, name, None) == "-"]
    wanted = ["--json", *wanted] if options.json else wanted
    if len(wanted) > 1:
        raise InputError(f"{' and '.join(wanted)} both want standard output; choose one of them.")


def leading():
    """What `together.leading` gives, which is nothing where this process is the only one."""
    from contextlib import nullcontext

    if not launch.together():
        return nullcontext()
    from dsc_core.runs import torchrun

    return torchrun.leading()


def as_json(found: dict) -> str:
    """One JSON object on one line, numbers that are not finite as null."""
    from dsc_core.runs.files import plain

    return json.dumps(plain(found), ensure_ascii=False, allow_nan=False)


if __name__ == "__main__":
    sys.exit(main())

"""What a command prints for people, on standard output."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from dsc_core.cli.console import megabytes, say

Result = dict[str, Any]

SCORES = (
    ("acc", "ACC"),
    ("nmi", "NMI"),
    ("ari", "ARI"),
    ("silhouette_latent", "silhouette, latent"),
    ("silhouette_spectral", "silhouette, spectral"),
)
SHOWN = (
    "run",
    "name",
    "phase",
    "reason",
    "waiting",
    "note",
    "pid",
    "device",
    "samples",
    "clusters",
    "folder",
)

HINTS = {  # of the phase of a run: what can be done
    "paused": "`{0} resume {1}` continues it",
    "queued": "`{0} start {1}` trains it now, beside the others",
    "silent": "its process lives but has not answered for more than a minute: it may be suspended",
}


def program() -> str:
    """The name under which the command line was started, for hints."""
    return click.get_current_context().find_root().info_name or "python -m dsc_core"


def print_scores(result: Result) -> None:
    """The scores that there are, one per line."""
    for key, title in SCORES:
        if result.get(key) is not None:
            print(f"{title:>22}  {result[key]:.3f}")


def print_summary(result: Result) -> None:
    """The outcome of training."""
    print(
        f"{result['run']}: {result['samples']:,} samples in {result['clusters']} clusters, {result['status']}"
    )
    print_scores(result)
    if result.get("acc") is None:
        print("    No labels, so no accuracy; silhouettes measure how well the clusters are separated.")
    print(f"{'seconds':>22}  {result['seconds']:.0f}")
    print(f"{'images per second':>22}  {result['images_per_second']:.0f}")
    print(f"{'device':>22}  {result['device']}")
    print(f"Labels: {program()} export {result['run']} --out labels.csv")


def print_request(result: Result) -> None:
    """What was requested of a run that trains in another process."""
    requests = [name if value is True else f"{name}={value:g}" for name, value in result["asked"].items()]
    print(f"{result['run']}: {result['phase']}, requested: {', '.join(requests)}")


def print_runs(result: Result) -> None:
    """One line per run."""
    if not result["runs"]:
        print(f"There are no runs yet; `{program()} train digits` trains the first one.")
        return
    width = max(len(run["run"]) for run in result["runs"])
    for run in result["runs"]:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["created"]))
        sizes = f"{_known(run['samples']):>8}{_known(run['clusters']):>5}"
        star = "★" if run["starred"] else " "
        print(f"{star} {run['run']:<{width}}  {run['phase']:<8}{sizes}  {created}{name_suffix(run)}")


def _known(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def print_run(result: Result) -> None:
    """Everything that `show` returns."""
    for name in SHOWN:
        if result[name] not in ("", None):
            print(f"{'status' if name == 'phase' else name:>10}  {result[name]}")
    if hint := HINTS.get(result["phase"]):
        print(f"{'':>10}  {hint.format(program(), result['run'])}")
    if result["parent"]:
        print(f"{'branch of':>10}  {result['parent']['run']}, epoch {result['parent']['epoch']}")
    if result["checkpoints"]:
        print(f"{'checkpoint':>10}  {', '.join(result['checkpoints'])}")
    if result["last_event"]:
        from dsc_core.cli.progress import describe
        from dsc_core.events import Event

        print(f"{'last event':>10}  {describe(Event.from_json(json.dumps(result['last_event'])))}")
    print_scores(result["summary"] or {})
    if result["settings"]:
        print("  settings  " + " ".join(f"{name}={value}" for name, value in result["settings"].items()))


def print_renamed(result: Result) -> None:
    """The new name of a run."""
    print(f"{result['run']} renamed to {result['name']}")


def print_deleted(result: Result) -> None:
    """Where a deleted run is now."""
    print(f"{result['run']} moved to {result['trash']}; `trash --empty` frees its space")


def print_restored(result: Result) -> None:
    """The run that was restored."""
    print(f"{result['run']} restored")


def print_trash(result: Result) -> None:
    """One line per deleted run."""
    for run in result["trash"]:
        print(f"{run['run']}  {megabytes(run['bytes'])}{name_suffix(run)}")
    if result["emptied"]:
        print(f"Deleted permanently: {megabytes(result['bytes'])}")
    elif not result["trash"]:
        print("The trash is empty.")


def name_suffix(run: Result) -> str:
    """The name of a run, where it has one beside its id."""
    return f"  {run['name']}" if run["name"] != run["run"] else ""


def print_rows(result: Result) -> None:
    """Where rows were written; nothing where they went to standard output."""
    if result["out"] != "-":
        print(f"{result['samples']:,} rows written to {result['out']}")


def print_exported(result: Result) -> None:
    """Where results and events were written, and whether with the edits of the clusters."""
    if count := result.get("edits"):
        edits = f"{count:,} edit{'s'[: count != 1]}"
        without = f"Written without the {edits} of its clusters: add --edited for the clusters as edited."
        say(f"Written with the {edits} of its clusters." if result["edited"] else without)
    if result.get("what") == "labels":
        print_rows(result)
    elif result.get("out", "-") != "-":
        print(f"{result['what']} of {result['run']} written to {result['out']}")
    if result.get("events_out", "-") != "-":
        print(f"{result['events']:,} events written to {result['events_out']}")


def print_assigned(result: Result) -> None:
    """Where rows were written, and how many samples are unlike the training data."""
    if result["out"] == "-":
        return
    print_rows(result)
    share = result["unseen"] / max(1, result["samples"] - result["unassigned"])
    print(
        f"{result['unseen']:,} ({share:.1%}) are unlike the training data, of which about 1 % are expected to be"
    )
    if result["acc"] is not None:
        print(f"ACC {result['acc']:.3f} against the labels of these data")


def print_baselines(result: Result) -> None:
    """One line per method."""
    counts = f"{result['samples']:,} samples, {result['clusters']} clusters, seed {result['seed']}"
    print(f"{result['data']}: {counts}")
    for row in result["baselines"]:
        scores = [
            f"{name.upper()} {row[name]:.3f}" for name in ("acc", "nmi", "ari") if row[name] is not None
        ]
        print(f"{row['method']:<24}{'  '.join(scores)}  {row['seconds']:.1f} s  ({row['note']})")


def print_transforms(result: Result) -> None:
    """One line per transform."""
    print(
        f"{result['data']}: {result['samples']:,} images, seed {result['seed']}; admitted below {result['limit']}"
    )
    for row in result["transforms"]:
        ratio, verdict = row["in_words"], "admitted" if row["admitted"] else "not admitted"
        print(f"{row['transform']:<12}{ratio:>6}  {verdict}")


def print_untrained(result: Result) -> None:
    """The sizes of clusters for which nothing was trained, and their scores."""
    if result["out"] == "-":
        return
    found, asked = len(result["sizes"]), result["clusters"]
    of = "" if found == asked else f" ({asked} were asked for: {asked - found} have no samples)"
    counts = f"{result['samples']:,} samples in {found} clusters{of}"
    print(f"{result['data']}: {counts}, {result['from']}; nothing was trained")
    print("Sizes: " + ", ".join(f"{number}: {size:,}" for number, size in result["sizes"].items()))
    print_scores(result)
    print(f"{'seconds':>22}  {result['seconds']:.1f}")
    if result["out"]:
        print_rows(result)


def print_taught(result: Result) -> None:
    """How many answers a run has, which contradict others, and the clusters that follow from them."""
    if result["out"] == "-":
        return
    print(f"{result['run']}: {result['added']:,} answers added, taught: {result['taught']:,} answers")
    for each in result["contradictions"]:
        others = "; ".join(f"{one['a']} and {one['b']} {one['said']}" for one in each["contradicts"])
        said = each["answer"]
        print(f"Not used, {said['a']} and {said['b']} {said['said']}: it contradicts {others or 'itself'}")
    print(f"{result['moved']:,} of {result['samples']:,} samples move; {result['clusters']} clusters follow")
    print_scores(result)
    if result["out"]:
        print(f"{result['samples']:,} rows written to {result['out']}")


def print_cut(result: Result) -> None:
    """The sizes of a cut's clusters, its scores, and the numbers of clusters that the graph supports."""
    if result["out"] == "-":
        return
    print(f"{result['run']}: {result['samples']:,} samples, cut into {result['k']} clusters")
    print("Sizes: " + ", ".join(f"{number}: {size:,}" for number, size in result["sizes"].items()))
    print_scores(result)
    marks = result["marks"]
    print(f"Best supported number of clusters: {marks['best'] or 'none stands out'}")
    for key, words in (("agreement", "Subsets agree best at"), ("cost", "Merging costs twice as much below")):
        print(f"  {words}: {', '.join(map(str, sorted(marks[key]))) or 'no number'}")
    if result["used"]:
        print("These are the edited clusters of the run now; undo on the Results page.")
    if result["out"]:
        print(f"{result['samples']:,} rows written to {result['out']}")

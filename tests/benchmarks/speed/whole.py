"""(f) Whole jobs on a device, with their scores: `standard` on MNIST on a graphics card, by default.

With a graphics card run also `step`, `parts` and `growth` with `--device cuda`, and `python -m
tests.benchmarks.speed.device`, one script of under ten minutes for a machine that is lent for a short time.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from contextlib import ExitStack

from tests.benchmarks.speed import jobs
from tests.benchmarks.speed.kept import Task, rounds_option, whole_runs
from tests.benchmarks.speed.trees import ROOT


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--data", nargs="+", default=["mnist"])
    parser.add_argument("--preset", nargs="+", default=["standard"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=float, default=jobs.LIMIT, help="seconds for one job")


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One job per data set, preset and round; the round's number is its seed."""
    more = ("--set", f"device={given.device}")
    return whole_runs("whole", given, lambda *run: jobs.train(ROOT, *run, given.limit, more))


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Medians of the seconds, means of the scores."""
    groups: dict[tuple[str, str, str], list[dict]] = {}
    for result in results:
        given = result["settings"]
        groups.setdefault((given["data"], given["preset"], given["device"]), []).append(result)
    rows = []
    for (data, preset, device), members in groups.items():
        whole = [member for member in members if "failed" not in member]
        if not whole:
            rows.append([data, f"`{preset}`", device, members[0]["failed"], *[""] * 5])
            continue
        seconds = [
            f"{statistics.median(each[name] for each in whole):.1f}"
            for name in ("wall", "training", "processor")
        ]
        scores = [f"{statistics.mean(each[name] for each in whole):.3f}" for name in ("acc", "nmi")]
        rows.append([data, f"`{preset}`", whole[0]["device"], str(len(whole)), *seconds, *scores])
    return [
        "data",
        "preset",
        "device",
        "rounds",
        "s, whole command",
        "s, training",
        "processor s",
        "ACC",
        "NMI",
    ], rows

"""(e) Start-up: imports, the first page, and the script run of each page while a run trains."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.speed.kept import Task, rounds_option
from tests.benchmarks.speed.trees import ROOT, run

IMPORTS = {"nothing": "pass", "torch": "import torch", "dsc_core": "import dsc_core"}
LIMIT = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--what", nargs="+", default=["imports", "pages"], choices=("imports", "pages"))


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """The imports, and the pages."""
    measures = {"imports": lambda: imports(ROOT, given.rounds), "pages": lambda: pages(given.rounds)}
    for what in given.what:
        yield Task("start", what, {"rounds": given.rounds}, measures[what])


def imports(tree: Path, rounds: int) -> dict:
    """Seconds of each import beyond an interpreter that imports nothing, in turns, one list each."""
    measured = [measure_imports(tree) for _ in range(rounds + 1)][
        1:
    ]  # the first one fills the caches of files
    return {"imports": {name: [each[name] for each in measured] for name in measured[0]}}


def measure_imports(tree: Path) -> dict:
    """One round: seconds and processor seconds of importing torch and `dsc_core`, and their ratio."""
    taken = {}
    for name, line in IMPORTS.items():
        taken[name] = run([sys.executable, "-c", line], LIMIT, cwd=tree)
    empty = taken["nothing"]
    torch, core = (taken[name].processor - empty.processor for name in ("torch", "dsc_core"))
    return {
        "import torch, wall": taken["torch"].seconds - empty.seconds,
        "import dsc_core, wall": taken["dsc_core"].seconds - empty.seconds,
        "import torch, processor": torch,
        "import dsc_core, processor": core,
        "dsc_core / torch": core / torch,
    }


def pages(rounds: int) -> dict:
    """Script runs of the pages while a run trains, by the harness of the pages."""
    from tests.benchmarks.speed.page_runs import measure

    return {"pages": measure([ROOT], rounds=rounds)}


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Medians."""
    rows = []
    for result in results:
        if "failed" in result:
            rows.append([result["name"], result["failed"], ""])
        for name, values in result.get("imports", {}).items():
            rows.append([name, f"{statistics.median(values):.3f}", str(len(values))])
        for figures in result.get("pages", {}).values():
            for name, seconds in figures.get("script", {}).items():
                values = seconds if isinstance(seconds, list) else [seconds]
                rows.append([f"script run: {name}", f"{statistics.median(values):.3f}", str(len(values))])
    return ["what", "seconds (or ratio)", "rounds"], rows

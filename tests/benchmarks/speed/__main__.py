"""How fast everything is, part by part, on this machine: `python -m tests.benchmarks.speed PART --help`.

Each part can be called alone, keeps one file per measurement (see `kept`), and continues where an interrupted call
stopped: what was made of the same committed code, settings, machine and versions is not made again.

    python -m tests.benchmarks.speed step --data mnist --batch 256 --threads 1
    python -m tests.benchmarks.speed compare df82be3 --what jobs --rounds 5
    python -m tests.benchmarks.speed table
"""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack
from types import ModuleType

from tests.benchmarks.speed import beside, compare, growth, kept, parts, start, step, whole
from tests.benchmarks.speed.trees import Failed
from tests.benchmarks.tables import markdown

PARTS: dict[str, ModuleType] = {
    "step": step,
    "beside": beside,
    "parts": parts,
    "growth": growth,
    "start": start,
    "whole": whole,
    "compare": compare,
}

EVERY = ("step", "beside", "parts", "growth", "start")  # without a graphics card and without another commit


def parser() -> argparse.ArgumentParser:
    """The options of all parts."""
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = made.add_subparsers(dest="part", required=True, metavar="PART")
    for name, module in PARTS.items():
        title = (module.__doc__ or "").splitlines()[0]
        part = parts.add_parser(
            name, help=title, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        part.add_argument("--again", action="store_true", help="also repeat what has a current result")
        module.options(part)
    every = parts.add_parser(
        "all", help="(a) to (e) on the CPU with their default options, one after the other"
    )
    every.add_argument("--again", action="store_true", help="also repeat what has a current result")
    kept.rounds_option(every)
    parts.add_parser("table", help="Only the tables of the results so far")
    return made


def chosen(given: argparse.Namespace) -> list[tuple[str, argparse.Namespace]]:
    """The parts to measure, each with its options."""
    if given.part != "all":
        return [(given.part, given)]
    calls = [[part, *(["--again"] if given.again else [])] for part in EVERY]
    options = [parser().parse_args(call) for call in calls]
    return [(each.part, argparse.Namespace(**vars(each) | {"rounds": given.rounds})) for each in options]


def document(part: str, results: list[dict]) -> str:
    """The table of a part, and under it what it was made of and with."""
    if not results:
        return "No results yet."
    head, rows = PARTS[part].table(results)
    return f"{markdown(head, rows)}\n\n{kept.provenance(results)}"


def show(part: str, results: list[dict]) -> None:
    """Print the table of a part."""
    if results:
        print(f"\n{(PARTS[part].__doc__ or '').splitlines()[0]}\n\n{document(part, results)}", flush=True)
        for path in parts.write_picture(results, kept.folder_now()) if part == "parts" else []:
            print(path)


def main(arguments: list[str] | None = None) -> int:
    """Measure what the options ask for and print the tables; the exit code."""
    given = parser().parse_args(arguments)
    if given.part == "table":
        for part in PARTS:
            show(part, kept.collected(part))
        return 0
    failed = False
    for part, options in chosen(given):
        with ExitStack() as stack:
            try:
                tasks = list(PARTS[part].tasks(options, stack))
            except Failed as error:
                kept.report(str(error))
                return 2
            results = kept.carry_out(tasks, given.again)
        show(part, results)
        failed = failed or any("failed" in result for result in results)
    return int(failed)


if __name__ == "__main__":
    # Ended by SIGTERM too, it ends the command that it measures, and removes its worktrees.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())

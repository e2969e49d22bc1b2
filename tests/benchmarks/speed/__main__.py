"""How fast everything is, part by part, on this machine: `python -m tests.benchmarks.speed PART --help`.

Each part can be called alone, keeps one file per measurement under tests/benchmarks/results/speed/PART, and continues
where an interrupted call stopped: what was made of the same code, settings, machine and versions is not made again.

    python -m tests.benchmarks.speed step --data mnist --batch 256 --threads 1
    python -m tests.benchmarks.speed compare df82be3 --what jobs --rounds 5
    python -m tests.benchmarks.speed table
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from types import ModuleType

from tests.benchmarks.speed import beside, compare, growth, kept, parts, start, step
from tests.benchmarks.speed.trees import Failed
from tests.benchmarks.tables import markdown

PARTS: dict[str, ModuleType] = {
    "step": step,
    "beside": beside,
    "parts": parts,
    "growth": growth,
    "start": start,
    "compare": compare,
}


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
    parts.add_parser("table", help="Only the tables of the results so far")
    return made


def show(part: str, results: list[dict]) -> None:
    """Print the table of a part."""
    if results:
        head, rows = PARTS[part].table(results)
        written = parts.write_picture(results) if part == "parts" else []
        print(f"\n{(PARTS[part].__doc__ or '').splitlines()[0]}\n\n{markdown(head, rows)}", flush=True)
        for path in written:
            print(path)


def main(arguments: list[str] | None = None) -> int:
    """Measure what the options ask for and print the tables; the exit code."""
    given = parser().parse_args(arguments)
    if given.part == "table":
        for part in PARTS:
            show(part, kept.collected(part))
        return 0
    with ExitStack() as stack:
        try:
            tasks = list(PARTS[given.part].tasks(given, stack))
        except Failed as error:
            kept.report(str(error))
            return 2
        results = kept.carry_out(tasks, given.again)
    show(given.part, results)
    return 1 if any("failed" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Results as files, PART/NAME.json: an interrupted call continues where it stopped.

Those of committed code lie in tests/benchmarks/results/speed, where the documents take them from; those of code that is
not committed, which has no name, in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.benchmarks.speed.trees import Failed, cache, commit_of

RESULTS = Path(__file__).parents[1] / "results" / "speed"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "umap-learn", "numba", "threadpoolctl")
NEEDED = {"part", "name", "settings", "stamp"}


@dataclass(frozen=True)
class Task:
    """A measurement that is kept under its part and name; another with other settings takes its place."""

    part: str
    name: str
    settings: dict
    measure: Callable[[], dict]

    def path(self, folder: Path) -> Path:
        """Its file."""
        return folder / self.part / f"{self.name}.json"


def stamp() -> dict:
    """Where, when and of what a result was made. The names of graphics cards stand in the results that used one."""
    return {
        "commit": commit_of(),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **_versions()},
        "threads": os.environ.get("OMP_NUM_THREADS") or "all",
        "load": round(os.getloadavg()[0], 2),
        "made": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "–"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def read(path: Path) -> dict | None:
    """A result, or None where there is none or it is damaged; it is then made anew."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.keys() >= NEEDED else None


def is_current(result: dict, task: Task, present: dict) -> bool:
    """Whether a result stands for this task: same settings, code, machine, versions and threads, and it did not fail.

    Code that is not committed has no name, so its results are always made anew.
    """
    made = result["stamp"]
    same = all(made.get(key) == present[key] for key in ("commit", "machine", "versions", "threads"))
    return (
        same
        and has_name(present["commit"])
        and result["settings"] == task.settings
        and "failed" not in result
    )


def keep(result: dict, path: Path) -> None:
    """Write a result to a temporary file first, so that an interrupted call leaves no partial one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)


def has_name(commit: str) -> bool:
    """Whether it is a commit, and not one with changes."""
    return not commit.endswith(("+", "unknown"))


def folder_now() -> Path:
    """The folder for results of the code as it is now."""
    return RESULTS if has_name(commit_of()) else cache() / "results"


def carry_out(tasks: list[Task], again: bool = False, folder: Path | None = None) -> list[dict]:
    """Measure what has no current result; a failure is kept as a sentence and tried anew by the next call."""
    present, results, folder = stamp(), [], folder or folder_now()
    for number, task in enumerate(tasks, 1):
        title, path = f"{task.part} {task.name} ({number} of {len(tasks)})", task.path(folder)
        kept = read(path)
        if kept and is_current(kept, task, present) and not again:
            report(f"{title}: up to date")
            results.append(kept)
            continue
        report(f"{title}: begins")
        began = time.monotonic()
        head = {"part": task.part, "name": task.name, "settings": task.settings, "stamp": stamp()}
        try:
            result = head | task.measure()
        except Failed as error:
            result = head | {"failed": str(error)}
        keep(result, path)
        results.append(result)
        report(f"{title}: {result.get('failed', 'done')} after {time.monotonic() - began:,.0f} s")
    return results


def collected(part: str, folder: Path = RESULTS) -> list[dict]:
    """All readable results of a part, by name."""
    results = [read(path) for path in sorted((folder / part).glob("*.json"))]
    return [result for result in results if result]


def provenance(results: list[dict]) -> str:
    """On which machine, with which version of torch, of which commits and when results were made, in one sentence."""
    stamps = [result["stamp"] for result in results]

    def each(values: Iterable[object]) -> str:
        return ", ".join(dict.fromkeys(map(str, values)))

    days = sorted({stamp["made"][:10] for stamp in stamps})
    return "; ".join(
        (
            each(stamp["machine"] for stamp in stamps),
            f"threads: {each(stamp['threads'] for stamp in stamps)}",
            f"torch {each(stamp['versions'].get('torch', '–') for stamp in stamps)}",
            f"commit{'s'[: len({stamp['commit'] for stamp in stamps}) > 1]} {each(s['commit'] for s in stamps)}",
            " to ".join(dict.fromkeys((days[0], days[-1]))),
            f"load before each measurement at most {max(stamp['load'] for stamp in stamps):.1f}.",
        )
    )


def report(sentence: str) -> None:
    """A line on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


def whole_runs(
    part: str, given: argparse.Namespace, measure: Callable[[str, str, int], dict]
) -> Iterator[Task]:
    """A task for each data set, preset and round of the options: `measure(data, preset, seed)`, the round its seed."""
    for number in range(given.rounds):
        for data in given.data:
            for preset in given.preset:
                settings = {"data": data, "preset": preset, "round": number, "device": given.device}
                name = f"{data}-{preset}-{given.device}-{number}"
                yield Task(part, name, settings, partial(measure, data, preset, number))


def rounds_option(parser: argparse.ArgumentParser, default: int = 5) -> None:
    """The option for how often each pair is measured."""
    parser.add_argument(
        "--rounds",
        type=int,
        default=default,
        help=f"measurements of each; the median counts (by default {default})",
    )

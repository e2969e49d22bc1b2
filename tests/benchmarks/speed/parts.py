"""(c) Seconds by part of a whole run, from the command's start to its end, as a table and a stacked picture.

The command line runs in one process in which the functions of each part report when they begin and end (`layout`); what
training does outside them counts to its stage. The film is laid out by a process beside it and stands apart.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.speed.jobs import FACES, PEOPLE, write_faces
from tests.benchmarks.speed.kept import Task, rounds_option, whole_runs
from tests.benchmarks.speed.layout import ORDER, Ledger, stages, watch
from tests.benchmarks.speed.trees import ROOT, ask

DATA, PRESETS, LIMIT = ("digits", "mnist-test"), ("quick", "standard"), 1800.0
FILM = "film (beside)"
# One colour a part, in the order of ORDER; neighbours in the stack differ in lightness too.
SHADES = ("#9aa5b1", "#5b6770", "#3b6fb6", "#8fb8ea", "#1c7c7c", "#8fd6d2")
SHADES += (
    "#d97b29",
    "#f3c088",
    "#7a5195",
    "#c8a6dc",
    "#2f8f6b",
    "#a6dcc4",
    "#c43d5d",
    "#e8b0bd",
    "#8a6d3b",
    "#d4b483",
    "#b9c46a",
    "#d4d8dc",
)
LEFT, BAR, ROW, TOP, WIDTH, NAME = 150, 26, 54, 34, 640, 150


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--preset", nargs="+", default=list(PRESETS), choices=PRESETS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one run")


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One run per data set, preset and round; the round's number is its seed."""
    return whole_runs("parts", given, lambda *run: measure_in(ROOT, *run, given.device, given.limit))


def measure_in(tree: Path, data: str, preset: str, seed: int, device: str, limit: float) -> dict:
    """`measure` in a process with the core of `tree` and a workspace of its own."""
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        more = ["--set", f"device={device}"]
        source = data
        if data == FACES:
            source = str(write_faces(Path(folder) / "faces.npz"))
            more += ["--clusters", str(PEOPLE)]
        request = {
            "arguments": ["train", source, "--preset", preset, "--seed", str(seed), *more],
            "began": time.time(),
        }
        return ask(tree, "parts:measure", request, limit, env={"DSC_HOME": str(Path(folder) / "home")})


# In the process that measures ----------------------------------------------------------------------------------------


def measure(arguments: list[str], began: float) -> dict:
    """Seconds by part of one command. began: when the process was asked for, by the clock of the day."""
    import resource

    import torch

    from dsc_core.__main__ import main

    ledger = Ledger(since=(time.perf_counter() - (time.time() - began), 0.0))
    found = watch(ledger)
    stages(ledger)
    code = main(arguments)
    ledger.book()
    if code:
        raise RuntimeError(f"the command ended with code {code}")
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = beside.ru_utime + beside.ru_stime
    seconds = {part: ledger.seconds[part] for part in ORDER if part in ledger.seconds}
    return {
        "parts": seconds | {FILM: {"wall": 0.0, "processor": processor}},
        "times": ledger.times,
        "found": found,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_initialized() else "CPU",
    }


# Table and picture -------------------------------------------------------------------------------------------------


def groups(results: list[dict]) -> dict[tuple[str, str, str], list[dict]]:
    """The successful runs of each data set, preset and device."""
    found: dict[tuple[str, str, str], list[dict]] = {}
    for result in results:
        if "failed" not in result:
            given = result["settings"]
            found.setdefault((given["data"], given["preset"], result["device"]), []).append(result)
    return found


def medians(members: list[dict], clock: str) -> dict[str, float]:
    """The median seconds of each part over the rounds."""
    names = dict.fromkeys(name for member in members for name in member["parts"])
    return {
        name: statistics.median(member["parts"].get(name, {}).get(clock, 0.0) for member in members)
        for name in names
    }


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Wall and, in brackets, processor seconds; one column a run, one row a part, medians over the rounds."""
    columns = groups(results)
    head = ["part", *(f"{data}, {preset}, {device}" for data, preset, device in columns)]
    wall = {key: medians(members, "wall") for key, members in columns.items()}
    processor = {key: medians(members, "processor") for key, members in columns.items()}
    rows = [
        [name, *(f"{wall[key].get(name, 0):.1f} ({processor[key].get(name, 0):.1f})" for key in columns)]
        for name in (*ORDER, FILM)
        if any(name in wall[key] for key in columns)
    ]
    sums = (f"{sum(wall[key].values()):.1f} ({sum(processor[key].values()):.1f})" for key in columns)
    rows.append(["**all**", *sums])
    rows.append(["rounds", *(str(len(members)) for members in columns.values())])
    failed = [result for result in results if "failed" in result]
    rows += [[f"{result['name']}: {result['failed']}", *[""] * len(columns)] for result in failed]
    return head, rows


def picture(results: list[dict], clock: str = "wall"):
    """One bar for each data set and preset, cut into its parts: a `Picture`."""
    from dsc_core.plots.picture import Picture

    bars = {key: medians(members, clock) for key, members in groups(results).items()}
    longest = max(sum(bar.values()) for bar in bars.values())
    names = [name for name in ORDER if any(bar.get(name, 0) > 0.001 * longest for bar in bars.values())]
    lines = -(-len(names) // 5)
    made = Picture(LEFT + WIDTH + 90, TOP + ROW * len(bars) + 24 * lines + 16)
    made.text(12, 16, f"Seconds by part ({'wall' if clock == 'wall' else 'processor'} time, medians)", 13)
    for number, ((data, preset, device), bar) in enumerate(bars.items()):
        top, left = TOP + ROW * number, float(LEFT)
        made.text(12, top + BAR / 2 - 7, f"{data}, {preset}", 12)
        made.text(12, top + BAR / 2 + 8, f"{device[:20]}", 10, shade="#5b6770")
        for name in names:
            wide = WIDTH * bar.get(name, 0.0) / longest
            if wide > 0.3:
                made.box(left, top, wide, BAR, SHADES[ORDER.index(name)])
            if wide > 30:
                made.text(left + wide / 2, top + BAR + 9, f"{bar[name]:.1f}", 10, "middle")
            left += wide
        made.text(left + 6, top + BAR / 2, f"{sum(bar.values()):.0f} s", 12)
    for number, name in enumerate(names):
        left, top = 12 + NAME * (number % 5), TOP + ROW * len(bars) + 24 * (number // 5) + 12
        made.box(left, top - 6, 12, 12, SHADES[ORDER.index(name)])
        made.text(left + 18, top, name, 11)
    return made


def write_picture(results: list[dict], folder: Path) -> list[Path]:
    """Write the picture as SVG and PNG beside the results; nothing where no run succeeded."""
    if not groups(results):
        return []
    made, paths = picture(results), [folder / "parts" / f"parts.{kind}" for kind in ("svg", "png")]
    paths[0].write_text(made.svg(), encoding="utf-8")
    paths[1].write_bytes(made.png())
    return paths

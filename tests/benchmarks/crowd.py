"""Many at one workspace: `python -m tests.benchmarks.crowd [--runs 20] [--events 50000]`.

Runs wait in the queue, two train at a time, two readers look at the Train page of the longest run every second, and
the command line asks, steers and renames all the while. Told are the events, what is missing or there twice, every
error, and how long a run of the Train page's script took.

The training is faked (tests/runs/fakes.py, FAKE=many): it tells its losses as fast as the store takes them, through
the real worker process and the real store, some hundred times as fast as a training would. The maps at its end are
left out. A reader is Streamlit's AppTest in a process of its own, which runs the whole page: as much as a tab asks
of the server, where a look at a run in training draws only a part of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dsc_core.config import preset
from dsc_core.data import Dataset
from dsc_core.events import Event
from dsc_core.runs import Store, queue
from dsc_core.runs import store as store_module

ROOT = Path(__file__).parents[2]
FAKES = ROOT / "tests" / "runs" / "fakes.py"
PER_EPOCH = 25  # steps that a faked epoch has
PACE = 1.0  # seconds between two looks of a reader
SHARE = 0.5  # of all events, those of the longest run
REST = 20  # looks of each reader when all is over and the machine is left to them
PATIENCE = 1800.0  # seconds for all runs


@dataclass
class Found:
    """What came of it. `errors`: one sentence each; `looks`: seconds of each run of the page's script.

    computed: processor seconds of each, which a busy machine blurs less. alone: seconds of those after the last
    run has ended, when all events are there and nothing is written any more.
    """

    runs: int = 0
    done: int = 0
    events: int = 0
    commands: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    computed: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


def fake_workers() -> None:
    """Whatever this process starts of the queue trains as the fakes do."""
    os.environ["FAKE"] = "many"
    store_module.worker_command = lambda run_id: [sys.executable, str(FAKES), run_id]


def crowd(home: Path, runs: int, events: int, pace: float = PACE, rest: int = REST) -> Found:
    """Let `runs` runs tell `events` events in all (or some more) in the workspace `home`, with a crowd around them."""
    fake_workers()
    found, store = Found(runs=runs), Store(home)
    queue.set_at_a_time(store, 2)
    made = [store.create(small(), preset("standard", **of), name=f"run {i}") for i, of in sizes(runs, events)]
    over, began = threading.Event(), time.monotonic()
    readers = [reader(home, made[0], pace, rest) for _ in range(2)]
    for run_id in made:
        queue.enqueue(store, run_id)
    asking = threading.Thread(target=command_line, args=(home, made, over, found))
    asking.start()
    try:
        while not all(store.get(run_id).finished for run_id in made):
            if time.monotonic() - began > PATIENCE:
                found.errors.append("The runs did not end.")
                break
            time.sleep(0.2)
    finally:
        found.seconds = time.monotonic() - began
        over.set()
        asking.join()
        for one in readers:
            heard(one, found)
    for run_id in made:
        check(store, run_id, found)
    store.close()
    return found


def sizes(runs: int, events: int):
    """(place, settings) of each run; the first, the longest, has SHARE of the events."""
    longest = max(2, -(-int(events * SHARE) // PER_EPOCH))
    other = max(2, -(-int(events * (1 - SHARE)) // (PER_EPOCH * max(runs - 1, 1))))
    for place in range(runs):
        yield place, {"epochs": other if place else longest, "clusters": 3, "map_every": 0, "device": "cpu"}


def small() -> Dataset:
    """A data set that takes no time to read."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 255, (30, 1, 8, 8)).astype(np.uint8)
    return Dataset("small", samples, np.arange(30).astype(str), None, "image", (0.0, 1 / 255))


# The crowd ------------------------------------------------------------------------------------------------------


def command_line(home: Path, runs: list[str], over: threading.Event, found: Found) -> None:
    """Ask, steer and rename by the command line until all is over."""
    asked = 0
    while not over.is_set():
        run_id = runs[asked % len(runs)]
        commands = (
            ["list", "--json"],
            ["show", runs[0], "--json"],
            ["rename", run_id, f"renamed {asked}"],
            ["steer", runs[0], "--set", f"noise_level={0.1 + asked % 10 / 10:.1f}"],
        )
        command = commands[asked % len(commands)]
        asked += 1
        ended = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.crowd", "--command", *command],
            cwd=ROOT,
            env={**os.environ, "DSC_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        found.commands += 1
        if (
            ended.returncode and "is not running" not in ended.stderr
        ):  # it ended, or waits, when it is steered
            found.errors.append(f"{' '.join(command)}: {ended.stderr.strip()[-300:]}")


def reader(home: Path, run_id: str, pace: float, rest: int) -> subprocess.Popen:
    """A process that looks at the run's Train page until its standard input ends."""
    command = [sys.executable, "-m", "tests.benchmarks.crowd", "--reader", run_id, str(pace), str(rest)]
    environment = {**os.environ, "DSC_HOME": str(home)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)


def heard(process: subprocess.Popen, found: Found) -> None:
    """What a reader saw, once it is told to end."""
    told, trouble = process.communicate(timeout=300)
    if process.returncode:
        found.errors.append(f"A reader ended with exit code {process.returncode}: {trouble.strip()[-300:]}")
        return
    saw = json.loads(told.splitlines()[-1])
    found.opening += saw["looks"][:1]
    found.looks += saw["looks"][1:]
    found.computed += saw["computed"][1:]
    found.alone += saw["alone"]
    found.errors += saw["errors"]


def look(run_id: str, pace: float, rest: int) -> None:
    """Look at the Train page again and again, as a tab does; at the end, what was seen as JSON."""
    from streamlit.testing.v1 import AppTest

    from pages.shared import frame

    frame._title = lambda run: run.id  # AppTest does not bear names that change while they are chosen
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["run"] = run_id
    app.run()
    app.switch_page("pages/views/train.py")
    looks, computed, alone, errors = [], [], [], []
    while len(alone) < rest + 1:
        last = over.is_set()
        began, used = time.perf_counter(), time.process_time()
        app.run()
        (alone if last else looks).append(time.perf_counter() - began)
        computed.append(time.process_time() - used)
        errors += [f"The page: {one.value}" for one in (*app.exception, *app.error, *app.toast)]
        over.wait(pace)
    print(json.dumps({"looks": looks, "computed": computed, "alone": alone[1:], "errors": errors}))


# What is there at the end ---------------------------------------------------------------------------------------


def check(store: Store, run_id: str, found: Found) -> None:
    """Count the events of a run, and note what is missing, there twice, or not the same in its folder."""
    run, told = store.get(run_id), store.events(run_id)
    found.done += run.status == "done"
    found.events += len(told)
    if run.status != "done":
        found.errors.append(f"{run_id} is {run.status}: {run.reason}")
    if [number for number, _ in told] != list(range(1, len(told) + 1)):
        found.errors.append(f"{run_id}: the events are not numbered in a row")
    steps = [event.step for _, event in told if event.kind == "progress" and event.stage == "autoencoder"]
    if steps != list(range(1, PER_EPOCH * run.config.epochs + 1)):
        found.errors.append(f"{run_id}: {len(steps)} steps of {PER_EPOCH * run.config.epochs}")
    lines = (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    if [Event.from_json(line) for line in lines] != [event for _, event in told]:
        found.errors.append(f"{run_id}: its folder holds {len(lines)} events, the index {len(told)}")
    if "Traceback" in (log := (run.folder / "log.txt").read_text(encoding="utf-8")):
        found.errors.append(f"{run_id}: {log[-300:]}")


def told(found: Found) -> str:
    """The figures, and up to ten errors."""
    looks = sorted(1000 * seconds for seconds in found.looks)
    lines = [
        f"{found.runs} runs, {found.done} done, in {found.seconds:.0f} s; {found.events:,} events, "
        f"{found.events / found.seconds:,.0f} a second; {found.commands} commands; {len(found.errors)} errors"
    ]
    if looks:
        lines.append(
            f"the Train page's script: {len(looks)} runs, median {statistics.median(looks):.0f} ms "
            f"({1000 * statistics.median(found.computed):.0f} ms of processor time), "
            f"19 of 20 under {looks[int(0.95 * (len(looks) - 1))]:.0f} ms, longest {looks[-1]:.0f} ms; "
            f"opened in {1000 * max(found.opening):.0f} ms; with all events there and the crowd gone, median "
            f"{1000 * statistics.median(found.alone or [0]):.0f} ms"
        )
    return "\n".join([*lines, *found.errors[:10]])


def main() -> int:
    """Make it happen and print what came of it; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--events", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = crowd(Path(folder) / "home", options.runs, options.events)
    print(told(found))
    return int(bool(found.errors))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:  # the crowd's own processes
        fake_workers()
        look(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["--command"]:
        from dsc_core.cli.main import main as command

        fake_workers()
        sys.exit(command(sys.argv[2:]))
    else:
        sys.exit(main())

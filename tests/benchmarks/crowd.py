"""Many users of one workspace: `python -m tests.benchmarks.crowd [--runs 20] [--events 50000]`.

Runs wait in the queue, two train at a time, two readers open the Train page of the longest run every second, and the
command line lists, steers and renames runs all the while. Reported are the number of events, missing and duplicate
events, every error, and the time that the script of the Train page takes.

The training is a fake (tests/runs/fakes.py, FAKE=many) that emits losses as fast as the store accepts them, through the
real worker process and the real store, about a hundred times as fast as a real training. The final maps are left out.
A reader is Streamlit's AppTest in a process of its own, which runs the whole page, where a browser tab redraws only
parts of it during training.
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

from dsc_core.data import Dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import Store, launcher, queue

ROOT = Path(__file__).parents[2]
FAKES = ROOT / "tests" / "runs" / "fakes.py"
PER_EPOCH = 25  # steps in an epoch of the fake
PACE = 1.0  # seconds between two page loads of a reader
SHARE = 0.5  # of all events, those of the longest run
REST = 20  # page loads of each reader after everything else has ended
PATIENCE = 1800.0  # seconds for all runs


@dataclass
class Outcome:
    """What happened. errors: one sentence each. loads: seconds of each run of the page's script.

    computed: processor seconds of each, which depend less on the load of the machine. alone: seconds of those after
    the last run has ended, when nothing is written any more.
    """

    runs: int = 0
    done: int = 0
    events: int = 0
    commands: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    computed: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


def fake_workers() -> None:
    """Make every worker that this process starts a fake."""
    os.environ["FAKE"] = "many"
    launcher.worker_command = lambda run_id: [sys.executable, str(FAKES), run_id]


def crowd(home: Path, runs: int, events: int, pace: float = PACE, rest: int = REST) -> Outcome:
    """Let `runs` runs emit about `events` events in the workspace `home`, watched and steered all the while."""
    fake_workers()
    outcome, store = Outcome(runs=runs), Store(home)
    queue.set_concurrent_runs(store, 2)
    run_ids = [
        store.create(small(), preset("standard", **of), name=f"run {i}") for i, of in sizes(runs, events)
    ]
    over, began = threading.Event(), time.monotonic()
    readers = [reader(home, run_ids[0], pace, rest) for _ in range(2)]
    for run_id in run_ids:
        queue.enqueue(store, run_id)
    commands = threading.Thread(target=command_line, args=(home, run_ids, over, outcome))
    commands.start()
    try:
        while not all(store.get(run_id).finished for run_id in run_ids):
            if time.monotonic() - began > PATIENCE:
                outcome.errors.append("The runs did not end.")
                break
            time.sleep(0.2)
    finally:
        outcome.seconds = time.monotonic() - began
        over.set()
        commands.join()
        for one in readers:
            collect(one, outcome)
    for run_id in run_ids:
        check(store, run_id, outcome)
    store.close()
    return outcome


def sizes(runs: int, events: int):
    """(number, settings) of each run; the first, the longest, has SHARE of the events."""
    longest = max(2, -(-int(events * SHARE) // PER_EPOCH))
    other = max(2, -(-int(events * (1 - SHARE)) // (PER_EPOCH * max(runs - 1, 1))))
    for number in range(runs):
        yield number, {"epochs": other if number else longest, "clusters": 3, "map_every": 0, "device": "cpu"}


def small() -> Dataset:
    """A data set that takes no time to read."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 255, (30, 1, 8, 8)).astype(np.uint8)
    return Dataset("small", samples, np.arange(30).astype(str), None, "image", (0.0, 1 / 255))


# The crowd ------------------------------------------------------------------------------------------------------


def command_line(home: Path, runs: list[str], over: threading.Event, outcome: Outcome) -> None:
    """List, steer and rename runs with the command line until all have ended."""
    count = 0
    while not over.is_set():
        run_id = runs[count % len(runs)]
        commands = (
            ["list", "--json"],
            ["show", runs[0], "--json"],
            ["rename", run_id, f"renamed {count}"],
            ["steer", runs[0], "--set", f"noise_level={0.1 + count % 10 / 10:.1f}"],
        )
        command = commands[count % len(commands)]
        count += 1
        ended = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.crowd", "--command", *command],
            cwd=ROOT,
            env={**os.environ, "DSC_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        outcome.commands += 1
        # A run may have ended, or still be queued, when it is steered.
        if ended.returncode and "is not running" not in ended.stderr:
            outcome.errors.append(f"{' '.join(command)}: {ended.stderr.strip()[-300:]}")


def reader(home: Path, run_id: str, pace: float, rest: int) -> subprocess.Popen:
    """A process that loads the Train page of a run until its standard input ends."""
    command = [sys.executable, "-m", "tests.benchmarks.crowd", "--reader", run_id, str(pace), str(rest)]
    environment = {**os.environ, "DSC_HOME": str(home)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)


def collect(process: subprocess.Popen, outcome: Outcome) -> None:
    """End a reader and add what it measured to the outcome."""
    output, trouble = process.communicate(timeout=300)
    if process.returncode:
        outcome.errors.append(f"A reader ended with exit code {process.returncode}: {trouble.strip()[-300:]}")
        return
    measured = json.loads(output.splitlines()[-1])
    outcome.opening += measured["loads"][:1]
    outcome.loads += measured["loads"][1:]
    outcome.computed += measured["computed"][1:]
    outcome.alone += measured["alone"]
    outcome.errors += measured["errors"]


def read(run_id: str, pace: float, rest: int) -> None:
    """Load the Train page again and again, as a browser tab does; print the times as JSON at the end."""
    from streamlit.testing.v1 import AppTest

    from pages.shared import frame

    frame._title = lambda run: run.id  # AppTest fails on names that change while they are selected
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["run"] = run_id
    app.run()
    app.switch_page("pages/views/train.py")
    loads, computed, alone, errors = [], [], [], []
    while len(alone) < rest + 1:
        last = over.is_set()
        began, used = time.perf_counter(), time.process_time()
        app.run()
        (alone if last else loads).append(time.perf_counter() - began)
        computed.append(time.process_time() - used)
        errors += [f"The page: {one.value}" for one in (*app.exception, *app.error, *app.toast)]
        over.wait(pace)
    print(json.dumps({"loads": loads, "computed": computed, "alone": alone[1:], "errors": errors}))


# At the end ---------------------------------------------------------------------------------------


def check(store: Store, run_id: str, outcome: Outcome) -> None:
    """Count the events of a run; report missing or duplicate ones, and differences from its folder."""
    run, events = store.get(run_id), store.events(run_id)
    outcome.done += run.status == "done"
    outcome.events += len(events)
    if run.status != "done":
        outcome.errors.append(f"{run_id} is {run.status}: {run.reason}")
    if [number for number, _ in events] != list(range(1, len(events) + 1)):
        outcome.errors.append(f"{run_id}: the events are not numbered consecutively")
    steps = [event.step for _, event in events if event.kind == "progress" and event.stage == "autoencoder"]
    if steps != list(range(1, PER_EPOCH * run.config.epochs + 1)):
        outcome.errors.append(f"{run_id}: {len(steps)} steps of {PER_EPOCH * run.config.epochs}")
    lines = (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    if [Event.from_json(line) for line in lines] != [event for _, event in events]:
        outcome.errors.append(f"{run_id}: its folder holds {len(lines)} events, the index {len(events)}")
    if "Traceback" in (log := (run.folder / "log.txt").read_text(encoding="utf-8")):
        outcome.errors.append(f"{run_id}: {log[-300:]}")


def summary(outcome: Outcome) -> str:
    """The figures and up to ten errors."""
    loads = sorted(1000 * seconds for seconds in outcome.loads)
    lines = [
        f"{outcome.runs} runs, {outcome.done} done, in {outcome.seconds:.0f} s; {outcome.events:,} events, "
        f"{outcome.events / outcome.seconds:,.0f} per second; {outcome.commands} commands; {len(outcome.errors)} errors"
    ]
    if loads:
        lines.append(
            f"the Train page's script: {len(loads)} runs, median {statistics.median(loads):.0f} ms "
            f"({1000 * statistics.median(outcome.computed):.0f} ms of processor time), "
            f"19 of 20 under {loads[int(0.95 * (len(loads) - 1))]:.0f} ms, longest {loads[-1]:.0f} ms; "
            f"opened in {1000 * max(outcome.opening):.0f} ms; with all events and nobody else, median "
            f"{1000 * statistics.median(outcome.alone or [0]):.0f} ms"
        )
    return "\n".join([*lines, *outcome.errors[:10]])


def main() -> int:
    """Run the benchmark and print the outcome; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--events", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = crowd(Path(folder) / "home", options.runs, options.events)
    print(summary(outcome))
    return int(bool(outcome.errors))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:  # the processes of this benchmark
        fake_workers()
        read(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["--command"]:
        from dsc_core.cli.main import main as command

        fake_workers()
        sys.exit(command(sys.argv[2:]))
    else:
        sys.exit(main())

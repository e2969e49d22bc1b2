"""Runs that are killed at random disk operations: `python -m tests.benchmarks.kills [--trials 100] [--seed 0]`.

Each trial draws a kind of run, kills its process one to three times in a row, each time at a random disk operation (for
"pause": while it is paused), resumes it, and compares what it leaves with an undisturbed run: labels, arrays, weights,
events and files. tests/runs/test_every_operation.py does so at every operation of one small run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from dsc_core.runs import Store
from tests.runs import small_run
from tests.runs.workers import Workers, wait

LONGER = {"epochs": 3, "joint_epochs": 4, "refresh": 2}
KINDS = {
    "two stages": LONGER,
    "film": LONGER | {"map_every": 1},
    "no encoder": {"encoder": "none", "joint_epochs": 4},
    "without stage 2": {"epochs": 3, "joint_epochs": 0},
    "pause": LONGER,
    "branch": LONGER,
}


def make(kind: str, home: Path, workers: Workers) -> str:
    """A workspace with a run of this kind that has not begun; the id of the run."""
    run_id = small_run.create(home, small_run.CONFIG.replace(**KINDS[kind]))
    if kind == "branch":
        workers.work(home, run_id, "at:0")
        store = Store(home)
        whole = [one.name for one in store.checkpoints(run_id) if one.left]
        run_id = store.branch(run_id, whole[0], {"noise_level": 0.2})
        store.close()
    return run_id


def kill_paused(workers: Workers, home: Path, run_id: str) -> None:
    """Pause a run as soon as it trains, and kill it then."""
    pid, store = workers.start(home, run_id), Store(home)
    while store.get(run_id).status in ("created", "failed"):
        time.sleep(0.002)
    if store.get(run_id).status == "running":
        store.control(run_id, pause=True)
    while not store.get(run_id).paused and not store.get(run_id).finished:
        time.sleep(0.002)
    if store.get(run_id).paused:
        os.kill(pid, signal.SIGKILL)
    store.close()
    wait(pid)


def done(home: Path, run_id: str) -> bool:
    """Whether the run is done."""
    store = Store(home)
    status = store.get(run_id).status
    store.close()
    return status == "done"


def trial(workers: Workers, kind: str, template: Path, home: Path, run_id: str, most: int, rng) -> int:
    """Kill and resume one run; how often it was killed before it was done."""
    small_run.copy(template, home)
    kills = 0
    for _ in range(rng.integers(1, 4)):
        if kind == "pause":
            kill_paused(workers, home, run_id)
        else:
            workers.work(home, run_id, f"at:{rng.integers(1, most + 1)}")
        if done(home, run_id):
            break
        kills += 1
    if not done(home, run_id):
        workers.work(home, run_id, "at:0")
    return kills


def main() -> int:
    """Run the trials and print what was found; the exit code is 1 if any run ended otherwise than undisturbed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, trials, kills, different = np.random.default_rng(options.seed), Counter(), Counter(), []
    with tempfile.TemporaryDirectory() as folder, Workers() as workers:
        known = {}
        for number in range(options.trials):
            kind = list(KINDS)[number % len(KINDS)]
            template, home = Path(folder) / kind.replace(" ", "-"), Path(folder) / "home"
            if kind not in known:
                run_id = make(kind, template, workers)
                small_run.copy(template, home)
                workers.work(home, run_id, "at:0")
                known[kind] = run_id, len(workers.operations(home)), small_run.outcome(home, run_id)
            run_id, most, expected = known[kind]
            kills[kind] += trial(workers, kind, template, home, run_id, most, rng)
            trials[kind] += 1
            try:
                small_run.same(small_run.outcome(home, run_id), expected)
            except AssertionError as error:
                different.append(f"trial {number}, {kind}: {error}")
        for kind, (_, most, _) in known.items():
            print(f"{kind:<16} {most:>4} operations  {trials[kind]:>4} runs  {kills[kind]:>4} kills")
    print(f"{sum(trials.values())} runs, {sum(kills.values())} kills, {len(different)} ended otherwise")
    print("\n".join(different[:10]))
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())

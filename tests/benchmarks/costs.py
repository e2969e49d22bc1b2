"""The table of costs: what the parts of a run take on one core, by trainings of many shapes and sizes.

    OMP_NUM_THREADS=1 .venv/bin/python -m tests.benchmarks.costs --write

runs them one after the other, each in a process and a workspace of its own, on one thread and by processor time, which
other programs do not change; fits the weights of `dsc_core/training/cost_table.py`; prints beside each other what the
fit says of each part and what it took; and with --write replaces the table. Takes some minutes. With --check the
present table is held against whole trainings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from dsc_core.events import Event
from dsc_core.presets import PRESETS
from dsc_core.training import calibration, clock, cost_table, costs
from dsc_core.training.costs import Job, Speed
from dsc_core.training.countdown import Countdown

# (preset, samples, shape, clusters)
GRID = (
    ("standard", 600, (1, 8, 8), 3),
    ("standard", 1797, (1, 8, 8), 10),
    ("no-copies", 10_000, (1, 28, 28), 10),
    ("standard", 1500, (1, 28, 28), 10),
    ("standard", 400, (1, 32, 32), 40),
    ("standard", 3000, (3, 32, 32), 20),
    ("standard", 300, (3, 64, 64), 5),
    ("standard", 300, (3, 96, 96), 5),
    ("standard", 1000, (200,), 5),
    ("standard", 5000, (20,), 10),
    ("standard", 20_000, (20,), 10),
    ("standard", 40_000, (20,), 30),
    ("paper", 3000, (1, 28, 28), 10),
    ("released-code", 4096, (1, 28, 28), 10),
)
# Whole trainings to hold the table against, of the sizes of digits, usps, mnist-test, faces, a table and photographs.
CHECKS = (
    ("quick", 1797, (1, 8, 8), 10),
    ("quick", 9298, (1, 16, 16), 10),
    ("quick", 10_000, (1, 28, 28), 10),
    ("standard", 400, (1, 32, 32), 40),
    ("quick", 5000, (20,), 10),
    ("quick", 300, (3, 64, 64), 5),
)
SHORT = {"epochs": 2, "joint_epochs": 2, "refresh": 1, "batches": 6, "least_steps": 0, "tolerance": 0.0}
SHORT |= {"stopping": "labels", "map_every": 0}
WAITED = {"film"}  # for another process: no processor time, so the table keeps what it says
ONE_CORE = dict.fromkeys(costs.COSTS, 1.0)
TABLE = Path(cost_table.__file__)


def job_of(preset: str, count: int, shape: tuple[int, ...], clusters: int) -> Job:
    """A short training of the grid."""
    return Job(count, shape, PRESETS[preset].config.replace(clusters=clusters, device="cpu", **SHORT))


def whole_job_of(preset: str, count: int, shape: tuple[int, ...], clusters: int) -> Job:
    """A training to check the table with; without a film, whose process does not count here."""
    return Job(count, shape, PRESETS[preset].config.replace(clusters=clusters, device="cpu", map_every=0))


def train(job: Job) -> dict[str, list[float]]:
    """[processor seconds, pieces] of each part of a run, in this very process."""
    from dsc_core.data import Dataset
    from dsc_core.runs import Store, execute, expectation

    # Both count processor time here, in place of the time of day.
    clock.time = SimpleNamespace(monotonic=time.process_time)  # type: ignore[assignment]
    expectation.Countdown = lambda plan: Countdown(plan, time.process_time)  # type: ignore[misc,assignment]
    samples = calibration.made_up(job.count, job.shape, job.config.clusters)
    kind = "image" if len(job.shape) == 3 else "table"
    with tempfile.TemporaryDirectory() as home:
        store = Store(home)
        dataset = Dataset("made up", samples, np.arange(job.count).astype(str), None, kind, (0.0, 1.0))
        run_id = store.create(dataset, job.config)
        execute(store, run_id)
        events = [event for _, event in store.events(run_id)]
        store.close()
    return without_first_steps(job, events)


def without_first_steps(job: Job, events: list[Event]) -> dict[str, list[float]]:
    """The parts of a run with the steps as in the last epoch; what the first ones took longer belongs to the start."""
    parts = {part: list(pair) for part, pair in events[-1].parts.items()}
    rates = {clock.STEPS[one.stage]: one.images_per_second for one in events if one.kind == "epoch"}
    for part, rate in rates.items():
        usual = parts[part][1] * job.step_rows(part == "stage 2") / rate
        parts["start"][0] += max(parts[part][0] - usual, 0.0)
        parts[part][0] = usual
    return parts


def in_own_process(job: Job) -> dict[str, list[float]]:
    """`train` in a new process on one thread, which imports and compiles everything anew."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    answer = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.costs", "--one", calibration.to_json(job)],
        env=os.environ | dict.fromkeys(threads, "1"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def mean_counts(job: Job, part: str) -> list[float]:
    """The counts of a piece of a part, on average over the run: what the plan is with each weight 1 alone."""
    kept, found = costs.COSTS[part], []
    for position in range(len(kept)):
        costs.COSTS[part] = tuple(float(position == each) for each in range(len(kept)))
        loads = [loads[part] for loads in costs.plan(job, Speed(ONE_CORE)).values() if part in loads]
        found.append(sum(x.pieces * x.seconds for x in loads) / max(sum(x.pieces for x in loads), 1))
    costs.COSTS[part] = kept
    return found


def fit(jobs: list[Job], measured: list[dict[str, list[float]]]) -> dict[str, tuple[float, ...]]:
    """The weights of each part that come nearest to the measurements, relative to each, none below zero."""
    from scipy.optimize import nnls

    table = dict(costs.COSTS)
    for part in costs.COSTS.keys() - WAITED:
        seen = [(job, one[part]) for job, one in zip(jobs, measured, strict=True) if one.get(part, (0, 0))[1]]
        rows = np.array([mean_counts(job, part) for job, _ in seen])
        seconds = np.array([max(spent / pieces, 1e-3) for _, (spent, pieces) in seen])
        scale = np.maximum(rows.max(0), 1e-30)
        weights = nnls(rows / scale / seconds[:, None], np.ones(len(seconds)))[0] / scale
        table[part] = tuple(float(f"{weight:.3g}") for weight in weights)
    return table


def report(jobs: list[Job], measured: list[dict[str, list[float]]]) -> None:
    """Each measurement beside what the present table says."""
    print(f"{'':44}" + "".join(f"{part:>16}" for part in costs.COSTS) + f"{'all':>14}")
    for job, one in zip(jobs, measured, strict=True):
        plan, cells, sums = costs.plan(job, Speed(ONE_CORE)), [], np.zeros(2)
        for part in costs.COSTS:
            planned = sum(loads[part].total for loads in plan.values() if part in loads)
            spent = one.get(part, [0.0, 0])[0]
            sums += planned, spent
            cells.append(f"{planned:.1f} / {spent:.1f}")
        name = f"{job.count:,} of {'×'.join(map(str, job.shape))}, K = {job.config.clusters}"
        print(f"{name:44}" + "".join(f"{cell:>16}" for cell in cells) + f"{sums[0]:8.1f}/{sums[1]:.1f}")


def write(table: dict[str, tuple[float, ...]]) -> None:
    """Replace the table, with the machine and the commit."""
    head = TABLE.read_text().split("COSTS:")[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    lines = [line for line in head.splitlines() if not line.startswith("# Measured")]
    rows = "".join(f'    "{part}": {weights},\n' for part, weights in table.items())
    made = f"# Measured on {platform.machine()}, {os.cpu_count()} cores, at {commit.stdout.strip()}, in seconds on one."
    start = "\n".join(lines).rstrip()
    TABLE.write_text(f"{start}\n\n{made}\nCOSTS: dict[str, tuple[float, ...]] = {{\n{rows}}}\n")


def main() -> None:
    """See the head of this file."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="replace dsc_core/training/cost_table.py")
    options.add_argument(
        "--check", action="store_true", help="compare the table with whole trainings instead"
    )
    options.add_argument("--one", metavar="JOB", help="train one job in this process and print its parts")
    options.add_argument(
        "--kept", type=Path, metavar="FILE", help="keep the measurements there, or take them from it"
    )
    options.add_argument("--only-kept", action="store_true", help="measure no more than the file holds")
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(train(calibration.from_json(chosen.one))))
        return
    grid, make = (CHECKS, whole_job_of) if chosen.check else (GRID, job_of)
    kept = json.loads(chosen.kept.read_text()) if chosen.kept and chosen.kept.exists() else {}
    jobs = [make(*one) for one in grid]
    for job, case in zip(jobs, grid, strict=True):
        if str(case) not in kept and not chosen.only_kept:
            kept[str(case)] = in_own_process(job)
            print(f"{case}: {kept[str(case)]}", file=sys.stderr, flush=True)
            if chosen.kept:
                chosen.kept.write_text(json.dumps(kept))
    jobs = [job for job, case in zip(jobs, grid, strict=True) if str(case) in kept]
    measured = [kept[str(case)] for case in grid if str(case) in kept]
    if not chosen.check:
        costs.COSTS.update(fit(jobs, measured))
    report(jobs, measured)
    if chosen.write and not chosen.check:
        write(costs.COSTS)


if __name__ == "__main__":
    main()

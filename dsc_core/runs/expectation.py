"""How long a run takes on this machine, before it starts: from the table of costs, made true by what was measured here.

Two things are measured: a calibration, a training of a second or two on made-up samples of the same shape, kept in the
workspace; and the finished runs, whose last events hold the seconds of their parts. Imports no PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core import __version__
from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.method.networks.sizes import Shape
from dsc_core.presets import PRESETS
from dsc_core.runs.files import read_value, write_json
from dsc_core.training import calibration, costs, launch
from dsc_core.training.cost_table import COSTS
from dsc_core.training.costs import PARTS, Job, Speed
from dsc_core.training.countdown import Countdown, Plan, total_seconds
from dsc_core.workspace import ROOT

if TYPE_CHECKING:
    from dsc_core.runs.store import Store

FOLDER = "speeds"  # of a workspace, for the calibrations
RECENT = 5  # finished runs that count
LOOKED_AT = 30  # the newest finished runs, among which they are sought
# Times from the table: a factor beyond it comes from a suspended computer, not from a slow one.
FARTHEST = 20.0
LONG = 300.0  # seconds from which a person is told what takes the time
UNSURE = 1.7  # times more or less, where nothing was measured here
# Settings on which the speed of a step depends, beside the shape; the rest is in the counts of the table.
OF_A_STEP = (
    "encoder",
    "latent_dims",
    "batch_norm",
    "decoders",
    "noise",
    "mi_input",
    "spectral_width",
    "graph",
    "batch",
    "joint_batch",
    "orthonormalise",
    "device",
    "processes",
)
STEPS = ("stage 1", "stage 2", "encoding")  # parts whose speed depends on them


@dataclass(frozen=True)
class Expectation:
    """How long a run is expected to take. measured: whether anything was measured on this machine."""

    job: Job
    plan: Plan
    measured: bool

    @property
    def seconds(self) -> float:
        """Of the whole run, from the start of its process to its files."""
        return total_seconds(self.plan)

    @property
    def words(self) -> str:
        """The time in words: "about 40 s", or "about 1 to 3 min" where nothing was measured."""
        if self.measured:
            return about(self.seconds)
        return about(self.seconds / UNSURE, self.seconds * UNSURE)

    @property
    def parts(self) -> dict[str, float]:
        """Seconds by part."""
        found: dict[str, float] = {}
        for loads in self.plan.values():
            for part, load in loads.items():
                found[part] = found.get(part, 0.0) + load.total
        return found

    @property
    def longest(self) -> str:
        """The three longest parts, in words: "stage 1 22 s, stage 2 6 s, the maps 5 s"."""
        longest = sorted(self.parts.items(), key=lambda item: -item[1])[:3]
        return ", ".join(f"{PARTS[part]} {_of_part(seconds)}" for part, seconds in longest)

    @property
    def advice(self) -> str:
        """Of a long run: what takes the time, and what would make it shorter, in a sentence; "" for a short one."""
        if self.seconds < LONG:
            return ""
        part = max(self.parts, key=lambda name: self.parts[name])
        return f"{self.parts[part] / self.seconds:.0%} of it is {PARTS[part]}{self._amount(part)}. {self._remedy(part)}"

    def _amount(self, part: str) -> str:
        """How much a part has to do: ": 4,370 steps of 128 images of 28×28"."""
        if part not in ("stage 1", "stage 2"):
            return f", on {self.job.on_graph:,} samples in {self.job.config.clusters} clusters"
        joint, schedule, shape = part == "stage 2", self.job.schedule, self.job.shape
        steps = schedule.joint_steps if joint else schedule.steps
        what = f"images of {shape[1]}×{shape[2]}" if len(shape) == 3 else f"rows of {shape[0]}"
        return f": {steps:,} steps of about {self.job.step_rows(joint):.0f} {what}"

    def _remedy(self, part: str) -> str:
        """What makes a part shorter."""
        config, quick = self.job.config, PRESETS["quick"].config
        longer = config.epochs > quick.epochs or config.joint_epochs > quick.joint_epochs
        ways = [*(["the preset quick"] if longer else []), "fewer samples"]
        if part in ("stage 1", "stage 2", "encoding") and len(self.job.shape) == 3 and self.job.shape[1] > 32:
            ways.append("smaller images (their size is chosen on the Data page, or by --size)")
        return f"Shorter: {' or '.join([', '.join(ways[:-1]), ways[-1]]) if len(ways) > 1 else ways[0]}."


@dataclass(frozen=True)
class Finished:
    """What a finished run says about this machine. key: see `key_of`. ratios: seconds to the table's, by part."""

    key: str
    device: str
    ratios: dict[str, float]


def expect(home: Path, job: Job, finished: Sequence[Finished]) -> Expectation:
    """How long a job takes in the workspace `home`, by what is known at this moment. finished: its `finished_runs`."""
    speed = known_speed(home, job, finished)
    return Expectation(job, costs.plan(job, speed), speed.measured)


def countdown(store: Store, config: Config, count: int, shape: Shape) -> Countdown:
    """The countdown of a run that begins."""
    return Countdown(expect(store.home, Job(count, tuple(shape), config), finished_runs(store)).plan)


def known_speed(home: Path, job: Job, finished: Sequence[Finished]) -> Speed:
    """The speed of this machine: by finished runs, else by a calibration, else only by its number of cores.

    Of the finished runs the newest on the same device count, and the calibration as one more: the median of each part,
    so that one run beside other programs does not decide alone. For the steps, a run of other networks counts by how
    much longer it took than its own calibration said: a busy hour makes all presets longer, not one of them.
    """
    calibrated, key = read_calibration(home, job), key_of(job)
    device = calibrated.get("device") or next((run.device for run in finished), "")
    factors = dict(calibrated.get("factors", {}))
    found: dict[str, list[float]] = {}
    for run in finished:
        if run.device == device:
            ratios = run.ratios if run.key == key else _of_other_networks(home, run, factors)
            for part, ratio in ratios.items():
                found.setdefault(part, []).append(ratio)
    for part, votes in found.items():
        measured = [factors[part]] if part in factors else []
        factors[part] = statistics.median(measured + votes[:RECENT])
    return Speed(factors, costs.available_cores(), bool(factors.keys() & {"stage 1", "stage 2"}))


def _of_other_networks(home: Path, run: Finished, factors: Mapping[str, float]) -> dict[str, float]:
    """What a run of other networks says of a job with these factors: of steps, how much slower than calibrated."""
    calibrated = _read(home, run.key).get("factors", {})
    return {
        part: ratio if part not in STEPS else ratio * factors[part] / calibrated[part]
        for part, ratio in run.ratios.items()
        if part not in STEPS or (part in factors and calibrated.get(part, 0.0) > 0)
    }


def finished_runs(store: Store) -> list[Finished]:
    """What the newest finished runs of a workspace say, the newest first."""
    runs = [run for run in store.list() if run.status == "done" and not run.parent]
    found: list[Finished] = []
    for run in runs[:LOOKED_AT]:
        event = store.last_event(run.id)
        if event is None or not event.parts:
            continue
        with suppress(ValueError, TypeError, KeyError, ZeroDivisionError):  # a run of another version
            job = Job(run.samples, tuple(run.dataset["shape"]), run.config)
            table = costs.plan(job, Speed(dict.fromkeys(COSTS, 1.0)))
            ratios = calibration.ratios(event.parts, table)
            near = {part: ratio for part, ratio in ratios.items() if 1 / FARTHEST < ratio < FARTHEST}
            found.append(Finished(key_of(job), run.device, near))
    return found


# Calibrations ------------------------------------------------------------------------------------------------


def key_of(job: Job) -> str:
    """What a calibration is kept under: this machine, this version, the shape, and the networks."""
    settings = [getattr(job.config, name) for name in OF_A_STEP] + [job.copies]
    threads = [os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")]
    machine = [platform.node(), costs.available_cores(), *threads, __version__, COSTS]
    return hashlib.sha256(json.dumps([machine, job.shape, settings]).encode()).hexdigest()[:16]


def read_calibration(home: Path, job: Job) -> dict[str, Any]:
    """{"device", "factors"} as measured for a job like this one; {} where it has yet to be measured."""
    return _read(home, key_of(job))


def _read(home: Path, key: str) -> dict[str, Any]:
    """The same by its key."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        found = read_value(home / FOLDER / f"{key}.json")
        factors = {part: float(found["factors"][part]) for part in COSTS if part in found["factors"]}
        return {"device": str(found["device"]), "factors": factors}
    return {}


def calibrate(home: Path, jobs: Sequence[Job], cancelled: Callable[[], bool] = lambda: False) -> None:
    """Measure the speed for jobs that have not been measured, in a process of its own, and keep each as it comes.

    cancelled: called after each job; whether to leave out the others. RunError if the process fails. Takes some
    seconds, mostly until PyTorch is loaded. Does nothing where the environment has DSC_CALIBRATE=0.
    """
    if os.environ.get("DSC_CALIBRATE") == "0":
        return
    missing = {key_of(job): job for job in jobs if not read_calibration(home, job)}
    if not missing:
        return
    lines = "".join(calibration.to_json(job) + "\n" for job in missing.values())
    config = next(iter(missing.values())).config
    environment = launch.environment(config, []) | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    command = [sys.executable, "-m", "dsc_core.training.calibration"]
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines)
        process.stdin.close()
        for key, line in zip(missing, process.stdout, strict=False):
            (home / FOLDER).mkdir(parents=True, exist_ok=True)
            write_json(home / FOLDER / f"{key}.json", json.loads(line))
            if cancelled():
                process.kill()
                return
    if process.returncode:
        raise RunError("The speed of this machine could not be measured.")


# Words -------------------------------------------------------------------------------------------------------


def about(low: float, high: float | None = None) -> str:
    """A time in round words: "about 40 s", "about 3 min", "about 1 h 20 min"; of two, "about 1 to 3 min"."""
    if high is None:
        return f"about {_round(low)}"
    first, last = _round(low), _round(high)
    if first == last:
        return f"about {first}"
    number, _, unit = first.partition(" ")
    return f"about {number} to {last}" if last.partition(" ")[2] == unit else f"about {first} to {last}"


def _of_part(seconds: float) -> str:
    """A time of one of several parts: short ones in seconds, so that they do not come to more than the whole."""
    return f"{round(seconds) or 'under 1'} s" if seconds < 10 else _round(seconds)


def _round(seconds: float) -> str:
    """A time with the precision that an estimate has: "5 s", "40 s", "3 min", "1 h 20 min", "30 h"."""
    if seconds < 92.5:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes if minutes < 10 else round(minutes / 5) * 5} min"
    if minutes < 600:
        return f"{minutes // 60} h {minutes % 60 // 10 * 10} min".replace(" 0 min", "")
    return f"{round(minutes / 60)} h"

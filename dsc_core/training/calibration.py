"""How fast this machine is: a training of a second or two on made-up samples of the very shape, with the very networks.

As a program, `python -m dsc_core.training.calibration`, it reads jobs from standard input, one JSON object per line,
and prints the speed for each, so that whoever asks needs no PyTorch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

from dsc_core.config import Config
from dsc_core.method.networks.sizes import Shape
from dsc_core.training.costs import Job, Speed, plan
from dsc_core.training.countdown import Countdown, Plan

NICE = 5  # trainings that run already come first
STEP, STAGE = 0.4, 1.2  # seconds of a step, and of a stage, that are aimed at
FEWEST, MOST = 3, 8  # steps per epoch
MOST_SAMPLES = 1024
CLUSTERS = 10  # at most: more of them cost a cut that says nothing more about the machine
SERIAL = ("cut", "teaching")  # parts that stand for all that runs on one core
FOLLOWING = ("start", "maps", "scores", "saving")  # parts that are not tried here


def calibrate(job: Job) -> dict[str, Any]:
    """{"device": its name, "factors": by part, how many times longer it takes here than in the table of costs}."""
    from dsc_core.device import describe

    small = small_job(job)
    countdown = Countdown(plan(small, results=False))
    rates, share = _train(small, countdown)
    table = plan(small, Speed(dict.fromkeys(countdown.spent, 1.0)), results=False)
    factors = {part: share * ratio for part, ratio in ratios(countdown.spent, table).items()}
    for part, rate in rates.items():  # of the last epoch, when all was warm
        rows = small.step_rows(joint=part == "stage 2")
        factors[part] = share * rows / rate / small.seconds(part, Speed({part: 1.0}))
    device, name = describe(job.config.device)
    serial = [factors[part] for part in SERIAL if part in factors]
    if serial and device.type == "cpu":
        factors |= dict.fromkeys(FOLLOWING, float(np.exp(np.mean(np.log(serial)))))
    return {"device": name, "factors": {part: round(factor, 4) for part, factor in factors.items()}}


def small_job(job: Job) -> Job:
    """A job of the same shape and networks, in two epochs per stage of a few steps each."""
    config, rough = job.config, Speed(cores=1)
    batch = _affordable(job.schedule.batch, job.seconds("stage 1", rough))
    joint_batch = _affordable(config.joint_batch, job.seconds("stage 2", rough))
    steps = int(np.clip(STAGE / max(job.seconds("stage 2", rough), 1e-3), FEWEST, MOST))
    count = min(job.count, max(steps * max(batch, joint_batch), 256), MOST_SAMPLES)
    few = {"epochs": min(config.epochs, 2), "joint_epochs": min(config.joint_epochs, 2), "batches": steps}
    sizes = {
        "batch": batch,
        "joint_batch": joint_batch,
        "clusters": min(config.clusters, CLUSTERS, max(2, count // 5)),
    }
    still = {"least_steps": 0, "refresh": 100, "map_every": 0, "tolerance": 0.0, "stopping": "labels"}
    return Job(count, job.shape, config.replace(**few, **sizes, **still))


def _affordable(batch: int, seconds: float) -> int:
    """A batch size whose step takes about STEP seconds, at most `batch`, whose step takes `seconds`."""
    return max(16, int(batch * min(1.0, STEP / seconds)) // 8 * 8)


def _train(job: Job, countdown: Countdown) -> tuple[dict[str, float], float]:
    """Train a small job. → images per second of both stages, and the share of the time that this process had a core."""
    from dsc_core.training.clock import STEPS
    from dsc_core.training.loop import fit

    samples, rates = made_up(job.count, job.shape, job.config.clusters), {}
    wall, processor = time.monotonic(), time.process_time()
    for event in fit(samples, job.config, countdown=countdown):
        if event.kind == "epoch":
            rates[STEPS[event.stage]] = event.images_per_second
    countdown.enter("")
    # Beside other programs a core is shared; what is asked is how long it takes without them.
    share = (time.process_time() - processor) / max(time.monotonic() - wall, 1e-9)
    return rates, min(share, 1.0)


def made_up(count: int, shape: Shape, clusters: int, seed: int = 0) -> np.ndarray:
    """Samples in clusters, (count, …) float32 from 0 to 1: smooth images, or rows."""
    rng = np.random.default_rng(seed)
    coarse = (shape[0], 4, 4) if len(shape) == 3 else shape
    centres = rng.random((clusters, *coarse), dtype=np.float32)
    drawn = centres[rng.integers(clusters, size=count)]
    drawn += 0.15 * rng.standard_normal(drawn.shape, dtype=np.float32)
    for axis, size in zip((2, 3), shape[1:], strict=False):
        drawn = np.take(drawn, np.arange(size) * 4 // size, axis=axis)
    return np.clip(drawn, 0, 1)


def ratios(spent: dict[str, list[float]], expected: Plan) -> dict[str, float]:
    """By part, how many times longer a piece of it took than expected. spent: [seconds, pieces] by part."""
    found = {}
    for part, (seconds, pieces) in spent.items():
        loads = [loads[part] for loads in expected.values() if part in loads]
        planned, often = sum(load.pieces * load.seconds for load in loads), sum(load.pieces for load in loads)
        if pieces and seconds > 0 and planned > 0:
            found[part] = seconds / pieces / (planned / often)
    return found


def to_json(job: Job) -> str:
    """A job as one line."""
    return json.dumps({"count": job.count, "shape": job.shape, "config": job.config.to_dict()})


def from_json(line: str) -> Job:
    """The inverse of `to_json`."""
    facts = json.loads(line)
    return Job(facts["count"], tuple(facts["shape"]), Config.from_dict(facts["config"]))


def main() -> int:
    """Calibrate the jobs of standard input. → the exit code."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    for line in sys.stdin:
        print(json.dumps(calibrate(from_json(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

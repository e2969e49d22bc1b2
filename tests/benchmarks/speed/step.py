"""(a) Images per second of each stage, and its share of the limit.

Training itself is measured: `loop.fit` calls `control` before each step and reports the end of an epoch, and between
two epochs the operations of one step run alone as many times as the epoch had steps. So the two take turns on the same
machine in the same state. The operations are recorded from the second step of a training; on a graphics card that is
before training records its steps for itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tests.benchmarks.speed.kept import Task, rounds_option
from tests.benchmarks.speed.trees import ROOT, ask

STAGES = {"1": "autoencoder", "2": "joint"}
DATA, BATCHES = ("mnist", "digits"), (128, 256)
STEPS = 8  # of an epoch that is measured
LIMIT = 900.0  # seconds for one data set, stage and batch


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--batch", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--stage", nargs="+", default=list(STAGES), choices=STAGES)
    parser.add_argument("--threads", type=int, default=0, help="0: as the machine and the project have it")
    parser.add_argument("--device", default="cpu")


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One measurement per data set, stage and batch."""
    for data in given.data:
        for stage in given.stage:
            for batch in given.batch:
                settings = {"data": data, "stage": stage, "batch": batch, "rounds": given.rounds}
                settings |= {"device": given.device, "threads": given.threads}
                name = f"{data}-stage-{stage}-batch-{batch}-{given.device}-threads-{given.threads or 'all'}"
                yield Task("step", name, settings, lambda settings=settings: measure_in(ROOT, **settings))


def measure_in(tree: Path, threads: int, **request: object) -> dict:
    """`measure` in a process with the core of `tree`."""
    return ask(tree, "step:measure", request, LIMIT, threads)


# In the process that measures ------------------------------------------------------------------------------------


def measure(data: str, stage: str, batch: int, rounds: int, device: str) -> dict:
    """Seconds of a step and of its operations alone, wall and processor, one per round; images; flops."""
    import torch

    from dsc_core.data import open_dataset

    dataset = open_dataset(data)
    recorder = record(dataset, stage, batch, device)
    alone = recorder.alone(torch.device(device))
    for _ in range(3):
        alone()
    steps, limits = [], []

    def between(seconds: dict[str, float]) -> None:
        steps.append(seconds)
        limits.append(timed(lambda: [alone() for _ in range(STEPS)], STEPS))

    # The first epoch loads and compiles.
    train(dataset, stage, batch, STEPS, rounds + 1, device, on_epoch=between)
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return {
        "step": columns(steps[1:]),
        "alone": columns(limits[1:]),
        "images": batch,
        "flops": recorder.flops,
        "operations": len(recorder.operations),
        "device": name,
        "threads": torch.get_num_threads(),
    }


def columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """One list per key of dictionaries with equal keys."""
    return {key: [row[key] for row in rows] for key in rows[0]}


def wait_for_device() -> None:
    """Until a graphics card, where one is in use, has done all it was given."""
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def timed(call: Callable[[], object], times: int) -> dict[str, float]:
    """Seconds, wall and processor, of one of `times` that `call` carries out."""
    wait_for_device()
    wall, processor = time.perf_counter(), time.process_time()
    call()
    wait_for_device()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {"wall": wall / times, "processor": processor / times}


def settings(dataset, stage: str, epochs: int, batch: int, device: str):
    """`standard` with epochs of one stage alone, which does not end early and reads the graph once."""
    from dsc_core.presets import preset

    first, second = (epochs, 0) if stage == "1" else (0, epochs)
    return preset(
        "standard",
        clusters=dataset.classes or 10,
        epochs=first,
        joint_epochs=second,
        batch=batch,
        joint_batch=batch,
        least_steps=0,
        refresh=100,
        tolerance=0.0,
        map_every=0,
        device=device,
    )


def train(
    dataset,
    stage: str,
    batch: int,
    steps: int,
    epochs: int,
    device: str,
    on_epoch: Callable[[dict[str, float]], None] = lambda seconds: None,
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Train epochs of `steps` steps; on_epoch receives the seconds of a step of each, on_step is called before each."""
    from dsc_core.training.loop import fit

    called: list[tuple[float, float]] = []

    def control() -> dict:
        called.append((time.perf_counter(), time.process_time()))
        on_step()
        return {}

    count = batch * steps
    # A small set is repeated: a step does not know it.
    samples = np.resize(dataset.samples, (count, *dataset.samples.shape[1:]))
    config = settings(dataset, stage, epochs, batch, device)
    for event in fit(samples, config, control=control, scaling=dataset.scaling):
        if event.kind == "epoch":
            wait_for_device()
            # Before the steps it may also have been called while a graph was read.
            began = called[-steps:][0]
            wall, processor = time.perf_counter() - began[0], time.process_time() - began[1]
            on_epoch({"wall": wall / steps, "processor": processor / steps})
            called.clear()


def record(dataset, stage: str, batch: int, device: str):
    """A recorder with the operations of one step, which is the whole of an epoch."""
    from tests.benchmarks.speed.limit import Recorder

    entered: list[Recorder] = []
    whole: list[Recorder] = []

    def on_step() -> None:
        if entered:  # what came since the last call was the reading of a graph
            entered.pop().__exit__(None, None, None)
        entered.append(Recorder())
        entered[-1].__enter__()

    def leave(seconds: dict[str, float]) -> None:
        whole.append(entered.pop())
        whole[-1].__exit__(None, None, None)

    train(dataset, stage, batch, 1, 2, device, on_epoch=leave, on_step=on_step)
    if not whole[-1].operations:
        raise RuntimeError("no convolution or product was seen in a step")
    return whole[-1]


# Tables ------------------------------------------------------------------------------------------------------------


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Images per second, operations of an image and the share of the limit, wall and processor time."""
    head = [
        "data",
        "stage",
        "batch",
        "device",
        "threads",
        "images/s",
        "ms a step",
        "MFLOP an image",
        "GFLOP/s",
    ]
    head += ["limit GFLOP/s", "share", "share of processor time"]
    return head, [row(result) for result in results]


def row(result: dict) -> list[str]:
    """One measurement; the share is the median of those of the rounds, in which step and limit took turns."""
    given = result["settings"]
    first = [given["data"], given["stage"], f"{given['batch']:,}"]
    if "failed" in result:
        return [*first, given["device"], str(given["threads"] or "all"), result["failed"], *[""] * 6]
    wall, flops, images = statistics.median(result["step"]["wall"]), result["flops"], result["images"]
    limit = statistics.median(result["alone"]["wall"])
    return [
        *first,
        result["device"],
        str(result["threads"]),
        f"{images / wall:,.0f}",
        f"{1000 * wall:.1f}",
        f"{flops / images / 1e6:.1f}",
        f"{flops / wall / 1e9:,.1f}",
        f"{flops / limit / 1e9:,.1f}",
        f"{share(result, 'wall'):.0%}",
        f"{share(result, 'processor'):.0%}",
    ]


def share(result: dict, clock: str) -> float:
    """The time of the operations alone over that of a step: the share of the limit that a step reaches."""
    pairs = zip(result["alone"][clock], result["step"][clock], strict=True)
    return statistics.median(alone / step for alone, step in pairs)

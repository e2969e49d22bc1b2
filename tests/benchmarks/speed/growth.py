"""(d) Growth: seconds and peak memory by part, per thousand samples, from 2,000 samples to a million.

Samples are MNIST's, and beyond its 70,000 seeded small random copies of them, which are written in blocks. A job
imports the file, trains, labels, draws both maps, and writes labels.csv, in one process, with the functions that the
command line calls. An epoch of training would take hours, so each stage trains one epoch of a limited number of
batches, and its seconds are scaled to the samples of a whole epoch; every other part does all of its work.

A job of 200 samples goes before in the same process, so that libraries are loaded and compiled; peaks are measured
from the memory that it holds then. Measured is private memory (RssAnon and RssShmem), polled; mapped files are left
out, since the system takes them back whenever it needs to. Needs Linux.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.speed.kept import Task
from tests.benchmarks.speed.layout import ORDER, STAGES, START, Ledger, stages, watch
from tests.benchmarks.speed.trees import ROOT, ask

COUNTS = (2_000, 10_000, 70_000, 1_000_000)
MNIST, BLOCK, FEW = 70_000, 10_000, 200
BATCHES = 60  # of an epoch of each stage
LIMIT = 7200.0  # seconds for one number of samples
EVERY = 0.01  # seconds between two looks at the memory
SPREAD = {"shift": 0.08, "rotation": 10.0, "scaling": 0.1}  # of the copies, as the settings have it
EXPORT = "export"
NAMES = (*ORDER, EXPORT)


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument("--samples", nargs="+", type=int, default=list(COUNTS))
    parser.add_argument("--batches", type=int, default=BATCHES, help="of an epoch of each stage")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KNOB=VALUE", help="other settings, as of `train`"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one number of samples")
    parser.add_argument("--folder", help="for the files, 2 KB a sample; by default that of temporary files")


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One job per number of samples."""
    for count in given.samples:
        settings = {"samples": count, "batches": given.batches, "set": given.set, "device": given.device}
        name = "-".join([str(count), given.device, *(each.replace("=", "-") for each in given.set)])
        yield Task(
            "growth",
            name,
            settings,
            lambda settings=settings: measure_in(ROOT, given.limit, given.folder, settings),
        )


def measure_in(tree: Path, limit: float, folder: str | None, settings: dict) -> dict:
    """`measure` in a process with the core of `tree`, on files written before."""
    with tempfile.TemporaryDirectory(prefix="speed-", dir=folder) as inside:
        files = {"count": settings["samples"], "folder": inside}
        ask(ROOT, "growth:write", files, limit)
        request = {
            "folder": inside,
            "batches": settings["batches"],
            "settings": settings["set"],
            "device": settings["device"],
        }
        return ask(tree, "growth:measure", request, limit)


# In the process that measures ----------------------------------------------------------------------------------------


def write(count: int, folder: str) -> dict:
    """Write images.npy with `count` images of 28×28, and few.npy with the first of them."""
    import numpy as np
    import torch

    from dsc_core.data import open_dataset
    from dsc_core.method.augmentation import random_copy

    originals = open_dataset("mnist").samples[:, 0]
    images = np.lib.format.open_memmap(
        Path(folder) / "images.npy", "w+", np.uint8, (count, *originals.shape[1:])
    )
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        block = originals[rows % MNIST]
        if (again := rows // MNIST).any():
            draw = torch.rand(len(rows), 4, generator=torch.Generator().manual_seed(start))
            copies = random_copy(torch.from_numpy(block)[:, None].float(), **SPREAD, draw=draw)[:, 0]
            block = np.where((again > 0)[:, None, None], copies.round().clamp(0, 255).byte().numpy(), block)
        images[start : start + len(rows)] = block
    images.flush()
    np.save(Path(folder) / "few.npy", images[:FEW])
    return {}


class Memory(threading.Thread):
    """The peak of private memory in each part of a ledger, in bytes, until `over` is set."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self.ledger, self.over, self.peaks = ledger, threading.Event(), dict[str, int]()

    def run(self) -> None:
        """Look now and then."""
        while not self.over.wait(EVERY):
            part, bytes_now = self.ledger.open[-1], private_memory()
            self.peaks[part] = max(self.peaks.get(part, 0), bytes_now)


def private_memory() -> int:
    """Bytes of this process that no file backs."""
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return 1024 * sum(int(lines[name].split()[0]) for name in ("RssAnon", "RssShmem"))


def measure(folder: str, batches: int, settings: list[str], device: str) -> dict:
    """Seconds and peak memory by part of one job; the steps that each stage made, and the samples of their batches."""
    import ctypes
    import gc
    import time
    from contextlib import suppress

    import numpy as np

    from dsc_core.config import parse_settings
    from dsc_core.presets import preset

    schedule = {"epochs": 1, "joint_epochs": 1, "batches": batches, "least_steps": 0, "device": device}
    config = preset("standard", clusters=10, **schedule | parse_settings(settings))
    ledger = Ledger()
    found = watch(ledger)
    stages(ledger)
    work(Path(folder) / "few.npy", Path(folder) / "few", config, ledger)
    gc.collect()
    with suppress(OSError, AttributeError):  # other C libraries lack this call
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    base = private_memory()
    ledger.seconds.clear()
    ledger.times.clear()
    ledger.open[:] = [START]
    ledger.since = time.perf_counter(), time.process_time()
    memory = Memory(ledger)
    memory.start()
    work(Path(folder) / "images.npy", Path(folder) / "home", config, ledger)
    ledger.book()
    memory.over.set()
    count = len(np.load(Path(folder) / "images.npy", mmap_mode="r"))
    return {
        "seconds": ledger.seconds,
        "times": ledger.times,
        "peaks": {part: peak - base for part, peak in memory.peaks.items()},
        "base": base,
        "trained": {
            STAGES["autoencoder"]: trained(count, config.batch, batches),
            STAGES["joint"]: trained(min(count, config.graph_samples), config.joint_batch, batches),
        },
        "on graph": min(count, config.graph_samples),
        "found": found,
        "device": device_name(),
    }


def trained(count: int, batch: int, batches: int) -> float:
    """The share of an epoch over `count` samples that so many batches are."""
    return min(1.0, batches * batch / count)


def device_name() -> str:
    """The graphics card in use, or CPU."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_initialized() else "CPU"


def work(source: Path, home: Path, config, ledger: Ledger) -> None:
    """Import, train, label, draw and export one file."""
    from dsc_core.data import import_data, load_dataset
    from dsc_core.runs import Store, execute
    from dsc_core.runs.artifacts.labels import csv_pieces
    from dsc_core.runs.files import written_whole

    with ledger.inside("import of the data"):
        key = import_data(source, home)
        dataset = load_dataset(key, home)
    store = Store(home)
    run_id = store.create(dataset, config, key=key)
    execute(store, run_id)
    with ledger.inside(EXPORT), written_whole(home / "labels.csv") as out:
        out.writelines(csv_pieces(store.get(run_id)))


# Tables ------------------------------------------------------------------------------------------------------------


def scaled(result: dict, clock: str) -> dict[str, float]:
    """Seconds of each part for the samples of the job; of a stage, for one whole epoch."""
    shares = result["trained"]
    return {part: took[clock] / shares.get(part, 1.0) for part, took in result["seconds"].items()}


def per_thousand(result: dict, part: str) -> str:
    """Wall and, in brackets, processor seconds of a part for a thousand samples."""
    thousands = result["settings"]["samples"] / 1000
    wall, processor = (scaled(result, clock).get(part, 0.0) / thousands for clock in ("wall", "processor"))
    return f"{wall:.3g} ({processor:.3g})"


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Wall and, in brackets, processor seconds per thousand samples, and peak megabytes, by part."""
    order = sorted(results, key=lambda result: (result["settings"]["device"], result["settings"]["samples"]))
    whole = [result for result in order if "failed" not in result]
    titles = [title(result) for result in whole]
    head = ["part", *(f"{each}: s per 1,000" for each in titles), *(f"{each}: MB" for each in titles)]
    rows = []
    for name in NAMES:
        if any(name in result["seconds"] for result in whole):
            seconds = [per_thousand(each, name) for each in whole]
            rows.append([name, *seconds, *(f"{each['peaks'].get(name, 0) / 1e6:,.0f}" for each in whole)])
    if whole:
        peaks = [f"**{max(each['peaks'].values()) / 1e6:,.0f}**" for each in whole]
        rows.append(["highest peak", *[""] * len(whole), *peaks])
        rows.append(
            ["samples on the graph", *(f"{each['on graph']:,}" for each in whole), *[""] * len(whole)]
        )
    rows += [
        [f"{each['name']}: {each['failed']}", *[""] * (len(head) - 1)] for each in order if "failed" in each
    ]
    return head, rows


def title(result: dict) -> str:
    """The samples of a job, with what else it was given."""
    given = result["settings"]
    more = [*given["set"], *([result["device"]] if given["device"] != "cpu" else [])]
    return " ".join([f"{given['samples']:,}", *more])

"""Peak memory of a whole job by the number of samples: `python -m tests.benchmarks.memory --help`.

For each number, a file of that many grey images of 28×28 is written in pieces. A separate process imports it, trains a
few steps of both stages, embeds and labels every sample, draws both maps and writes labels.csv, with the functions
that the app and the command line call. Before that, it does the same with a hundred samples, so that the libraries and
a model are loaded; the memory that it holds then is the baseline.

Measured is the private memory of the process (RssAnon and RssShmem of /proc/self/status, polled every few
milliseconds). Pages of mapped files are counted separately: the system takes them back whenever it needs to.

    python -m tests.benchmarks.memory --samples 10000 100000 1000000
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np

SIDE, KINDS, PIECE = 28, 10, 10_000
EVERY = 0.005  # seconds between two measurements
# Few steps, since memory does not depend on their number; in all else the default preset.
SCHEDULE = {"epochs": 1, "joint_epochs": 1, "batches": 20, "least_steps": 0, "device": "cpu"}
PHASES = ("import", "stage 1", "stage 2", "labels", "maps", "results", "export")


def write_images(path: Path, count: int) -> None:
    """Write an .npy of `count` images, piece by piece: KINDS patterns, shifted at random and with noise."""
    rng = np.random.default_rng(0)
    patterns = np.kron(rng.integers(0, 2, (KINDS, 7, 7)) * 150, np.ones((4, 4))).astype(np.uint8)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE))
    for start in range(0, count, PIECE):
        size = min(PIECE, count - start)
        kinds, moves = rng.integers(0, KINDS, size), rng.integers(0, 16, size)
        part = patterns[kinds] + rng.integers(0, 100, (size, SIDE, SIDE), dtype=np.uint8)
        for move in range(16):
            part[moves == move] = np.roll(part[moves == move], divmod(move, 4), (1, 2))
        images[start : start + size] = part
    images.flush()


def held() -> dict[str, int]:
    """Bytes that this process holds: "own" memory, and "mapped" pages of files."""
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    kilobytes = {name: int(lines[name].split()[0]) for name in ("RssAnon", "RssShmem", "RssFile")}
    return {
        "own": 1024 * (kilobytes["RssAnon"] + kilobytes["RssShmem"]),
        "mapped": 1024 * kilobytes["RssFile"],
    }


def release_unused() -> None:
    """Return unused memory to the system; otherwise it would count as part of the libraries."""
    gc.collect()
    with suppress(OSError, AttributeError):  # other C libraries lack this call
        ctypes.CDLL("libc.so.6").malloc_trim(0)


class Watch(threading.Thread):
    """Records the peak memory of each phase."""

    def __init__(self):
        super().__init__(daemon=True)
        self.phase, self.peaks, self.seconds = "before", defaultdict(lambda: defaultdict(int)), {}
        self.began, self.over = time.monotonic(), threading.Event()

    def run(self) -> None:
        """Measure until `over` is set."""
        while not self.over.wait(EVERY):
            for name, value in held().items():
                self.peaks[self.phase][name] = max(self.peaks[self.phase][name], value)

    def enter(self, phase: str) -> None:
        """Begin a phase; an earlier one may be continued."""
        now = time.monotonic()
        self.seconds[self.phase] = self.seconds.get(self.phase, 0.0) + now - self.began
        self.phase, self.began = phase, now

    def follow(self, event) -> None:
        """Enter the phase that an event of training belongs to."""
        if event.message.startswith(("Drawing", "Laying out", "Placing")):
            self.enter("maps")
        else:
            self.enter({"autoencoder": "stage 1", "joint": "stage 2", "labels": "labels"}[event.stage])


def work(source: Path, home: Path, settings: dict, watch: Watch) -> None:
    """Import, train, label, draw and export one file."""
    from dsc_core.data import import_data, load_dataset
    from dsc_core.presets import preset
    from dsc_core.runs import Store, execute, worker
    from dsc_core.runs.artifacts.labels import csv_pieces
    from dsc_core.runs.files import written_whole

    original = worker.Session.keep_results

    def keep_results(self, *arguments) -> None:
        watch.enter("results")
        original(self, *arguments)

    watch.enter("import")
    key, store = import_data(source, home), Store(home)
    run_id = store.create(load_dataset(key, home), preset("standard", **settings), key=key)
    worker.Session.keep_results = keep_results
    try:
        summary = execute(store, run_id, echo=watch.follow)
    finally:
        worker.Session.keep_results = original
    watch.enter("export")
    with written_whole(home / "labels.csv") as out:
        out.writelines(csv_pieces(store.get(run_id)))
    watch.enter("after")
    with open(home / "labels.csv", "rb") as file:
        rows = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1
    assert rows == summary["samples"] == len(np.load(source, mmap_mode="r"))


def measure(folder: Path, settings: dict) -> dict:
    """The peaks in bytes for the images in `folder`; runs in a process of its own."""
    watch = Watch()
    work(folder / "few.npy", folder / "few", settings, watch)
    release_unused()
    base = held()
    watch.peaks.clear()
    watch.seconds.clear()
    watch.start()
    work(folder / "images.npy", folder / "home", settings, watch)
    watch.over.set()
    return {
        "base": base,
        "phases": {name: dict(watch.peaks[name]) for name in PHASES},
        "seconds": watch.seconds,
    }


def row(count: int, measured: dict) -> str:
    """A row of the table, in MB beyond the libraries and a model."""
    phases, base = measured["phases"], measured["base"]
    own = {name: max(phases[name].get("own", 0) - base["own"], 0) for name in PHASES}
    mapped = max(phases[name].get("mapped", 0) for name in PHASES) - base["mapped"]
    numbers = [max(own.values()), *own.values(), max(mapped, 0)]
    return f"| {count:,} | " + " | ".join(f"{number / 1e6:,.0f}" for number in numbers) + " |"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--samples", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--set", nargs="*", default=[], metavar="KNOB=VALUE", help="other settings")
    parser.add_argument("--folder", help="folder for the files; by default that of temporary files")
    parser.add_argument("--in", dest="inside", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    from dsc_core.config import parse_settings

    settings = SCHEDULE | parse_settings(options.set)
    if options.inside:
        print(json.dumps(measure(Path(options.inside), settings)))
        return 0
    titles = ["samples", "peak, MB", *PHASES, "mapped files"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    for count in options.samples:
        folder = Path(tempfile.mkdtemp(prefix="memory-", dir=options.folder))
        try:
            write_images(folder / "few.npy", 100)
            write_images(folder / "images.npy", count)
            command = [sys.executable, "-m", "tests.benchmarks.memory", "--in", str(folder)]
            child = subprocess.run([*command, "--set", *options.set], stdout=subprocess.PIPE, check=True)
            measured = json.loads(child.stdout)
            print(row(count, measured), flush=True)
            seconds = ", ".join(f"{name} {measured['seconds'].get(name, 0):.0f} s" for name in PHASES)
            own = measured["base"]["own"] / 1e6
            print(f"{count:,}: {seconds}; libraries and a model {own:,.0f} MB", file=sys.stderr, flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

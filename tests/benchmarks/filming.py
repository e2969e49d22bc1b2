"""What the film of the latent map costs a training: `python -m tests.benchmarks.filming [--pairs 5]`.

Each pair is the same run twice, as the command line trains it, with and without the film, in alternating order. Only
the time until the end of the last epoch counts; reading the data and drawing the final maps are left out. Reported are:

- seconds by the clock of training, which need an otherwise idle machine;
- processor seconds of the training process with and without the film, and of the process that lays the film out (all
  of it: its start, and the frames that remained after training). They depend little on the load of the machine. The
  first says what training itself does for a film, the second what the film takes from a machine whose cores are all
  busy: on Linux it runs only where a core would be idle, elsewhere at nice 10.

Needs Linux or macOS. Set OMP_NUM_THREADS to the number of threads that training should use.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import PRESETS, preset
from dsc_core.runs import Store, execute, film_frames

PATIENCE = 600.0  # seconds for the frames that remain after training


@dataclass(frozen=True)
class Cost:
    """Seconds and processor seconds of a training up to its last epoch; processor seconds and frames of its film."""

    seconds: float
    training: float
    filming: float
    frames: int


class TrainingEnded(Exception):
    """Training is done; the final maps need not be drawn."""


def cost(store: Store, dataset, config) -> Cost:
    """The cost of training a run and of its film."""
    run = store.create(dataset, config)
    last, used, began = [], [0.0], []

    def echo(event: Event) -> None:
        if event.stage == "labels":
            end = time.monotonic() + PATIENCE
            while film_frames.epochs(store.folder(run), "latent") and time.monotonic() < end:
                time.sleep(0.1)
            raise TrainingEnded
        if not began:  # loading before the first step is left out
            began.append(time.process_time())
        if event.kind == "epoch":
            last.append(event.seconds)
            used.append(time.process_time() - began[0])

    others = children()
    try:
        execute(store, run, echo=echo)
    except Exception as error:
        if not isinstance(error.__cause__, TrainingEnded):
            raise
    # The film process has been waited for by now, so its time is counted among the children.
    return Cost(last[-1], used[-1], children() - others, len(film_frames.epochs(store.folder(run))))


def children() -> float:
    """Processor seconds of the child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, and print each pair and the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument(
        "--epochs", type=int, help="epochs of stage 1, without stage 2; by default those of the preset"
    )
    options = parser.parse_args()
    pairs, dataset = [], open_dataset(options.data)
    config = preset(options.preset, clusters=dataset.classes)
    if options.epochs:
        config = config.replace(epochs=options.epochs, joint_epochs=0, least_steps=0)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "home")
        cost(store, dataset, config.replace(epochs=1, joint_epochs=0, least_steps=0))  # loads the libraries
        for pair in range(options.pairs):
            costs = {}
            for every in sorted((0, config.map_every), reverse=bool(pair % 2)):
                costs[every] = cost(store, dataset, config.replace(map_every=every))
            pairs.append((costs[0], costs[config.map_every]))
            print(f"pair {pair + 1}: {describe(*pairs[-1])}", flush=True)
    print(f"{options.data}, median of {len(pairs)} pairs, {os.cpu_count()} cores: {summary(pairs)}")


def describe(plain: Cost, filmed: Cost) -> str:
    """One pair in words."""
    return (
        f"plain {plain.seconds:.1f} s, {plain.training:.1f} s of processor time; filmed {filmed.seconds:.1f} s, "
        f"{filmed.training:.1f} s, and {filmed.filming:.1f} s to lay out {filmed.frames} frames"
    )


def summary(pairs: list[tuple[Cost, Cost]]) -> str:
    """Medians over the pairs, of what a film adds."""

    def median(what) -> float:
        return statistics.median(what(plain, filmed) for plain, filmed in pairs)

    frame = median(lambda _, filmed: filmed.filming / max(filmed.frames, 1))
    return (
        f"with a film training takes {100 * (median(lambda p, f: f.seconds / p.seconds) - 1):+.1f}% time and "
        f"{100 * (median(lambda p, f: f.training / p.training) - 1):+.1f}% processor time; laying it out takes "
        f"{100 * median(lambda p, f: f.filming / p.training):.1f}% of training's processor time, in another process, "
        f"{frame:.1f} s per frame including its start"
    )


if __name__ == "__main__":
    main()

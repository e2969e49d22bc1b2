"""How much slower training is with a film of its latent map: `python -m tests.benchmarks.filming [--pairs 5]`.

Each pair is the same run twice, as the command line trains it, with the film and without, in turn the one or the
other first. What counts is the time until the last epoch is over, by training's own clock; reading the data and
drawing the final maps are left out. Needs a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from dsc_core.config import PRESETS, preset
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.runs import Store, execute, frames


class Over(Exception):
    """Training is done; the final maps need not be drawn."""


def seconds(store: Store, dataset, config) -> tuple[float, int]:
    """Seconds that the epochs of a run take, and the frames that it has by then."""
    run = store.create(dataset, config)
    last = []

    def echo(event: Event) -> None:
        if event.stage == "labels":
            raise Over
        if event.kind == "epoch":
            last.append(event.seconds)

    try:
        execute(store, run, echo=echo)
    except Exception as error:
        if not isinstance(error.__cause__, Over):
            raise
    return last[-1], len(frames.epochs(store.folder(run)))


def main() -> None:
    """Measure, and print each pair and the median of their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument("--epochs", type=int, help="of stage 1, then no stage 2; else as the preset says")
    options = parser.parse_args()
    ratios, dataset = [], open_dataset(options.data)
    config = preset(options.preset, clusters=dataset.classes)
    if options.epochs:
        config = config.replace(epochs=options.epochs, joint_epochs=0, least_steps=0)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "home")
        for pair in range(options.pairs):
            took = {}
            for every in sorted((0, config.map_every), reverse=bool(pair % 2)):
                took[every] = seconds(store, dataset, config.replace(map_every=every))
            (plain, _), (filmed, count) = took[0], took[config.map_every]
            ratios.append(filmed / plain)
            told = f"filmed {filmed:.1f} s, {count} frames by then; plain {plain:.1f} s"
            print(f"pair {pair + 1}: {told}, {100 * (ratios[-1] - 1):+.1f}% time", flush=True)
    median = 100 * (statistics.median(ratios) - 1)
    print(f"filmed, training takes {median:+.1f}% time at the median of {len(ratios)} pairs ({options.data})")


if __name__ == "__main__":
    main()

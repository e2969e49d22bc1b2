"""How well the presets and the baselines cluster: `python -m tests.benchmarks.quality --help`.

Each run writes one file, tests/benchmarks/results/DATA/METHOD-SEED.json. A run is skipped where its file was made by
the present algorithm with the present settings of the method, so an interrupted call continues where it stopped.
Labels are used for the scores in these files and for nothing else.

    DSC_DATA=/path/to/sets python -m tests.benchmarks.quality --data usps digits --methods standard --seeds 0 1 2
    python -m tests.benchmarks.quality --table
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from dsc_core.analysis import metrics
from dsc_core.config import AUTO, FURTHER, KNOBS, OFF, ON, Config
from dsc_core.device import describe
from dsc_core.errors import InputError
from dsc_core.training.loop import REVISION
from tests.benchmarks import methods
from tests.benchmarks.tables import tables

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "umap-learn")


def path_of(data: str, method: str, seed: int, folder: Path = RESULTS) -> Path:
    """The file of one run's result."""
    return folder / data / f"{method}-{seed}.json"


# The transforms of random copies that are `auto` in a preset, and that a data set admits (docs/method.md).
ADMITTED = {"fashion-mnist-test": ("mirror",), "fashion-mnist": ("mirror",)}
LARGEST = 70_000  # samples in the data sets that are measured
# Revisions after which only what is read from the graph of the whole data set changed: 8 chooses its cuts anew.
ONLY_WHOLE = (7,)


def is_current(result: dict) -> bool:
    """Whether a result was made by the present algorithm with the present settings of its method.

    A setting that was added later counts as its default, and a transform of random copies as what the data make of it.
    How often a map is drawn changes no cluster, and the harness trains in a single process whatever the app would
    start. A limit of the graph that no data set here reaches is none.
    """
    config = methods.config_of(result["method"], result["clusters"], result["seed"])
    if config is None:
        return True
    made = Config.from_dict(result["config"])
    made = made.replace(map_every=config.map_every, processes=config.processes)
    if min(made.graph_samples, config.graph_samples) >= LARGEST:
        made = made.replace(graph_samples=config.graph_samples)
    made, config = (with_transforms(each, result["data"]) for each in (made, config))
    same = result["revision"] == REVISION or (result["revision"] in ONLY_WHOLE and config.graph == "batch")
    return same and made == config and result["config"].keys() <= KNOBS.keys()


def with_transforms(config: Config, data: str) -> Config:
    """The settings with each transform of random copies on or off, as a data set gets it: off without copies."""

    def decided(name: str) -> str:
        value = getattr(config, name) if config.augmented_agreement else OFF
        return value if value != AUTO else (ON if name in ADMITTED.get(data, ()) else OFF)

    return config.replace(**{name: decided(name) for name in FURTHER})


def read(path: Path) -> dict | None:
    """A result, or None where there is none or it is damaged; it is then made anew."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def measure(data: str, method: str, seed: int, report: Callable[[str], None]) -> dict:
    """The result of one run, as it is written to its file."""
    dataset = methods.open_data(data)
    clusters = methods.clusters_of(method, dataset.classes)
    began, processor = time.monotonic(), time.process_time()
    outcome = methods.run(method, dataset, clusters, seed, report)
    seconds, processor = time.monotonic() - began, time.process_time() - processor
    scores = {
        name: {key: round(value, 5) for key, value in metrics.scores(dataset.labels, labels).items()}
        for name, labels in outcome.clusters.items()
    }
    return {
        "data": data,
        "method": method,
        "seed": seed,
        "samples": len(dataset),
        "clusters": clusters,
        **scores.pop(""),
        "readouts": scores,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "note": outcome.note,
        "smallest": int(np.bincount(outcome.clusters[""], minlength=clusters).min()),
        "revision": REVISION,
        "config": outcome.config,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {describe()[1]}",
        "threads": torch.get_num_threads(),
    }


def keep(result: dict, folder: Path = RESULTS) -> Path:
    """Write a result to a temporary file first, so that an interrupted run leaves no partial one."""
    path = path_of(result["data"], result["method"], result["seed"], folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def collected(folder: Path = RESULTS) -> list[dict]:
    """The current results, sorted by file name; of what has none, those of before, marked as "earlier"."""
    results = [result for path in sorted(folder.glob("*/*.json")) if (result := read(path))]
    current = {(result["data"], result["method"]) for result in results if is_current(result)}
    return [
        result if is_current(result) else result | {"earlier": True}
        for result in results
        if is_current(result) or (result["data"], result["method"]) not in current
    ]


def report(sentence: str) -> None:
    """A line on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """The options of the harness."""
    made = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    named = f"one or more of {', '.join(methods.names())}, or of these groups: {', '.join(methods.SETS)}"
    choices = (*methods.names(), *methods.SETS)
    made.add_argument("--data", nargs="+", default=["digits"], choices=methods.DATA, metavar="DATA")
    made.add_argument(
        "--methods", nargs="+", default=["standard"], choices=choices, metavar="METHOD", help=named
    )
    made.add_argument("--seeds", nargs="+", type=int, default=[0])
    made.add_argument("--again", action="store_true", help="also repeat runs that have a current result")
    made.add_argument("--table", action="store_true", help="only print the tables of the results so far")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run what the options ask for and print the tables; the exit code."""
    options = parser().parse_args(arguments)
    runs = [
        (data, method, seed)
        for seed in options.seeds
        for data in options.data
        for name in options.methods
        for method in methods.SETS.get(name, (name,))
    ]
    for run in [] if options.table else runs:
        title = " ".join(map(str, run))
        kept = read(path_of(*run))
        if kept and is_current(kept) and not options.again:
            report(f"{title}: up to date")
            continue
        try:
            result = measure(*run, lambda sentence, title=title: report(f"{title}: {sentence}"))
        except InputError as error:
            report(str(error))
            return 2
        keep(result)
        scores = f"ACC {result['acc']:.4f} NMI {result['nmi']:.4f}"
        report(f"{title}: {scores} in {result['seconds']:.0f} s")
    print(tables(collected()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

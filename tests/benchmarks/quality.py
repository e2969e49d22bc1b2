"""How well the presets and the baselines cluster: `python -m tests.benchmarks.quality --help`.

Each run leaves one JSON file under tests/benchmarks/results/DATA/METHOD-SEED.json; a run whose file is there,
made with the settings that the method has now, is not made again, so an interrupted call goes on where it was.
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
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from dsc_core.analysis import metrics
from dsc_core.config import KNOBS, Config
from dsc_core.errors import InputError
from dsc_core.training.device import describe
from dsc_core.training.loop import REVISION
from tests.benchmarks import methods
from tests.benchmarks.tables import tables

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "umap-learn")


def path_of(data: str, method: str, seed: int, folder: Path = RESULTS) -> Path:
    """Where the result of one run lies."""
    return folder / data / f"{method}-{seed}.json"


def is_current(result: dict) -> bool:
    """Whether the result was made by the present algorithm with the settings that its method has now.

    A setting that came after the result stood at what is its default today.
    """
    config = methods.config_of(result["method"], result["clusters"], result["seed"])
    if config is None:
        return True
    # A setting that came later was, then, what its default is now. How often a map is drawn changes no cluster, and
    # here a single process trains whatever is asked of the app.
    made = Config.from_dict(result["config"])
    made = made.replace(map_every=config.map_every, processes=config.processes)
    return result["revision"] == REVISION and made == config and result["config"].keys() <= KNOBS.keys()


def read(path: Path) -> dict | None:
    """A result, or None where there is none or it is damaged (it is then made again)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def measure(data: str, method: str, seed: int, tell) -> dict:
    """Run once; the result as it is written down."""
    dataset = methods.opened(data)
    clusters = methods.clusters_of(method, dataset.classes)
    began = time.monotonic()
    outcome = methods.run(method, dataset, clusters, seed, tell)
    seconds = time.monotonic() - began
    scores = {
        name: {key: round(value, 5) for key, value in metrics.scores(dataset.labels, found).items()}
        for name, found in outcome.clusters.items()
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
        "note": outcome.note,
        "smallest": int(np.bincount(outcome.clusters[""], minlength=clusters).min()),
        "revision": REVISION,
        "config": outcome.config,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {describe()[1]}",
        "threads": torch.get_num_threads(),
    }


def keep(result: dict, folder: Path = RESULTS) -> Path:
    """Write a result, to the side first: a run cut off leaves no half file."""
    path = path_of(result["data"], result["method"], result["seed"], folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def collected(folder: Path = RESULTS) -> list[dict]:
    """All current results, in the order of their names."""
    found = [read(path) for path in sorted(folder.glob("*/*.json"))]
    return [result for result in found if result and is_current(result)]


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", default=["digits"], choices=methods.DATA, metavar="DATA")
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["standard"],
        choices=(*methods.names(), *methods.SETS),
        metavar="METHOD",
        help=f"of {', '.join(methods.names())}; or many: {', '.join(methods.SETS)}",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--again", action="store_true", help="run also what has a current result")
    parser.add_argument("--table", action="store_true", help="only print the tables of what is there")
    options = parser.parse_args(arguments)
    tell = lambda sentence: print(sentence, file=sys.stderr, flush=True)  # noqa: E731
    wanted = (
        []
        if options.table
        else [
            (data, method, seed)
            for seed in options.seeds
            for data in options.data
            for name in options.methods
            for method in methods.SETS.get(name, (name,))
        ]
    )
    for data, method, seed in wanted:
        known = read(path_of(data, method, seed))
        if known and is_current(known) and not options.again:
            tell(f"{data} {method} {seed}: there already")
            continue
        try:
            result = measure(
                data, method, seed, lambda said, at=f"{data} {method} {seed}": tell(f"{at}: {said}")
            )
        except InputError as problem:
            print(problem, file=sys.stderr)
            return 2
        keep(result)
        tell(
            f"{data} {method} {seed}: ACC {result['acc']:.4f} NMI {result['nmi']:.4f} in {result['seconds']:.0f} s"
        )
    print(tables(collected()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

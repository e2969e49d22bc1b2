"""How much slower training is while the app watches it: `python -m tests.benchmarks.polling [--pairs 3]`.

Each pair is the same run twice: from the command line alone, and while a real Chromium shows the Train page
of that run. Prints each pair's training seconds and the median ratio. Needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dsc_core.config import preset as settings
from dsc_core.data import open_dataset
from dsc_core.runs import Store
from tests.browser.driving import browsing, serving

ROOT = Path(__file__).parents[2]


def alone(home: Path, data: str, preset: str, seed: int) -> dict:
    """The summary of the run from the command line."""
    command = [
        sys.executable,
        "-m",
        "dsc_core",
        "train",
        data,
        "--preset",
        preset,
        "--seed",
        str(seed),
        "--json",
    ]
    environment = {**os.environ, "DSC_HOME": str(home)}
    said = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(said.splitlines()[-1])


def watched(home: Path, data: str, preset: str, seed: int, address: str, browser) -> dict:
    """The summary of the same run as a worker, with its Train page open."""
    store, dataset = Store(home), open_dataset(data)
    run = store.create(dataset, settings(preset, clusters=dataset.classes, seed=seed))
    store.start(run)
    page = browser.new_page()
    page.goto(f"{address}/train?run={run}")
    while not store.get(run).finished:
        time.sleep(1)
    page.close()
    return json.loads((store.folder(run) / "summary.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--data", default="mnist-test")
    parser.add_argument("--preset", default="quick")
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with browsing() as browser, serving(home) as address:
            for pair in range(options.pairs):
                plain = alone(home, options.data, options.preset, pair)
                print(json.dumps(plain), flush=True)
                seen = watched(home, options.data, options.preset, pair, address, browser)
                times = plain["train_seconds"], seen["train_seconds"]
                ratios.append(times[1] / times[0])
                told = f"alone {times[0]:.1f} s, watched {times[1]:.1f} s, ratio {ratios[-1]:.3f}"
                print(f"pair {pair + 1}: {told}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} ({options.data}, {options.preset})")


if __name__ == "__main__":
    main()

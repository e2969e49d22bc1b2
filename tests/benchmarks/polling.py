"""How much slower training is while the app watches it: `python -m tests.benchmarks.polling [--pairs 3]`.

Each pair is the same run twice: from the command line alone, and while a real Chromium shows the Train page
of that run. Prints each pair's training seconds and the median ratio. Needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import json
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


def alone(home: Path, data: str, preset: str) -> float:
    """Training seconds of the run from the command line."""
    command = [
        sys.executable,
        "-m",
        "dsc_core",
        "--home",
        str(home),
        "train",
        data,
        "--preset",
        preset,
        "--json",
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    run = json.loads(said.splitlines()[-1])["run"]
    return json.loads((home / "runs" / run / "summary.json").read_text())["train_seconds"]


def watched(home: Path, data: str, preset: str, address: str, browser) -> float:
    """Training seconds of the same run as a worker, with its Train page open."""
    store, dataset = Store(home), open_dataset(data)
    run = store.create(dataset, settings(preset, clusters=dataset.classes))
    store.start(run)
    page = browser.new_page()
    page.goto(f"{address}/train?run={run}")
    while not store.get(run).finished:
        time.sleep(1)
    page.close()
    return json.loads((store.folder(run) / "summary.json").read_text())["train_seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--preset", default="quick")
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with browsing() as browser, serving(home) as address:
            for pair in range(options.pairs):
                plain = alone(home, options.data, options.preset)
                seen = watched(home, options.data, options.preset, address, browser)
                ratios.append(seen / plain)
                told = f"alone {plain:.1f} s, watched {seen:.1f} s, ratio {ratios[-1]:.3f}"
                print(f"pair {pair + 1}: {told}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} ({options.data}, {options.preset})")


if __name__ == "__main__":
    main()

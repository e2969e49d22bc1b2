"""How much the Train page slows down the training it shows: `python -m tests.benchmarks.polling [--pairs 6]`.

One run, and a real Chromium that opens and leaves its Train page in turn: each pair is a stretch of training with the
page open and the next stretch without. Since the two are so close in time, changes in the load of the machine cancel
out of the ratio. Opening the page, for which the browser builds the page and compiles its scripts for some seconds, is
not part of the ratio. Beside the ratio, which is noisy on a busy machine, stands the processor time of browser and
server as a share of all cores. Needs Linux, Chromium and Playwright, and an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dsc_core.data import open_dataset
from dsc_core.presets import preset
from dsc_core.runs import Store
from tests.browser.driving import browsing, serving, settled

STRETCH = 40.0  # seconds
OPENING = 20.0  # seconds until the browser has finished opening the page
YOUNG = 125.0  # seconds until the page polls at its final rate


def speed(store: Store, run: str, began: float, ended: float) -> float:
    """Steps per second between two times since the start of the run, from the events of training."""
    events = [e for _, e in store.events(run) if e.kind == "progress" and began <= e.seconds <= ended]
    return (events[-1].step - events[0].step) / (events[-1].seconds - events[0].seconds)


def page_seconds() -> float:
    """Processor seconds of all processes of the server and the browser so far, from /proc."""
    table = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            fields = place.read_text().rpartition(")")[2].split()
            used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            table[int(place.parent.name)] = (int(fields[1]), used)
    ours = {os.getpid()}
    for _ in range(8):  # generations
        ours |= {pid for pid, (parent, _) in table.items() if parent in ours}
    # The training process is a child of the server too, but it is not part of the page.
    ours -= {pid for pid in ours if _trains(pid)}
    return sum(table[pid][1] for pid in ours if pid in table)


def _trains(pid: int) -> bool:
    with suppress(OSError):
        return b"dsc_core.runs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def stretch(store: Store, run: str) -> float:
    """Steps per second over the next STRETCH seconds."""
    began = store.last_event(run).seconds
    time.sleep(STRETCH)
    return speed(store, run, began, store.last_event(run).seconds)


def main() -> None:
    """Measure, and print each pair and the median of their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--data", default="mnist-test")
    options = parser.parse_args()
    ratios, shares = [], []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        store, dataset = Store(home), open_dataset(options.data)
        with browsing() as browser, serving(home) as address:
            run = store.create(dataset, preset("standard", clusters=dataset.classes, epochs=2000))
            store.start(run)
            time.sleep(YOUNG)
            for pair in range(options.pairs):
                page = browser.new_page()
                page.goto(f"{address}/train?run={run}")
                settled(page)
                time.sleep(OPENING)
                before = page_seconds()
                seen = stretch(store, run)
                shares.append((page_seconds() - before) / STRETCH / os.cpu_count())
                page.close()
                time.sleep(3)  # until the server closes the session
                plain = stretch(store, run)
                ratios.append(plain / seen)
                text = f"open {seen:.2f}, closed {plain:.2f} steps per second, {100 * (ratios[-1] - 1):+.1f}% time"
                print(f"pair {pair + 1}: {text}; the page takes {shares[-1]:.1%} of all cores", flush=True)
    median = 100 * (statistics.median(ratios) - 1)
    print(
        f"with the page open, training takes {median:+.1f}% time at the median of {len(ratios)} pairs ({options.data});"
        f" the page takes {statistics.median(shares):.1%} of all cores"
    )


if __name__ == "__main__":
    main()

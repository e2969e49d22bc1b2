"""How fast the Results page shows its maps and answers a selection: `python -m tests.benchmarks.exploring`.

Synthetic runs of 2,000, 20,000 and 70,000 samples (ten blobs; speed does not depend on their meaning) in a temporary
workspace, a server, and Chromium. Prints for each size: seconds from the request until both maps are painted, with a
cold and with a warm cache; seconds from the end of a lasso over about 5,000 points (a quarter of 2,000) until the
server has counted them, and until the other map shows them; seconds until a merge of two clusters, and its undo, are
answered and drawn; and the memory of the server over the selections. In
brackets stand the processor seconds of server and browser on all cores, which are more reliable on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.runs import Store
from dsc_core.runs.artifacts.labels import make_frame
from dsc_core.runs.files import write_json
from tests.browser.driving import browsing, button, serving, settled

SIZES = (2_000, 20_000, 70_000)
CLUSTERS, LATENT, SPECTRAL = 10, 32, 20
EDITED = 5  # merges, each undone
PAINTED = """() => ["latent", "spectral"].every(space => {
    const plot = document.querySelector(`.st-key-map_${space} .js-plotly-plot`);
    return plot && plot._fullLayout && plot.querySelector(".gl-canvas") && plot.calcdata;
})"""
BRIGHT = """() => document.querySelector('.st-key-map_spectral .js-plotly-plot').data
    .filter(trace => trace.selectedpoints).reduce((sum, trace) => sum + trace.selectedpoints.length, 0)"""


def synthetic_run(store: Store, count: int) -> str:
    """A finished run of `count` samples; its id."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, CLUSTERS, count)
    images = rng.integers(0, 255, (count, 1, 28, 28), dtype=np.uint8)
    ids = np.array([str(i) for i in range(count)])
    dataset = Dataset(f"{count}", images, ids, groups, "image", (0.0, 1 / 255))
    run_id = store.create(dataset, Config().replace(clusters=CLUSTERS, device="cpu"))
    folder = store.claim(run_id).folder

    def blobs(dims: int, wide: float) -> np.ndarray:
        return rng.normal(size=(CLUSTERS, dims))[groups] * 5 + rng.normal(size=(count, dims)) * wide

    maps = np.hstack([blobs(2, 1.5), blobs(2, 0.8)]).astype(np.float32)
    (folder / "embeddings").mkdir()
    for name, array in (
        ("latent", blobs(LATENT, 1)),
        ("spectral", blobs(SPECTRAL, 0.5)),
        ("latent_map", maps[:, :2]),
        ("spectral_map", maps[:, 2:]),
    ):
        np.save(folder / "embeddings" / f"{name}.npy", array.astype(np.float32))
    clusters = np.where(rng.random(count) < 0.05, rng.integers(0, CLUSTERS, count), groups)
    frame = make_frame(ids, clusters, rng.uniform(0.2, 1, count), maps, groups)
    frame.to_parquet(folder / "labels.parquet", index=False)
    write_json(
        folder / "summary.json", {"run": run_id, "status": "done", "acc": 0.95, "nmi": 0.9, "ari": 0.9}
    )
    store.finish(run_id, "done")
    return run_id


class Stopwatch:
    """Seconds since its creation, as (by the clock, processor seconds of server and browser)."""

    def __init__(self):
        self.clock, self.work = time.perf_counter(), processor_seconds()

    def now(self) -> tuple[float, float]:
        return time.perf_counter() - self.clock, processor_seconds() - self.work


def processor_seconds() -> float:
    """Processor seconds of all descendants of this process: the server and the browser."""
    spent, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
            spent[int(path.parent.name)] = int(fields[11]) + int(fields[12])
    own, below = os.getpid(), set()
    for pid in spent:
        line = [pid]
        while line[-1] in parents and line[-1] not in (own, *below):
            line.append(parents[line[-1]])
        if line[-1] in (own, *below):
            below.update(set(line) - {own})
    return sum(spent[pid] for pid in below) / os.sysconf("SC_CLK_TCK")


def open_page(page, address: str, run_id: str) -> tuple[float, float]:
    """Seconds, as of a Stopwatch, from the request until both maps are painted."""
    watch = Stopwatch()
    page.goto(f"{address}/results?run={run_id}")
    page.wait_for_function(PAINTED, timeout=120_000)
    seconds = watch.now()
    settled(page, 120)
    page.wait_for_timeout(1000)
    return seconds


EDITS = "() => document.querySelector('.st-key-labels_download').innerText"
X_AXIS = """() => document.querySelector('.st-key-map_latent .js-plotly-plot')._fullLayout.xaxis.range"""


def edit(page, click) -> tuple[float, float]:
    """Seconds from the click on a button that edits the clusters until the page has answered and is at rest."""
    before = page.evaluate(EDITS)
    watch = Stopwatch()
    click()
    page.wait_for_function(f"before => ({EDITS})() !== before", arg=before, timeout=120_000)
    settled(page, 120)
    page.wait_for_function(PAINTED, timeout=120_000)
    return watch.now()


def edits(page, times: int) -> tuple[np.ndarray, np.ndarray]:
    """The medians of merges and of their undos."""
    merges, undos = [], []
    for _ in range(times):
        button(page, "merge_cluster").click()
        page.locator(".st-key-merge_into input").click()
        page.get_by_role("option").first.click()
        settled(page)
        merges.append(edit(page, lambda: button(page, "merge_now").click()))
        undos.append(edit(page, lambda: button(page, "undo").click()))
    return np.median(merges, axis=0), np.median(undos, axis=0)


def lasso(page, left: float, right: float) -> tuple[tuple, tuple, int]:
    """Draw a lasso: seconds until the server has counted its points, seconds until the other map shows them, count."""
    before = page.evaluate(BRIGHT)
    bar = page.locator(".st-key-selection_bar").inner_text()
    drag = page.locator(".st-key-map_latent .nsewdrag").first
    drag.scroll_into_view_if_needed()
    box = drag.bounding_box()
    for place, (x, y) in enumerate([(left, 0.02), (right, 0.02), (right, 0.98), (left, 0.98), (left, 0.03)]):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if not place:
            page.mouse.down()
    watch = Stopwatch()
    page.mouse.up()
    page.wait_for_function(
        "before => document.querySelector('.st-key-selection_bar').innerText !== before",
        arg=bar,
        timeout=60_000,
    )
    answered = watch.now()
    page.wait_for_function(f"before => ({BRIGHT})() !== before", arg=before, timeout=60_000)
    shown = watch.now()
    count = int(
        re.search(r"([\d,]+) samples?", page.locator(".st-key-selection_bar").inner_text())[1].replace(
            ",", ""
        )
    )
    settled(page)
    return answered, shown, count


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def server_of(home: Path) -> int:
    """The process id of the server whose workspace is `home`, found by its environment."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"DSC_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    raise RuntimeError("no server")


def stripe(target: int, points: np.ndarray, right: bool, drawn: tuple[float, float]) -> tuple[float, float]:
    """The bounds, as shares of the width of the map, of a stripe with about `target` points at its left or right end.

    drawn: the ends of the horizontal axis. A lasso that starts on the outline of the previous one would move that one,
    so the two ends alternate.
    """
    x = np.sort(points[:, 0])
    low, high = drawn
    share = float((x[-target if right else target] - low) / (high - low))
    return (share, 0.998) if right else (0.002, share)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options.add_argument("--selections", type=int, default=12)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store = Store(home)
        runs = {count: synthetic_run(store, count) for count in chosen.sizes}
        with serving(home) as address, browsing() as browser:
            page = browser.new_page(viewport={"width": 1360, "height": 1000})
            page.goto(address)
            settled(page)
            for count, run_id in runs.items():
                measure(page, address, store.get(run_id), count, chosen.selections, server_of(home))
        store.close()


def measure(page, address: str, run, count: int, selections: int, pid: int) -> None:
    """Measure and print one size."""
    first, again = open_page(page, address, run.id), open_page(page, address, run.id)
    points = np.load(run.folder / "embeddings" / "latent_map.npy")
    target = min(5_000, count // 4)
    times, before = [], 0.0
    for place in range(selections):
        if place == min(3, selections - 1):
            before = memory(pid)
        drawn = page.evaluate(X_AXIS)
        times.append(lasso(page, *stripe(target + 37 * (place % 5), points, place % 2 == 1, drawn)))
    answered, shown = (np.median([one[part] for one in times], axis=0) for part in (0, 1))
    print(
        f"{count:>6,}: maps painted in {text(first)}, again {text(again)}; a lasso of about {times[-1][2]:,}:"
        f" counted in {text(answered)}, on the other map in {text(shown)} (medians of {selections});"
        f" memory {before:.0f} → {memory(pid):.0f} MB",
        flush=True,
    )
    merge, undo = edits(page, EDITED)
    print(
        f"{count:>6,}: a merge in {text(merge)}, its undo in {text(undo)} (medians of {EDITED})", flush=True
    )


def text(seconds) -> str:
    """Seconds by the clock, and processor seconds in brackets."""
    return f"{seconds[0]:.2f} s ({seconds[1]:.2f})"


if __name__ == "__main__":
    main()

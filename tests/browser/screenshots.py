"""Pictures of the three pages, light and dark, for the README: `python -m tests.browser.screenshots`.

Trains a run on a sample in a workspace of its own, or takes a finished run of this workspace (--run), and
writes assets/screenshot-<page>-<theme>.png.
"""

from __future__ import annotations

import argparse
import io
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image

from dsc_core.runs import Store
from dsc_core.runs import home as workspace
from tests.browser.driving import ROOT, browsing, button, serving, settled

PAGES = {"data": "", "train": "train", "results": "results"}
HEIGHTS = {"data": 860, "train": 1180, "results": 1240}
LARGEST = 300_000  # bytes of a picture
LONG = 3_600_000  # milliseconds


def main() -> None:
    """Take the pictures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sample", default="digits", help="the sample to train on")
    options.add_argument("--preset", default="quick")
    options.add_argument("--run", help="a finished run of this workspace, in place of training one")
    options.add_argument("--out", type=Path, default=ROOT / "assets")
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server and its run end too
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        home = workspace() if chosen.run else Path(folder) / "home"
        with serving(home, Path(folder)) as address:
            query = of_run(chosen.run) if chosen.run else train(browser, address, chosen)
            take(browser, address, query, chosen.out)


def take(browser, address: str, query: str, out: Path) -> None:
    """All pictures of the run that `query` names."""
    for theme in ("light", "dark"):
        for name, path in PAGES.items():
            target = out / f"screenshot-{name}-{theme}.png"
            target.write_bytes(compressed(shot(browser, f"{address}/{path}?{query}", name, theme)))
            print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB", flush=True)


def of_run(run_id: str) -> str:
    """The address's words about a run of this workspace."""
    run = Store().get(run_id)
    return urlencode({"run": run.id, "data": run.dataset["key"]})


def train(browser, address: str, chosen) -> str:
    """Do the job until the end; the address's words about the run."""
    page = browser.new_page()
    page.goto(address)
    settled(page)
    button(page, f"use_{chosen.sample}").click()
    button(page, "continue").click()
    button(page, "start").wait_for()
    settled(page)
    page.get_by_role("combobox", name="Preset").click()
    page.get_by_role("option", name=chosen.preset, exact=True).click()
    settled(page)
    page.get_by_label("Name").fill(f"{chosen.sample} {chosen.preset}")
    button(page, "start").click()
    button(page, "to_results").wait_for(timeout=LONG)
    query = page.url.partition("?")[2]
    page.close()
    return query


def shot(browser, address: str, name: str, theme: str) -> bytes:
    """One page in one theme."""
    page = browser.new_page(
        viewport={"width": 1280, "height": HEIGHTS[name]}, color_scheme=theme, device_scale_factor=1.5
    )
    page.goto(address)
    settled(page)
    page.wait_for_timeout(3000)  # charts draw themselves after the script has ended
    page.mouse.move(2, HEIGHTS[name] - 2)
    picture = page.screenshot(timeout=120_000)
    page.close()
    return picture


def compressed(picture: bytes) -> bytes:
    """The picture as a PNG of at most LARGEST bytes: fewer colours, then fewer pixels."""
    if len(picture) <= LARGEST:
        return picture
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours, scale in ((256, 1), (128, 1), (128, 0.8), (64, 0.67)):
        out = io.BytesIO()
        size = [round(side * scale) for side in image.size]
        few = image.resize(size, Image.Resampling.LANCZOS).quantize(colours, dither=Image.Dither.NONE)
        few.save(out, "png", optimize=True)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


if __name__ == "__main__":
    main()

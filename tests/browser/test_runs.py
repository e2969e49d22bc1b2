"""Runs and the Train page of a run in a real browser: restored after a while, renamed, started beside a paused one."""

import numpy as np
import pytest

from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import queue, trash
from dsc_core.runs.files import write_json
from tests.browser.driving import button, metric, serving, settled
from tests.browser.test_steering import until


@pytest.fixture
def run_ids(store):
    """Two runs that have not been started."""
    return [store.create(open_dataset("digits"), preset("quick"), name=name) for name in ("one", "two")]


def test_a_deleted_run_comes_back_by_one_click_also_after_a_while(page, store, run_ids):
    """The words beside it move on, from "just now" to "2 min ago", between the page's drawing and the click."""
    page.set_default_timeout(60_000)
    for run_id in run_ids:
        trash.delete(store, run_id)
    with serving(store.home) as address:
        page.goto(f"{address}/runs")
        settled(page)
        page.locator(".st-key-trash summary").click()
        page.get_by_text("deleted just now").first.wait_for()
        for deleted in trash.trashed(store):
            stamp = {"deleted": deleted.deleted - 125}
            write_json(trash.folder_of(store) / deleted.id / trash.STAMP, stamp)
        button(page, f"restore_{run_ids[0]}").click()
        page.get_by_text("one is restored").wait_for()
        page.get_by_text("deleted 2 min ago").wait_for()
        button(page, f"restore_{run_ids[1]}").click()
        until(lambda: len(store.list()) == 2)
        assert trash.trashed(store) == []
        assert page.get_by_test_id("stException").count() == 0


def test_enter_renames_a_run_and_says_so(page, store, run_ids):
    page.set_default_timeout(60_000)
    with serving(store.home) as address:
        page.goto(f"{address}/runs")
        settled(page)
        table = page.get_by_test_id("stDataFrame").bounding_box()
        page.mouse.click(table["x"] + 17, table["y"] + 52)  # the box before the newest run
        field = page.locator(f".st-key-name_{run_ids[1]} input")
        field.fill("better")
        field.press("Enter")
        page.get_by_text("The run is now called better").wait_for()
        assert store.get(run_ids[1]).name == "better"


def test_a_train_page_is_calm_while_its_run_goes_through_its_phases(page, store, run_ids):
    """Nothing moves under the pointer, nothing flashes, and what stands still says why."""
    page.set_default_timeout(60_000)
    first, second = run_ids
    store.claim(first)
    queue.enqueue(store, second)

    def tell(step: int, stage: str = "autoencoder", remaining: float | None = 60.0) -> None:
        losses = {"total": 9.0 / step, "reconstruction": 1.0 / step, "global_mi": 1.38}
        store.append(first, Event("progress", stage, 1, 4, step, losses, step / 10, 800.0, remaining))

    with serving(store.home) as address:
        store.control(first, pause=True)
        page.goto(f"{address}/train?run={first}")
        settled(page)
        page.get_by_text("Paused before the first step").first.wait_for()
        assert page.get_by_text("Training is starting").count() == 0
        place = button(page, "stop").bounding_box()
        button(page, "resume").click()
        store.take_controls(first)
        for step in range(1, 20):
            tell(step)
        until(lambda: metric(page, "Time left") == "1 min 00 s")
        after = button(page, "stop").bounding_box()
        assert np.allclose([after["x"], after["y"]], [place["x"], place["y"]], atol=2)

        slider = page.locator("[class*='st-key-steer_'][class*='noise_level'] input[type=range]").first
        slider.focus()
        slider.press("ArrowRight")
        until(lambda: "noise_level" in store.controls.pending(first))
        page.wait_for_timeout(5000)  # two updates of the page, the request still on its way
        assert page.get_by_text("Settings differ from this run").count() == 0

        tell(20, "labels", None)
        until(lambda: metric(page, "Time left") == "Finishing")
        store.control(first, pause=True)
        store.set_paused(first, True)
        page.goto(f"{address}/train?run={second}")
        settled(page)
        page.get_by_text("which is paused").wait_for()
        button(page, "start_now").wait_for()
        assert page.get_by_test_id("stException").count() == 0
        store.finish(first, "stopped")
        queue.withdraw(store, second)


# The figures whose text reaches beyond their place, where it is cut off.
CUT = """() => [...document.querySelectorAll("[data-testid=stMetric]")].flatMap(metric => {
  const right = metric.getBoundingClientRect().right + 1, texts = document.createRange();
  return [...metric.querySelectorAll("p")].filter(text => {
    texts.selectNodeContents(text);
    return texts.getBoundingClientRect().right > right;
  }).map(text => text.textContent);
})"""


def test_the_figures_of_a_run_are_readable_in_windows_of_any_width(page, store, run_ids):
    page.set_default_timeout(60_000)
    store.claim(run_ids[0])
    store.set_device(run_ids[0], "NVIDIA GeForce RTX 4090 Laptop GPU")
    queue.enqueue(store, run_ids[1])
    with serving(store.home) as address:
        page.goto(f"{address}/train?run={run_ids[0]}")
        settled(page)
        assert metric(page, "Time left").startswith("about ")
        losses = {"total": 1.0, "reconstruction": 1.0}
        store.append(run_ids[0], Event("progress", "autoencoder", 100, 120, 9, losses, 1.0, 12345.0, 3725.0))
        until(lambda: metric(page, "Stage") == "1 · Autoencoder")
        for width in (360, 420, 700, 900, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            assert page.evaluate(CUT) == [], width
        page.get_by_text("NVIDIA GeForce RTX 4090 Laptop GPU").wait_for()
        page.goto(f"{address}/train?run={run_ids[1]}")
        settled(page)
        page.get_by_text("It starts in about 1 h").wait_for()
        store.finish(run_ids[0], "stopped")
        queue.withdraw(store, run_ids[1])

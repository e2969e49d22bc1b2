"""The film of the latent map in a real browser: the slider changes the picture, and play runs to the end."""

import signal

import numpy as np
import pytest

from dsc_core.analysis.umap_map import FEW
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import film_frames, film_process
from dsc_core.runs.film_frames import Frame
from tests.browser.driving import button, serving, settled
from tests.runs import fakes

EPOCHS = 6
# Every moment that the map tells of, in their order.
WATCH = """() => {
  window.moments = [];
  setInterval(() => {
    const map = document.querySelector('.st-key-film_map [aria-label]');
    const told = map && map.getAttribute('aria-label').match(/before training|after epoch \\d+/);
    if (told && window.moments.at(-1) !== told[0]) window.moments.push(told[0]);
  }, 20);
}"""
ROWS = np.arange(900)


@pytest.fixture
def run_id(store):
    """A run that has ended, with a frame an epoch: three islands that part."""
    made = store.create(open_dataset("digits"), preset("quick"), name="filmed")
    store.claim(made)
    store.append(made, Event("progress", "joint", EPOCHS, EPOCHS, 9, {"total": 1.0}, 1.0, 800.0))
    film_frames.begin(store.folder(made), ROWS, -1)
    for epoch in range(EPOCHS + 1):
        add(store, made, epoch)
    store.finish(made, "stopped")
    return made


def add(store, run_id, epoch):
    which = ROWS % 3
    corners = np.array([[0, 4], [-3, -2], [3, -2]])[which] * epoch / EPOCHS
    points = (corners + np.random.default_rng(0).normal(size=(len(ROWS), 2))).astype(np.float32)
    film_frames.keep(store.folder(run_id), Frame(epoch, points, which.astype(np.int16)))


def picture(page) -> str:
    """What the map looks like, once it holds still."""
    canvas = page.locator(".st-key-film_map canvas").first
    canvas.wait_for()
    before = ""
    for _ in range(100):
        now = canvas.evaluate("canvas => canvas.toDataURL()")
        if now == before:
            return now
        before = now
        page.wait_for_timeout(150)
    raise AssertionError("the map does not come to rest")


def shown(page, moment: str) -> None:
    """Until the map of that moment is drawn."""
    page.locator(f".st-key-film_map [aria-label*='{moment}']").first.wait_for(state="attached")


def test_the_slider_changes_the_picture_and_play_runs_to_the_end(page, store, run_id):
    page.set_default_timeout(60_000)
    with serving(store.home) as address:
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        shown(page, f"after epoch {EPOCHS}")
        last = picture(page)
        thumb = page.locator("[class*='st-key-film_at_'] input[type=range]").first
        thumb.focus()
        thumb.press("Home")
        shown(page, "before training")
        settled(page)
        first = picture(page)
        assert first != last
        thumb.press("End")
        shown(page, f"after epoch {EPOCHS}")
        settled(page)
        assert picture(page) == last

        page.evaluate(WATCH)
        button(page, "film_button").click()
        page.get_by_role("button", name="Pause", exact=True).wait_for()
        page.get_by_role("button", name="Play", exact=True).wait_for()
        settled(page)
        moments = [f"after epoch {epoch}" for epoch in range(1, EPOCHS + 1)]
        assert page.evaluate("window.moments") == [moments[-1], "before training", *moments]
        assert picture(page) == last
        assert page.get_by_test_id("stException").count() == 0


def test_a_running_run_shows_its_newest_frame_by_itself(page, store):
    page.set_default_timeout(60_000)
    run_id = store.create(open_dataset("digits"), preset("quick"), name="filmed")
    store.claim(run_id)
    store.append(run_id, Event("progress", "autoencoder", 1, EPOCHS, 9, {"total": 1.0}, 1.0, 800.0))
    film_frames.begin(store.folder(run_id), ROWS, -1)
    with serving(store.home) as address:
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        page.get_by_text("The first map follows with the first training step").wait_for()
        for epoch in (0, 2):
            add(store, run_id, epoch)
            shown(page, f"after epoch {epoch}" if epoch else "before training")
        assert page.get_by_test_id("stException").count() == 0
        store.finish(run_id, "stopped")


def test_a_film_that_gets_no_time_while_training_comes_afterwards_and_the_page_says_so(
    page, store, monkeypatch
):
    """The process that draws the maps is held still until training is over, as a busy computer would hold it."""
    page.set_default_timeout(60_000)
    monkeypatch.setattr(film_process, "command", fakes.film_command)
    monkeypatch.setattr(film_process, "PATIENCE", 0.1)
    run_id = store.create(open_dataset("digits"), preset("quick"), name="filmed")
    store.claim(run_id)
    store.append(run_id, Event("progress", "autoencoder", 1, EPOCHS, 9, {"total": 1.0}, 1.0, 800.0))
    with serving(store.home) as address, film_process.Filming(store.folder(run_id), 0, print) as filming:
        filming.begin(ROWS, -1)
        latents = np.random.default_rng(0).normal(size=(EPOCHS + 1, len(ROWS), 4))
        filming.take(0, latents[0], None)
        drawer = filming.process
        drawer.send_signal(signal.SIGSTOP)
        for epoch in range(1, EPOCHS + 1):
            filming.take(epoch, latents[epoch], None)
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        page.get_by_text("The first map is being laid out").wait_for()
        page.get_by_text("what is left when training ends is drawn afterwards").wait_for()
        filming.end()
        store.finish(run_id, "stopped")
        page.get_by_text(f"{EPOCHS + 1} maps to draw, 0 drawn.", exact=False).wait_for()
        assert page.locator(".st-key-film_map canvas").count() == 0
        drawer.send_signal(signal.SIGCONT)
        shown(page, f"after epoch {EPOCHS}")
        page.get_by_text("maps to draw").wait_for(state="detached")
        assert page.get_by_test_id("stException").count() == 0
    assert film_frames.epochs(store.folder(run_id)) == list(range(EPOCHS + 1))


def test_maps_that_were_never_drawn_are_drawn_by_one_click(page, store):
    """Of so few samples that they are laid out without UMAP, which takes half a minute to compile."""
    page.set_default_timeout(60_000)
    run_id = store.create(open_dataset("digits"), preset("quick"), name="filmed")
    store.claim(run_id)
    store.append(run_id, Event("progress", "joint", EPOCHS, EPOCHS, 9, {"total": 1.0}, 1.0, 800.0))
    film_frames.begin(store.folder(run_id), ROWS[:FEW], -1)
    rng = np.random.default_rng(0)
    for epoch in (1, 2):
        film_frames.offer(store.folder(run_id), epoch, rng.normal(size=(FEW, 4)), None)
    store.finish(run_id, "stopped")
    with serving(store.home) as address:
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        page.get_by_text("2 maps of this film are not drawn").wait_for()
        button(page, "film_catch_up").click()
        shown(page, "after epoch 2")
        page.get_by_text("are not drawn").wait_for(state="detached")
        assert page.get_by_test_id("stException").count() == 0
    assert film_frames.epochs(store.folder(run_id)) == [1, 2]

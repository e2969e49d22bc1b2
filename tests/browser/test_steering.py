"""A weight changed in the browser: in the next events, and as a mark on the curves."""

import threading
import time

import pytest

from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import Store
from tests.browser.driving import button, serving, settled

LONG = 90_000  # milliseconds; a training beside it takes the processor
# Pixels of the colour in which changes are marked, on the first curve's canvas.
MARKED = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 60 && data[i] > 190 && data[i + 1] > 110 && data[i + 1] < 200 && data[i + 2] < 120) count++;
  return count;
}"""


@pytest.fixture
def training(store):
    """A run that this very process trains."""
    made = Training(store, store.create(open_dataset("digits"), preset("standard"), name="steered"))
    made.start()
    yield made
    made.over.set()
    made.join()


class Training(threading.Thread):
    """A training that tells ten steps a second and does what it is asked, in this very process.

    Its loss is the noise level, so that what a change does can be read off the next event.
    """

    def __init__(self, store: Store, run_id: str):
        super().__init__(daemon=True)
        self.store, self.run_id, self.over = store, run_id, threading.Event()
        self.now = store.claim(run_id).config

    def run(self) -> None:
        step = 0
        while not self.over.wait(0.1):
            step += 1
            moved = {
                k: v for k, v in self.store.take_controls(self.run_id).items() if k not in ("pause", "resume")
            }
            if moved:
                changes = {name: [getattr(self.now, name), value] for name, value in moved.items()}
                self.now = self.now.replace(**moved)
                self.tell("note", step, message="Changed while training.", changes=changes)
            losses = {"total": self.now.noise_level, "reconstruction": 50 / step}
            self.tell("progress", step, losses=losses, images_per_second=900.0)

    def tell(self, kind: str, step: int, **more) -> None:
        event = Event(kind, "autoencoder", 1 + step // 100, 20, step, seconds=step / 10, **more)
        self.store.append(self.run_id, event)


def slider(page):
    """The noise level's slider in the panel of the run."""
    return page.locator("[class*='st-key-steer_'][class*='noise_level'] input[type=range]").first


def marked(page) -> int:
    return page.locator(".st-key-curve_0_total canvas").first.evaluate(MARKED)


def until(what, seconds: float = 60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


def test_a_weight_changed_in_the_browser_is_in_the_next_events_and_a_mark(page, store, training):
    run_id = training.run_id
    page.set_default_timeout(LONG)
    with serving(store.home) as address:
        page.goto(address)
        settled(page)
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        page.locator(".st-key-curve_0_total canvas").first.wait_for()
        assert marked(page) == 0
        slider(page).focus()
        for _ in range(3):
            slider(page).press("ArrowRight")
        changes = until(lambda: [(seq, e) for seq, e in store.events(run_id) if e.changes])
        until(lambda: store.last_event(run_id).losses.get("total") == pytest.approx(0.65))
        first, last = changes[0], [e for _, e in store.events(run_id) if e.changes][-1]
        assert first[1].changes["noise_level"][0] == 0.5
        assert last.changes["noise_level"][1] == pytest.approx(0.65)
        assert (
            store.events(run_id, after=first[0])[0][1].losses["total"] == first[1].changes["noise_level"][1]
        )
        until(lambda: marked(page) > 60)
        page.locator(".st-key-curve_0_total [aria-label*='s 0.5 → 0.65']").first.wait_for(state="attached")
        # Polls come and go; the slider stays where it was put, and nothing differs any more.
        page.wait_for_timeout(3000)
        assert float(slider(page).input_value()) == pytest.approx(0.65)
        page.get_by_text("Settings differ from this run").wait_for(state="detached")
        page.reload()
        settled(page)
        until(lambda: marked(page) > 60)
        assert float(slider(page).input_value()) == pytest.approx(0.65)


def test_a_real_training_takes_a_change_a_pause_and_a_stop_from_the_page(page, store):
    run_id = store.create(open_dataset("digits"), preset("standard", epochs=400, joint_epochs=0))
    store.start(run_id)
    until(lambda: store.last_event(run_id) and store.last_event(run_id).step, seconds=90)
    page.set_default_timeout(LONG)
    with serving(store.home) as address:
        page.goto(address)
        settled(page)
        page.goto(f"{address}/train?run={run_id}")
        settled(page)
        slider(page).focus()
        slider(page).press("ArrowRight")
        until(lambda: any("Noise level 0.5 → 0.55" in event.message for _, event in store.events(run_id)))
        changed = next(event for _, event in store.events(run_id) if event.changes)
        assert changed.changes == {"noise_level": [0.5, 0.55]}
        until(lambda: marked(page) > 60)
        button(page, "pause").click()
        button(page, "resume").wait_for()
        until(lambda: store.last_event(run_id).message == "Paused.")
        standing = len(store.events(run_id))
        page.wait_for_timeout(3000)
        assert len(store.events(run_id)) == standing, "it told of steps while it was paused"
        button(page, "resume").click()
        until(lambda: len(store.events(run_id)) > standing + 2)
        button(page, "stop").click()
        until(lambda: "stop" in store.requests_in_force(run_id) or store.get(run_id).finished)

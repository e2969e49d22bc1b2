"""A server that is killed and started again in the middle of a run: training goes on, and the page finds it."""

import base64
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest

from dsc_core.data import open_dataset
from dsc_core.plots.curves import smooth
from dsc_core.presets import preset
from dsc_core.runs import processes, queue, starting
from tests.browser.driving import button, free_port, settled, started
from tests.browser.test_steering import until

LONG = 90_000  # milliseconds; a training beside it takes the processor
SMOOTHING = 0.3  # what the page's slider says at first
# The data of the chart of the total loss, an Arrow table: React keeps beside an element what it was drawn from, twice,
# now and before, and does not say which is which.
DRAWN = """() => {
  for (let at = document.querySelector('.st-key-curve_0_total canvas'); at; at = at.parentElement) {
    const key = Object.keys(at).find(name => name.startsWith('__reactFiber'));
    for (let fiber = key && at[key]; fiber; fiber = fiber.return) {
      const elements = [fiber, fiber.alternate].map(one => ((one || {}).memoizedProps || {}).element);
      const drawn = elements.filter(one => one && one.datasets);
      if (drawn.length) return drawn.map(one => JSON.parse(JSON.stringify(one.datasets[0])).data.data);
    }
  }
  return [];
}"""


@pytest.fixture
def server(store):
    """Starts a server on the workspace, always at the same port; those that still run at the end are killed."""
    port, running = free_port(), []

    def start():
        running.append(started(store.home, port))
        return running[-1], f"http://127.0.0.1:{port}"

    yield start
    for one in running:
        one.kill()
        one.wait()


def drawn(page) -> tuple[list[int], list[float]]:
    """(steps, values) of the first curve of the page, as the browser has them."""
    tables = [pa.ipc.open_stream(base64.b64decode(content)).read_all() for content in page.evaluate(DRAWN)]
    newest = max(tables, key=len, default=None)
    if newest is None:
        return [], []
    return [int(step) for step in newest["step"].to_pylist()], newest["Total, weighted"].to_pylist()


def stored(store, run_id) -> tuple[list[int], np.ndarray]:
    """(steps, values) of that curve by the store."""
    told = {}
    for _, event in store.events(run_id):
        if (
            event.losses
        ):  # at the end of an epoch its means are told of the same step, for which there is no room
            told.setdefault(event.step, event.losses["total"])
    return list(told), smooth(np.array(list(told.values())), SMOOTHING)


def check_events(store, run_id) -> None:
    """None is missing, none there twice."""
    events = store.events(run_id)
    assert [number for number, _ in events] == list(range(1, len(events) + 1))
    steps = [event.step for _, event in events if event.kind == "progress" and event.losses]
    assert len(steps) == len(set(steps))
    assert steps == sorted(steps)
    assert all(event.back_to is None for _, event in events), "training itself never stopped"


def test_a_server_killed_and_started_again_finds_its_run_and_all_of_its_events(page, store, server):
    settings = preset("standard", epochs=400, joint_epochs=0, map_every=0)
    run_id = store.create(open_dataset("digits"), settings, name="outlives the server")
    page.set_default_timeout(LONG)
    first, address = server()
    page.goto(address)
    settled(page)
    page.goto(f"{address}/train?run={run_id}")
    settled(page)
    button(page, "begin").click()
    until(lambda: len(drawn(page)[0]) > 2, seconds=90)
    worker = store.get(run_id).pid

    first.kill()
    first.wait()
    before = len(store.events(run_id))
    until(lambda: len(store.events(run_id)) > before + 5)
    assert processes.identity(worker), "training goes on without a server"
    assert store.get(run_id).pid == worker
    missed = stored(store, run_id)[0][-1]

    server()
    until(lambda: drawn(page)[0][-1:] > [missed], seconds=90)  # nobody has touched the page
    page.get_by_role("heading", name="outlives the server").wait_for()
    other = page.context.new_page()  # and whoever comes anew is led to it
    other.goto(f"{address}/train")
    button(other, "newest").click()
    other.get_by_role("heading", name="outlives the server").wait_for()

    store.control(run_id, pause=True)
    until(lambda: store.get(run_id).paused)
    time.sleep(0.5)
    check_events(store, run_id)
    steps, values = stored(store, run_id)
    for tab in (page, other):
        until(lambda tab=tab: drawn(tab)[0][-1:] == steps[-1:], seconds=90)
        assert drawn(tab)[0] == steps
        assert np.allclose(drawn(tab)[1], values)
    assert store.get(run_id).pid == worker


def test_a_server_takes_up_what_waits_before_anybody_opens_a_page(store, server):
    short = preset("quick", epochs=1, joint_epochs=0, least_steps=0, map_every=0)
    lost, waits = (store.create(open_dataset("digits"), short, name=name) for name in ("lost", "waits"))
    gone = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    # A worker that was killed, and with it the process that would have started the next run.
    starting.mark_running(store, lost, gone.pid, processes.identity(gone.pid), 1, ())
    queue.enqueue(store, waits)
    assert store.get(waits).status == "queued"
    gone.kill()
    gone.wait()
    server()
    until(lambda: store.get(waits).status in ("running", "done"))
    assert store.get(lost).status == "failed"

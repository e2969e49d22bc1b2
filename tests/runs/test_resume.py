"""Runs that are killed, again and again, with real training in real processes: they end as if nothing had been.

The data are 200 digits. What is left out of the workers is told in forks.py.
"""

import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.runs import Store, checkpoints, film_frames, processes
from tests.runs.workers import Workers, wait

pytestmark = pytest.mark.slow

CONFIG = Config(
    epochs=3,
    joint_epochs=2,
    evaluate_every=1,
    batch=32,
    joint_batch=64,
    spectral_width=32,
    latent_dims=8,
    least_steps=0,
    tolerance=0.0,
    device="cpu",
    map_every=1,
)


@pytest.fixture(scope="module")
def forks():
    """Starts a worker process for a run and gives its id."""
    with Workers() as workers:
        yield lambda store, run_id, *dying: workers.start(store.home, run_id, *dying)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    opened = Store(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def create(shop):
    images = load_digits().images[:200, None].astype(np.uint8)
    ids = np.arange(200).astype(str)
    dataset = Dataset("digits", images, ids, load_digits().target[:200], "image", (0.0, 1 / 16))
    return lambda: shop.create(dataset, CONFIG)


@pytest.fixture(scope="module")
def whole(shop, create, forks):
    """(labels.parquet, latent codes, frames, seconds) of a run that nothing befell."""
    run_id = create()
    worker, began = forks(shop, run_id), time.monotonic()
    wait(worker)
    return *results(shop, run_id), film(shop, run_id), time.monotonic() - began


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait(pid)


def results(shop, run_id):
    run = shop.get(run_id)
    assert run.status == "done", (run.reason, (run.folder / "log.txt").read_text())
    frame = pd.read_parquet(run.folder / "labels.parquet")
    return frame, np.load(run.folder / "embeddings" / "latent.npy")


def film(shop, run_id):
    """The frames of a run, by epoch."""
    folder = shop.folder(run_id)
    return {epoch: film_frames.read(folder, epoch) for epoch in film_frames.epochs(folder)}


def check_film(shop, run_id, whole):
    """There is a frame of every epoch, and each is that of the run that nothing befell."""
    found = film(shop, run_id)
    assert list(found) == list(whole[2]) == [0, 1, 2, 3, 4, 5]
    for epoch, frame in found.items():
        assert frame.points.tobytes() == whole[2][epoch].points.tobytes(), epoch
        assert (frame.clusters == whole[2][epoch].clusters).all()
    assert (film_frames.read_rows(shop.folder(run_id)) == np.arange(200)).all()
    assert film_frames.epochs(shop.folder(run_id), "latent") == []


def check_same(shop, run_id, whole):
    """The results are those of the run that nothing befell, and so are the events."""
    frame, latent = results(shop, run_id)
    pd.testing.assert_frame_equal(frame, whole[0], check_exact=True)
    assert latent.tobytes() == whole[1].tobytes()
    events = shop.events(run_id)
    kinds = [event.kind for _, event in events]
    assert [event.epoch for _, event in events if event.kind == "epoch"] == [1, 2, 3, 4, 5]
    assert [event.epoch for _, event in events if event.kind == "evaluation"] == [3, 4, 5]
    assert kinds.count("done") == 1
    assert kinds[-1] == "done"
    numbers = [number for number, _ in events]
    assert numbers == sorted(set(numbers))
    steps = [event.step for _, event in events]
    assert steps == sorted(steps)
    lines = (shop.folder(run_id) / "events.jsonl").read_text().splitlines()
    assert [Event.from_json(line) for line in lines] == [event for _, event in events]
    assert len(list((shop.folder(run_id) / "checkpoints").iterdir())) == 2
    assert not list(shop.folder(run_id).rglob(".new-*"))
    check_film(shop, run_id, whole)


def test_a_run_killed_at_any_moment_ends_with_the_same_labels(shop, create, forks, whole):
    killed = 0
    for moment in np.random.default_rng(4).uniform(0.1, 0.85, 5):
        run_id = create()
        worker = forks(shop, run_id)
        wait(worker, moment * whole[3])
        if processes.identity(worker):  # else the machine was less busy than it was for the whole run
            kill(worker)
            assert shop.get(run_id).status == "failed"
            wait(forks(shop, run_id))
            killed += 1
        check_same(shop, run_id, whole)
    assert killed >= 3


def test_ten_kills_in_a_row_and_it_still_ends_right(shop, create, forks, whole):
    run_id, rng, killed = create(), np.random.default_rng(5), 0
    while killed < 10:
        worker = forks(shop, run_id)
        # From 2 to 25 hundredths of the whole: some die before they have done an epoch, none does it all.
        wait(worker, rng.uniform(0.02, 0.25) * whole[3])
        if shop.get(run_id).status == "done":  # the machine is less busy than it was for the whole run
            break
        kill(worker)
        killed += 1
    if killed == 10:
        wait(forks(shop, run_id))
    assert killed >= 5
    check_same(shop, run_id, whole)


@pytest.mark.parametrize("number", [1, 5])
def test_killed_in_the_middle_of_writing_a_checkpoint_the_one_before_serves(
    shop, create, forks, whole, number
):
    run_id = create()
    wait(forks(shop, run_id, number))
    assert shop.get(run_id).status == "failed"
    kept = [one.epoch for one in shop.checkpoints(run_id)]
    assert kept == [epoch for epoch in (number - 1, number - 2) if epoch > 0]
    wait(forks(shop, run_id))
    check_same(shop, run_id, whole)
    told = [event for _, event in shop.events(run_id) if event.back_to is not None]
    assert len(told) == 1
    assert (f"after epoch {kept[0]} of 5" if kept else "begins anew") in told[0].message


def test_a_damaged_checkpoint_is_told_and_the_one_before_serves(shop, create, forks, whole):
    run_id = create()
    wait(forks(shop, run_id, 5))
    newest = shop.checkpoints(run_id)[0].path
    os.truncate(newest / checkpoints.ARRAYS, 5000)
    wait(forks(shop, run_id))
    check_same(shop, run_id, whole)
    warning, told = [event for _, event in shop.events(run_id) if event.back_to is not None]
    assert warning.level == "warning"
    assert warning.message == (
        "The checkpoint of epoch 4 is truncated or damaged. Training uses the one before it."
    )
    assert told.message == "Continues after epoch 3 of 5."


def test_killed_while_paused_it_goes_on_from_the_very_step(shop, create, forks, whole):
    run_id = create()
    worker = forks(shop, run_id)
    asked = False
    end = time.monotonic() + 30
    while not shop.checkpoints(run_id) or shop.checkpoints(run_id)[0].whole:
        if not asked and shop.get(run_id).status == "running":
            shop.control(run_id, pause=True)
            asked = True
        assert time.monotonic() < end
        time.sleep(0.01)
    assert shop.get(run_id).paused
    step = shop.checkpoints(run_id)[0].step
    kill(worker)
    assert not shop.get(run_id).paused
    wait(forks(shop, run_id))
    check_same(shop, run_id, whole)
    messages = [event.message for _, event in shop.events(run_id) if event.kind == "note"]
    assert messages[0] == "Paused."
    assert messages[1].startswith("Continues in epoch 1 of 5, after")
    (told,) = [event for _, event in shop.events(run_id) if event.back_to is not None]
    assert told.step == step


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_results_and_it_goes_on_to_the_same_ones(shop, create, forks, whole, number):
    run_id = create()
    worker = forks(shop, run_id)
    end = time.monotonic() + 60
    while not [one for one in shop.checkpoints(run_id) if one.epoch >= 1]:
        assert time.monotonic() < end
        time.sleep(0.002)
    os.kill(worker, number)
    wait(worker)
    run = shop.get(run_id)
    assert run.status in ("stopped", "done"), "done, if the machine was too busy to stop it in time"
    assert len(pd.read_parquet(run.folder / "labels.parquet")) == 200
    if run.status == "stopped":
        wait(forks(shop, run_id))
    frame, latent = results(shop, run_id)
    pd.testing.assert_frame_equal(frame, whole[0], check_exact=True)
    assert latent.tobytes() == whole[1].tobytes()


def test_a_suspended_worker_is_not_given_up_and_ends_as_if_nothing_had_been(
    shop, create, forks, whole, monkeypatch
):
    monkeypatch.setattr(processes, "SILENCE", 0.05)
    run_id = create()
    worker = forks(shop, run_id)
    end = time.monotonic() + 60
    while not shop.checkpoints(run_id):
        assert time.monotonic() < end
        time.sleep(0.002)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(0.1)
    assert (shop.get(run_id).status, shop.get(run_id).phase) == ("running", "silent")
    with pytest.raises(InputError, match="is running already"):
        shop.start(run_id)
    os.kill(worker, signal.SIGCONT)
    wait(worker)
    check_same(shop, run_id, whole)

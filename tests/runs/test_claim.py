"""A process's claim on its run: lost and taken up again, taken by another process, or gone with the run's folder."""

import os
import shutil
import signal
import time
from functools import partial

import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.runs import claim, execute, failures, processes, queue, trash
from tests.runs import waiting

until = partial(waiting.until, seconds=30)


@pytest.fixture
def training(store, run_id, fake_training, monkeypatch):
    """A run that trains in a process of its own until it is stopped."""
    monkeypatch.setenv("FAKE", "endless")
    store.start(run_id)
    until(lambda: len(store.events(run_id)) > 3)
    yield store.get(run_id)
    for pid in {store.get(run_id).pid} if store.folder(run_id).exists() else ():
        if processes.identity(pid):
            os.kill(pid, signal.SIGKILL)


def only_heartbeats_tell(monkeypatch):
    """As for a run of another machine on a shared disk: its processes cannot be looked at from here."""
    monkeypatch.setattr(processes, "_heard", {})
    monkeypatch.setattr(processes, "boot_id", lambda: "another-machine/pid:[1]")


def say_when_heard(store, run_id, heartbeat):
    store.index.update_run(run_id, heartbeat=heartbeat)


@pytest.mark.parametrize("ahead", [120.0, 1e6, 1e9])
def test_a_dead_run_whose_heartbeat_lies_in_the_future_has_failed(store, run_id, monkeypatch, ahead):
    store.claim(run_id)
    only_heartbeats_tell(monkeypatch)
    say_when_heard(store, run_id, time.time() + ahead)
    run = store.get(run_id)
    assert (run.status, run.reason) == ("failed", failures.RESTARTED)
    assert run.started <= run.ended <= time.time()


def test_a_dead_run_of_a_clock_that_was_set_back_frees_its_place_in_the_queue(
    store, dataset, config, fake_training, monkeypatch
):
    first, second = (store.create(dataset, config, name=name) for name in ("first", "second"))
    store.claim(first)
    queue.enqueue(store, second)
    assert store.get(second).status == "queued"
    only_heartbeats_tell(monkeypatch)
    say_when_heard(store, first, time.time() + 1e6)
    assert queue.advance(store) == [second]


def test_a_folder_copied_from_another_machine_with_a_fast_clock_does_not_run(
    store, run_id, monkeypatch, tmp_path
):
    from dsc_core.runs import Store
    from dsc_core.runs.files import read_json, write_json

    store.claim(run_id)
    facts = read_json(store.folder(run_id) / "run.json")
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(run_id), other.folder(run_id))
    elsewhere = {"home": str(other.home), "process": "another-boot/pid:[1]/9", "heartbeat": time.time() + 1e6}
    write_json(other.folder(run_id) / "run.json", facts | elsewhere)
    assert other.get(run_id).status == "failed"


def test_a_suspended_process_is_said_to_be_silent_and_is_not_started_twice(store, training, monkeypatch):
    os.kill(training.pid, signal.SIGSTOP)
    say_when_heard(store, training.id, time.time() - 10 * processes.SILENCE)
    run = store.get(training.id)
    assert (run.status, run.phase) == ("running", "silent")
    with pytest.raises(InputError, match="is running already"):
        store.start(training.id)
    os.kill(training.pid, signal.SIGCONT)
    until(lambda: store.get(training.id).phase == "running")
    store.control(training.id, stop=True)
    until(lambda: store.get(training.id).finished)
    assert store.get(training.id).status == "stopped"


def test_a_run_that_counted_as_lost_goes_on_where_nobody_took_it(store, run_id, monkeypatch):
    monkeypatch.setattr(processes, "BEAT", 0.01)
    run = store.claim(run_id)
    with claim.beating(store, run), monkeypatch.context() as elsewhere:
        elsewhere.setattr(processes, "alive", lambda *_: False)
        assert store.get(run_id).status == "failed"
        elsewhere.undo()
        until(lambda: store.get(run_id).status == "running")
    assert (store.get(run_id).reason, store.get(run_id).ended) == ("", None)


def test_a_process_whose_run_was_taken_meanwhile_ends_and_leaves_it_alone(store, training, monkeypatch):
    os.kill(training.pid, signal.SIGSTOP)
    monkeypatch.setenv("FAKE", "")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(processes, "alive", lambda *_: False)
        store.start(training.id)
    until(lambda: store.get(training.id).status == "done")
    labels = (training.folder / "labels.parquet").read_bytes()
    events = store.events(training.id)
    os.kill(training.pid, signal.SIGCONT)
    until(lambda: processes.identity(training.pid) is None)
    assert store.get(training.id).status == "done"
    assert store.events(training.id) == events
    assert (training.folder / "labels.parquet").read_bytes() == labels
    assert claim.TAKEN in (training.folder / "log.txt").read_text()


def test_a_run_deleted_under_its_training_ends_with_a_sentence(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    seen = []

    def echo(event):
        seen.append(event)
        if len(seen) == 5:
            shutil.rmtree(store.folder(run_id))

    with pytest.raises(RunError) as error:
        execute(store, run_id, echo=echo)
    assert str(error.value) == claim.GONE
    assert store.list() == []
    assert not store.folder(run_id).exists()


def test_a_running_run_cannot_be_deleted_and_one_that_counted_as_lost_ends(store, training, monkeypatch):
    with pytest.raises(InputError, match="is training; stop it first"):
        trash.delete(store, training.id)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(processes, "alive", lambda *_: False)
        trash.delete(store, training.id)
    until(lambda: processes.identity(training.pid) is None)
    assert store.list() == []
    assert trash.restore(store, training.id) == training.id
    assert store.get(training.id).finished

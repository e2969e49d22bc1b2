"""The process that trains a run: what it leaves behind when it ends well, is stopped, fails or is killed."""

import errno
import itertools
import json
import os
import shutil
import signal
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

import dsc_core
from dsc_core import load_run
from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, checkpoints, claim, event_log, execute, failures, processes, saving, worker
from dsc_core.runs import store as store_module
from tests.runs import waiting

wait_for = partial(waiting.until, seconds=20)


def started(store, run_id):
    """The run in a process of its own, once it has told of its first steps."""
    store.start(run_id)
    wait_for(lambda: len(store.events(run_id)) > 3 or store.get(run_id).finished)
    return store.get(run_id)


def test_a_run_leaves_its_model_embeddings_labels_and_summary(store, run_id, dataset, fake_training):
    told = []
    summary = execute(store, run_id, echo=told.append)
    run = store.get(run_id)
    assert (run.status, run.pid, run.device.split(",")[0]) == ("done", os.getpid(), "CPU")
    assert json.loads((run.folder / "summary.json").read_text()) == summary
    assert {
        "run",
        "samples",
        "clusters",
        "acc",
        "nmi",
        "ari",
        "seconds",
        "images_per_second",
        "device",
    } <= set(summary)
    assert summary["acc"] > 0.9
    assert summary["images_per_second"] == 100.0
    assert [event for _, event in store.events(run_id)] == told
    assert told[-1].kind == "done"
    assert {event.scores["acc"] for event in told if event.kind == "evaluation"} == {summary["acc"]}
    frame = pd.read_parquet(run.folder / "labels.parquet")
    assert frame["id"].tolist() == dataset.ids.tolist()
    for name, width in (("latent", 2), ("spectral", 2), ("latent_map", 2), ("spectral_map", 2)):
        assert np.load(run.folder / "embeddings" / f"{name}.npy").shape == (30, width)
    assert not [path.name for path in run.folder.rglob(".new-*")]


def test_without_labels_the_scores_are_null_and_training_still_runs(store, dataset, config, fake_training):
    summary = execute(store, store.create(replace(dataset, labels=None), config))
    assert (summary["acc"], summary["nmi"], summary["ari"]) == (None, None, None)
    assert -1 <= summary["silhouette_latent"] <= 1


def test_training_never_sees_a_label(store, run_id, fake_training, monkeypatch):
    seen = []

    def fit(samples, config, **more):
        seen.append((samples, more))
        return (yield from fake_training.fit(samples, config, **more))

    monkeypatch.setattr(dsc_core.training.loop, "fit", fit)
    execute(store, run_id)
    samples, more = seen[0]
    assert samples.dtype.kind == "u"
    assert set(more) == {
        "control",
        "observe",
        "scaling",
        "checkpoint",
        "snapshot",
        "resume_from",
        "scratch",
        "countdown",
    }


def wishing(store, run_id, *wishes):
    """An echo that makes one wish after every tenth event."""
    count, left = itertools.count(1), list(wishes)

    def echo(event):
        if next(count) % 10 == 0 and left:
            store.control(run_id, **left.pop(0))

    return echo


def test_stop_ends_training_with_results_from_what_is_there(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    summary = execute(store, run_id, echo=wishing(store, run_id, {"noise_level": 0.25}, {"stop": True}))
    run = store.get(run_id)
    assert run.status == summary["status"] == "stopped"
    assert len(pd.read_parquet(run.folder / "labels.parquet")) == 30
    notes = [event.message for _, event in store.events(run_id) if event.kind == "note"]
    assert notes == ["noise_level is 0.25", "Stopped"]


def test_pause_and_resume_are_noted(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    execute(store, run_id, echo=wishing(store, run_id, {"pause": True}, {"resume": True}, {"stop": True}))
    notes = [event.message for _, event in store.events(run_id) if event.kind == "note"]
    assert notes.index("Paused.") < notes.index("Resumed.") < notes.index("Stopped")


def test_a_pause_shows_in_the_store(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    seen, wish = [], wishing(store, run_id, {"pause": True}, {"resume": True}, {"stop": True})

    def echo(event):
        seen.append((store.get(run_id).paused, store.pausing(run_id)))
        wish(event)

    execute(store, run_id, echo=echo)
    assert (True, True) in seen
    assert seen[0] == seen[-1] == (False, False)
    assert not store.get(run_id).paused


def test_a_worker_has_a_session_of_its_own_and_takes_sigterm_for_a_stop(
    store, run_id, fake_training, monkeypatch
):
    monkeypatch.setenv("FAKE", "endless")
    run = started(store, run_id)
    assert os.getsid(run.pid) == run.pid != os.getsid(0)
    with pytest.raises(InputError, match="running already"):
        Store(store.home).start(run_id)
    os.kill(run.pid, signal.SIGTERM)
    wait_for(lambda: store.get(run_id).finished)
    assert store.get(run_id).status == "stopped"
    assert (store.folder(run_id) / "summary.json").exists()


def test_a_killed_worker_is_failed_says_why_and_can_be_begun_anew(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    run = started(store, run_id)
    os.kill(run.pid, signal.SIGKILL)
    wait_for(lambda: processes.identity(run.pid) is None)
    assert store.get(run_id).status == "failed"
    assert store.get(run_id).reason == failures.KILLED
    monkeypatch.setenv("FAKE", "")
    store.start(run_id)
    wait_for(lambda: store.get(run_id).finished)
    assert store.get(run_id).status == "done"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("ValueError", r"Training stopped by an unexpected error (ValueError: bad thing); see the log."),
        ("MemoryError", failures.OUT_OF_MEMORY),
        ("full", failures.DISK_FULL),
    ],
)
def test_a_failure_is_one_sentence_and_its_traceback_is_in_the_log(
    store, run_id, fake_training, monkeypatch, how, reason
):
    monkeypatch.setenv("FAKE", f"raise:{how}")
    with pytest.raises(RunError) as error:
        execute(store, run_id)
    run = store.get(run_id)
    assert (run.status, run.reason, str(error.value)) == ("failed", reason, reason)
    assert "Traceback" in (run.folder / "log.txt").read_text()
    assert not (run.folder / "summary.json").exists()
    assert len(store.events(run_id)) > 10, "what came before the failure is kept"


def no_room(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_run_that_failed_goes_on_from_its_checkpoint(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    with pytest.raises(RunError):
        execute(store, run_id)
    last = store.events(run_id)[-1][0]
    monkeypatch.setenv("FAKE", "")
    summary = execute(store, run_id)
    events = store.events(run_id)
    assert [event.epoch for _, event in events if event.kind == "epoch"] == [1, 2, 3]
    steps = [event.step for _, event in events if event.kind == "progress" and not event.message]
    assert steps == list(range(1, 31)), "none twice, none lost"
    ((number, told),) = [pair for pair in events if pair[1].back_to is not None]
    assert told.message == "Continues after epoch 1 of 3."
    assert (told.epoch, told.epochs, told.step) == (1, 3, 10)
    assert number > last, "a page that has seen the events laid aside sees this one as new"
    before = events[events.index((number, told)) - 1]
    assert told.back_to == before[0], "and learns which of those it has seen still count"
    assert summary["seconds"] >= 1.0, "the second before the checkpoint is in it"
    assert (store.folder(run_id) / "events-1.jsonl").read_text().count("\n") == last - told.back_to


def test_short_epochs_are_not_saved_one_by_one_and_the_last_state_is(
    store, run_id, fake_training, monkeypatch
):
    saved = []
    save = checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda *given: saved.append(given[1].epoch) or save(*given))
    monkeypatch.setattr(saving, "SAVE_EVERY", 3600.0)
    execute(store, run_id)
    assert saved == [1, 3]
    newest = checkpoints.newest(store.folder(run_id))
    assert newest[0].epoch == 3
    events = store.events(run_id)
    epoch = [number for number, event in events if event.kind == "epoch"][-1]
    labels = next(number for number, event in events if event.stage == "labels")
    assert epoch <= newest[1] < labels, "the events that follow its state do not count as before it"


def test_a_training_that_fails_leaves_its_newest_state(store, run_id, fake_training, monkeypatch):
    monkeypatch.setattr(saving, "SAVE_EVERY", 3600.0)
    fake_training.die_at_state(monkeypatch, 3)
    with pytest.raises(RunError, match="dead"):
        execute(store, run_id)
    assert checkpoints.newest(store.folder(run_id))[0].epoch == 2


def test_a_disk_too_full_for_checkpoints_is_told_once_and_training_goes_on(
    store, run_id, fake_training, monkeypatch
):
    write = checkpoints.write
    count = itertools.count(1)
    monkeypatch.setattr(checkpoints, "write", lambda *all: (write if next(count) == 1 else no_room)(*all))
    assert execute(store, run_id)["status"] == "done"
    (warning,) = [event for _, event in store.events(run_id) if event.level == "warning"]
    assert warning.message == (
        "The checkpoint after epoch 2 of 3 could not be saved: the disk is full."
        " Training continues; earlier checkpoints remain."
    )
    (kept,) = store.checkpoints(run_id)
    assert kept.epoch == 1
    assert checkpoints.read(kept.path)[0].step == 10
    assert [path.name for path in (store.folder(run_id) / "checkpoints").iterdir()] == [kept.name]


def test_checkpoints_are_damaged_and_the_run_says_so_and_begins_anew(
    store, run_id, fake_training, monkeypatch
):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    with pytest.raises(RunError):
        execute(store, run_id)
    for kept in store.checkpoints(run_id):
        (kept.path / "state.json").write_text("{")
    monkeypatch.setenv("FAKE", "")
    told = []
    execute(store, run_id, echo=told.append)
    assert [event.message for event in told[:2]] == [
        "The checkpoint of epoch 1 is truncated or damaged.",
        "There is no checkpoint to continue from: the run begins anew, with the same settings.",
    ]
    assert [event.back_to for event in told[:2]] == [0, 0]
    assert [event for _, event in store.events(run_id)] == told
    assert [event.epoch for event in told if event.kind == "epoch"] == [1, 2, 3]


def test_a_first_start_speaks_of_no_checkpoint(store, run_id, fake_training):
    execute(store, run_id)
    assert all(event.back_to is None for _, event in store.events(run_id))


def test_a_disk_too_full_even_for_the_store_is_still_told_of(store, run_id, fake_training, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(event_log, "append_line", full)
    finish = Store.finish

    def no_room(self, run_id, status, reason=""):
        store_module.leave_last_words(self.folder(run_id), reason)
        raise RunError(failures.DISK_FULL)

    monkeypatch.setattr(Store, "finish", no_room)
    with pytest.raises(RunError):
        execute(store, run_id)
    monkeypatch.setattr(Store, "finish", finish)
    monkeypatch.setattr(processes, "alive", lambda *_: False)
    assert store.get(run_id).status == "failed"
    assert store.get(run_id).reason == failures.DISK_FULL


def test_results_that_cannot_be_written_leave_the_earlier_ones(store, run_id, fake_training, monkeypatch):
    execute(store, run_id, stop_requested=lambda: True)
    before = {
        path.name: path.read_bytes() for path in store.folder(run_id).glob("*.*") if "parquet" in path.name
    }

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker, "write_json", full)
    with pytest.raises(RunError, match="The disk is full"):
        execute(store, run_id)
    run = store.get(run_id)
    assert {name: (run.folder / name).read_bytes() for name in before} == before
    assert not [path.name for path in run.folder.rglob(".new-*")]


def test_a_data_set_that_is_gone_is_one_sentence(store, run_id, fake_training):
    shutil.rmtree(store.home / "data")
    with pytest.raises(RunError, match="has no data set"):
        execute(store, run_id)
    assert "has no data set" in store.get(run_id).reason


def test_the_heart_beats_while_nothing_is_told(store, run_id, monkeypatch):
    monkeypatch.setattr(processes, "BEAT", 0.01)
    run = store.claim(run_id)
    first = store.get(run_id).heartbeat
    with claim.beating(store, run):
        wait_for(lambda: store.get(run_id).heartbeat > first)


def test_the_real_training_runs_in_a_worker_and_its_model_serves_new_samples(store, dataset, config):
    few = replace(dataset, samples=dataset.samples[::2], ids=dataset.ids[::2], labels=dataset.labels[::2])
    small = {"epochs": 1, "joint_epochs": 1, "spectral_dims": 3, "neighbours": 3, "least_steps": 0}
    run_id = store.create(few, Config.from_dict(config.to_dict() | small))
    store.start(run_id)
    wait_for(lambda: store.get(run_id).finished, seconds=120)
    run = store.get(run_id)
    assert run.status == "done", (run.reason, (run.folder / "log.txt").read_text())
    loaded = load_run(run.folder)
    again = loaded.assign(few)
    assert (again.labels == loaded.labels).all()
    assert np.allclose(again.latent, loaded.latent, atol=1e-4)
    assert {"progress", "epoch", "note", "done"} >= {e.kind for _, e in store.events(run_id)} - {"evaluation"}


def test_a_pause_is_in_the_summary_and_not_in_the_time_taken(store, run_id, fake_training, monkeypatch):
    def fit(*given, **more):
        for event in fake_training.fit(*given, **more):
            yield replace(event, seconds=40.0, paused=1000.0, remaining=7.0)
        return fake_training.Fitted(np.zeros((30, 2)), np.zeros((30, 2)), np.arange(30) % 3, np.ones(30))

    monkeypatch.setattr(dsc_core.training.loop, "fit", fit)
    told = []
    summary = execute(store, run_id, echo=told.append)
    assert summary["paused_seconds"] == 1000.0
    assert summary["seconds"] == pytest.approx(-1000.0, abs=60.0), "the pause did not really pass here"
    assert told[-1].seconds == pytest.approx(40.0, abs=60.0)
    drawn = [event for event in told if event.message.startswith("Drawing")]
    assert len(drawn) == 2
    assert all(event.remaining > 0 for event in drawn)
    assert told[-1].remaining is None
    assert {"start", "maps", "film", "scores", "saving"} <= told[-1].parts.keys()


def test_a_data_set_deleted_under_its_training_costs_nothing_that_was_trained(
    store, run_id, fake_training, monkeypatch
):
    monkeypatch.setenv("FAKE", "endless")
    wish = wishing(store, run_id, {}, {"stop": True})

    def echo(event):
        if event.step == 5:
            shutil.rmtree(store.home / "data")
        wish(event)

    assert execute(store, run_id, echo=echo)["status"] == "stopped"
    assert len(pd.read_parquet(store.folder(run_id) / "labels.parquet")) == 30
    monkeypatch.setenv("FAKE", "")
    with pytest.raises(RunError, match="has no data set"):
        execute(store, run_id)
    assert len(pd.read_parquet(store.folder(run_id) / "labels.parquet")) == 30
    assert store.checkpoints(run_id)

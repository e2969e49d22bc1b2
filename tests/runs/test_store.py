"""The run store: what it keeps, and that it keeps it when processes die, disks fill and folders move."""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import Store, checkpoints, event_log, failures, folder, home, launcher, processes, schema
from dsc_core.runs import store as store_module
from tests.runs import fakes

ROOT = Path(__file__).resolve().parents[2]
NOTE = Event("note", "joint", message="Fell back to QR", level="warning")


def progress(step, stage="autoencoder"):
    return Event("progress", stage, epoch=1, step=step, losses={"total": 1 / step, "prior": 0.5})


def sql(store, statement, *values):
    with sqlite3.connect(store.home / "dsc.sqlite", timeout=10) as db:
        return db.execute(statement, values).fetchall()


def say_running(store, run_id, pid, process, heartbeat=None):
    sql(
        store,
        "UPDATE runs SET status='running', pid=?, process=?, claimed=1, heartbeat=? WHERE id=?",
        pid,
        process,
        heartbeat or time.time(),
        run_id,
    )


@pytest.fixture
def sleeper():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


# Creating and finding --------------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_created(store, dataset, config, run_id):
    run = store.get(run_id)
    assert run_id.startswith("three-kinds-")
    assert (run.status, run.samples, run.clusters, run.finished) == ("created", 30, 3, False)
    assert run.config == config
    assert run.dataset["shape"] == [1, 8, 8]
    assert (run.folder / "config.json").is_file()
    assert Store(store.home).get(run_id) == run


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "elsewhere"))
    assert home() == tmp_path / "elsewhere"
    monkeypatch.delenv("DSC_HOME")
    assert home() == ROOT / "workspace"


def test_a_run_is_found_by_its_name_or_the_beginning_of_it(store, dataset, config, run_id):
    named = store.create(dataset, config, name="My run")
    assert store.find("My run").id == store.find("My").id == named
    assert store.find(run_id).id == store.find(run_id[:12]).id == run_id
    again = store.create(dataset, config, name="My run 2")
    assert store.find("My run").id == named, "a whole name wins over a beginning"
    with pytest.raises(InputError, match="'My r' matches 2 runs"):
        store.find("My r")
    assert [run.id for run in store.list()] == [again, named, run_id]


@pytest.mark.parametrize("text", ["nothing", "", "../runs", "%", "_"])
def test_an_unknown_run_is_one_sentence(store, run_id, text):
    for ask in (store.find, store.get, lambda name: store.control(name, stop=True)):
        with pytest.raises(InputError, match=r"There is no run .*`python -m dsc_core list` shows the runs\."):
            ask(text)


@pytest.mark.parametrize("name", ["taken", " ", "x" * 81, "two\nlines"])
def test_a_name_that_cannot_be_is_refused(store, dataset, config, name):
    store.create(dataset, config, name="taken")
    with pytest.raises(InputError):
        store.create(dataset, config, name=name)
    assert len(store.list()) == 1


def test_data_that_cannot_be_trained_on_leaves_nothing_behind(store, dataset, config):
    with pytest.raises(InputError):
        store.create(dataset, config.replace(clusters=40))
    assert store.list() == []
    assert list((store.home / "runs").iterdir()) == []


def test_a_full_disk_while_creating_leaves_nothing_behind(store, dataset, config, monkeypatch):
    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module, "write_json", full)
    with pytest.raises(RunError, match="could not be created: the disk is full"):
        store.create(dataset, config)
    assert store.list() == []
    assert list((store.home / "runs").iterdir()) == []


# Events ----------------------------------------------------------------------------------------------------


def test_events_are_the_same_in_the_index_and_the_folder(store, run_id):
    events = [progress(1), progress(2), NOTE]
    assert [store.append(run_id, event) for event in events] == [1, 2, 3]
    assert store.events(run_id) == list(enumerate(events, start=1))
    assert store.events(run_id, after=2) == [(3, NOTE)]
    assert store.last_event(run_id) == NOTE
    lines = (store.folder(run_id) / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert [Event.from_json(line) for line in lines] == events


def test_processes_that_append_at_once_lose_nothing(store, run_id):
    script = (
        "import sys; from dsc_core.runs import Store; from dsc_core.events import Event; s = Store()\n"
        f"for i in range(200): s.append({run_id!r}, Event('note', 'joint', message=f'{{sys.argv[1]}}-{{i}}'))"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(i)], cwd=ROOT, stderr=subprocess.PIPE)
        for i in range(3)
    ]
    assert [writer.communicate()[1] for writer in writers] == [b""] * 3
    events = store.events(run_id)
    assert [seq for seq, _ in events] == list(range(1, 601))
    for writer in range(3):
        own = [event.message for _, event in events if event.message.startswith(f"{writer}-")]
        assert own == [f"{writer}-{i}" for i in range(200)]
    lines = (store.folder(run_id) / "events.jsonl").read_text().splitlines()
    assert [Event.from_json(line) for line in lines] == [event for _, event in events]


def test_an_event_that_cannot_be_written_is_in_neither_place(store, run_id, monkeypatch):
    store.append(run_id, progress(1))

    def full(path, line):
        with open(path, "a") as file:
            file.write(line[:5])
            file.truncate(file.tell() - 5)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(event_log, "append_line", full)
    with pytest.raises(OSError, match="No space"):
        store.append(run_id, progress(2))
    monkeypatch.undo()
    assert store.append(run_id, progress(3)) == 2
    assert len((store.folder(run_id) / "events.jsonl").read_text().splitlines()) == 2


def test_a_line_cut_by_a_full_disk_is_taken_back(tmp_path):
    path = tmp_path / "events.jsonl"
    script = (
        "import resource, signal, sys; from dsc_core.runs.folder import append_line\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (6, 6))\n"
        "append_line(sys.argv[1], 'one\\n'); append_line(sys.argv[1], 'two\\n')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert "OSError" in ended.stderr, "the file may not grow beyond six bytes"
    assert path.read_text() == "one\n"


def test_what_a_killed_process_wrote_only_to_the_folder_is_caught_up(store, run_id):
    store.append(run_id, progress(1))
    with open(store.folder(run_id) / "events.jsonl", "a") as file:
        file.write('{"seq": 2, ' + NOTE.to_json()[1:] + "\n" + '{"seq": 3, "kind": "no')
    say_running(store, run_id, 2**22 + 1, f"{processes.boot_id()}/1")
    assert store.get(run_id).status == "failed"
    assert store.events(run_id) == [(1, progress(1)), (2, NOTE)]
    assert store.append(run_id, progress(3)) == 3
    assert len((store.folder(run_id) / "events.jsonl").read_text().splitlines()) == 3


# Folders that move -----------------------------------------------------------------------------------------


def test_a_run_folder_copied_to_another_workspace_is_found_there(store, run_id, tmp_path):
    store.append(run_id, progress(1))
    store.append(run_id, NOTE)
    store.claim(run_id)
    store.append(run_id, progress(2))
    store.finish(run_id, "stopped")
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(run_id), other.folder("copied"))
    (run,) = other.list()
    here = store.get(run_id)
    assert (run.id, run.name, run.status, run.config) == ("copied", here.name, "stopped", here.config)
    assert (run.created, run.started, run.ended) == (here.created, here.started, here.ended)
    assert other.events("copied") == store.events(run_id) == [(3, progress(2))]
    assert other.append("copied", NOTE) == 4


def test_a_run_copied_while_it_trained_is_not_shown_as_running(store, run_id, tmp_path):
    store.claim(run_id)
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(run_id), other.folder(run_id))
    assert other.get(run_id).status == "failed"
    assert "copied here while it trained" in other.get(run_id).reason
    assert store.get(run_id).status == "running"


def test_a_lost_or_damaged_index_is_made_anew_from_the_folders(store, run_id):
    store.append(run_id, progress(1))
    store.claim(run_id)
    before = store.get(run_id)
    store.close()
    for content in (None, b"this is no database " * 100):
        for path in store.home.glob("dsc.sqlite*"):
            path.unlink()
        if content:
            (store.home / "dsc.sqlite").write_bytes(content)
        anew = Store(store.home)
        run = anew.get(run_id)
        assert (run.status, run.pid, run.started) == ("running", os.getpid(), before.started)
        assert len(anew.list()) == 1
        anew.close()
    assert list(store.home.glob("damaged-*-dsc.sqlite"))


def test_a_folder_with_damaged_settings_is_shown_with_its_reason(store, run_id):
    shutil.copytree(store.folder(run_id), store.folder("broken"))
    (store.folder("broken") / "config.json").write_text("{")
    run = store.get("broken")
    assert run.status == "damaged"
    assert "config.json of the run broken is damaged" in run.reason
    assert len(store.list()) == 2


def test_a_run_whose_folder_was_deleted_is_gone(store, run_id):
    shutil.rmtree(store.folder(run_id))
    assert store.list() == []
    with pytest.raises(InputError):
        store.get(run_id)


def test_other_folders_are_no_runs(store, run_id):
    (store.home / "runs" / "holiday").mkdir()
    (store.home / "runs" / ".new-x").mkdir()
    assert [run.id for run in store.list()] == [run_id]


# Processes -------------------------------------------------------------------------------------------------


def test_a_run_whose_process_is_gone_is_failed_and_says_why(store, run_id, sleeper):
    say_running(store, run_id, sleeper.pid, processes.identity(sleeper.pid), heartbeat=1.0)
    assert store.get(run_id).status == "running", "its process lives, however old the heartbeat"
    sleeper.kill()
    while processes.identity(sleeper.pid):  # not yet waited for: a zombie is not a living process
        time.sleep(0.01)
    assert store.get(run_id).status == "failed"
    assert store.get(run_id).reason == failures.KILLED
    assert Store(store.home).list()[0].status == "failed"


def test_a_process_id_given_to_another_process_does_not_make_a_run_alive(store, run_id, sleeper):
    say_running(store, run_id, sleeper.pid, f"{processes.boot_id()}/12345")
    assert store.get(run_id).status == "failed"


def test_a_restarted_computer_ends_its_runs(store, run_id, sleeper):
    say_running(store, run_id, sleeper.pid, "another-boot/pid:[1]/12345", heartbeat=time.time() - 300)
    assert store.get(run_id).reason == failures.RESTARTED


def test_where_no_identity_is_known_the_heartbeat_decides(store, run_id, monkeypatch):
    monkeypatch.setattr(processes, "boot_id", lambda: "")
    say_running(store, run_id, 2**22 + 1, None)
    assert store.get(run_id).status == "running"
    say_running(store, run_id, 2**22 + 1, None, heartbeat=time.time() - processes.SILENCE - 1)
    assert store.get(run_id).status == "failed"


def test_a_reason_left_by_the_process_is_told(store, run_id):
    folder.leave_last_words(store.folder(run_id), failures.DISK_FULL)
    assert (store.folder(run_id) / "reason.txt").stat().st_size == folder.LAST_WORDS
    say_running(store, run_id, 2**22 + 1, f"{processes.boot_id()}/1")
    assert store.get(run_id).reason == failures.DISK_FULL


def test_the_second_of_two_starts_is_refused(store, run_id, sleeper, monkeypatch):
    started = []
    monkeypatch.setattr(store.launcher, "start", lambda run: started.append(run.id) or sleeper)
    store.start(run_id)
    with pytest.raises(InputError, match=f"running already, in process {sleeper.pid}"):
        store.start(run_id)
    with pytest.raises(InputError, match="running already"):
        Store(store.home).claim(run_id)
    assert started == [run_id]


def test_one_process_cannot_train_the_same_run_twice(store, run_id):
    store.claim(run_id)
    with pytest.raises(InputError, match="running already"):
        store.claim(run_id)


def test_a_process_that_cannot_be_started_leaves_the_run_as_it_was(store, run_id, monkeypatch):
    monkeypatch.setattr(launcher, "worker_command", lambda run_id: ["/nowhere/python"])
    with pytest.raises(RunError, match="could not be started: No such file"):
        store.start(run_id)
    assert store.get(run_id).status == "created"


def test_a_run_that_is_done_does_not_start_again(store, run_id):
    store.claim(run_id)
    store.finish(run_id, "done")
    with pytest.raises(InputError, match="is done; create another run"):
        store.start(run_id)


def test_a_run_begun_anew_keeps_its_earlier_events_aside(store, run_id):
    store.claim(run_id)
    store.append(run_id, progress(1))
    store.finish(run_id, "failed", "The disk is full.")
    store.claim(run_id)
    run = store.get(run_id)
    assert (run.status, run.reason, run.ended) == ("running", "", None)
    assert store.events(run_id) == []
    assert store.append(run_id, progress(1)) == 2, "a page that has seen event 1 sees this one as new"
    assert (run.folder / "events-1.jsonl").read_text().count("\n") == 1


def test_a_page_sees_no_old_event_once_a_run_is_started_anew(store, run_id, sleeper, monkeypatch):
    store.claim(run_id)
    store.append(run_id, progress(1))
    store.finish(run_id, "failed", "The disk is full.")
    monkeypatch.setattr(store.launcher, "start", lambda run: sleeper)
    store.start(run_id)
    assert store.events(run_id) == []


# Checkpoints and branches ----------------------------------------------------------------------------------


@pytest.fixture
def broken(store, run_id, config):
    """A run that kept checkpoints of two epochs and died in the third, some events later."""
    store.claim(run_id)
    for epoch in (1, 2):
        store.append(run_id, progress(10 * epoch))
        seq = store.append(run_id, Event("epoch", "joint", epoch, 3, 10 * epoch))
        checkpoints.save(store.folder(run_id), fakes.state(config, epoch, 10 * epoch), seq)
    store.append(run_id, progress(25))
    store.finish(run_id, "failed", "The disk is full.")
    return run_id


def test_what_came_after_the_checkpoint_is_laid_aside(store, broken, sleeper, monkeypatch):
    before = store.events(broken)
    monkeypatch.setattr(store.launcher, "start", lambda run: sleeper)
    store.start(broken)
    assert store.events(broken) == before[:4]
    lines = (store.folder(broken) / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4]
    assert (store.folder(broken) / "events-1.jsonl").read_text().count("\n") == 1
    assert store.append(broken, NOTE) == 6


def test_a_change_that_no_checkpoint_knows_of_is_wished_for_again(store, broken):
    for event in (
        Event("note", "joint", changes={"noise_level": [0.5, 0.7], "prior": [0.05, 0.1]}),
        Event("note", "joint", changes={"noise_level": [0.7, 0.9]}),
        Event("note", "joint", changes={"learning_rate": [0.001, 0.0005]}, level="warning"),
    ):
        store.append(broken, event)
    store.claim(broken)
    assert store.take_controls(broken) == {"noise_level": 0.9, "prior": 0.1}


def test_a_branch_is_a_run_of_its_own_with_the_history_until_then(store, broken, config):
    made = store.branch(broken, None, {"noise_level": 0.8, "prior": "0.2"}, name="Louder")
    run, parent = store.get(made), store.get(broken)
    assert (run.name, run.status, run.dataset) == ("Louder", "created", parent.dataset)
    assert run.config == config.replace(noise_level=0.8, prior=0.2)
    assert parent.config == config
    moved = {"noise_level": [0.5, 0.8], "prior": [0.05, 0.2]}
    kept = store.checkpoints(broken)[0]
    assert run.parent == {
        "run": broken,
        "name": parent.name,
        "checkpoint": kept.name,
        "epoch": 2,
        "step": 20,
        "changes": moved,
    }
    assert json.loads((run.folder / "run.json").read_text())["parent"] == run.parent
    events = store.events(made)
    assert events[:4] == store.events(broken)[:4]
    number, told = events[4]
    assert (number, told.changes, told.step) == (5, moved, 20)
    assert told.message.endswith("after epoch 2 of 3: Noise level 0.5 → 0.8, Prior (KL) 0.05 → 0.2.")
    state, last = checkpoints.read(store.checkpoints(made)[0].path)
    assert (state.config.noise_level, state.config.prior, last) == (0.8, 0.2, 5)
    store.claim(made)
    assert store.events(made) == events, "it goes on from there"
    assert Store(store.home).get(made).parent == run.parent
    shutil.copytree(run.folder, store.folder("copied"))
    assert store.get("copied").parent == run.parent


def test_a_branch_may_begin_at_any_kept_checkpoint(store, broken):
    newer, older = store.checkpoints(broken)
    made = store.branch(broken, older.name, {"prior": 0.2})
    assert (store.get(made).parent["epoch"], len(store.events(made))) == (1, 3)
    assert store.get(made).name == made
    assert newer.name in [one.name for one in store.checkpoints(broken)]


def test_a_branch_that_cannot_be_is_one_sentence_and_leaves_nothing(store, broken, run_id, config):
    with pytest.raises(InputError, match="latent_dims cannot be changed while a run trains"):
        store.branch(broken, None, {"latent_dims": 5})
    with pytest.raises(InputError, match="noise_level must be a number from 0 to 2"):
        store.branch(broken, None, {"noise_level": 5})
    with pytest.raises(InputError, match="has no such checkpoint"):
        store.branch(broken, "../../elsewhere", {"prior": 0.2})
    with pytest.raises(InputError, match="There is a run named"):
        store.branch(broken, None, {"prior": 0.2}, name=run_id)
    end = checkpoints.save(store.folder(broken), fakes.state(config, 3, 30), 5)
    with pytest.raises(InputError, match="Nothing is left to train after epoch 3 of 3"):
        store.branch(broken, end.name, {"prior": 0.2})
    older = store.checkpoints(broken)[1]
    (older.path / "state.safetensors").write_bytes(b"rubbish")
    with pytest.raises(RunError, match="The checkpoint of epoch 2 is truncated or damaged"):
        store.branch(broken, None, {"prior": 0.2})
    assert [run.id for run in store.list()] == [broken]


def test_a_full_disk_while_branching_leaves_nothing_behind(store, broken, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(RunError, match="could not be created: the disk is full"):
        store.branch(broken, None, {"prior": 0.2})
    assert [path.name for path in (store.home / "runs").iterdir()] == [broken]


# Controls --------------------------------------------------------------------------------------------------


def test_wishes_are_taken_once_and_the_later_wins(store, run_id):
    store.claim(run_id)
    Store(store.home).control(run_id, noise_level=0.3, pause=True)
    Store(store.home).control(run_id, noise_level="0.7")
    assert store.take_controls(run_id) == {"noise_level": 0.7, "pause": True}
    assert store.take_controls(run_id) == {}
    store.control(run_id, pause=True)
    store.control(run_id, resume=True)
    assert store.take_controls(run_id) == {"resume": True}


def test_whether_a_run_waits_counts_what_was_asked_and_not_yet_taken(store, run_id):
    store.claim(run_id)
    assert not store.pausing(run_id)
    store.control(run_id, pause=True)
    assert (store.pausing(run_id), store.get(run_id).paused) == (True, False)
    store.take_controls(run_id)
    store.set_paused(run_id, True)
    store.control(run_id, noise_level=0.3)
    assert store.pausing(run_id)
    assert store.get(run_id).paused
    store.control(run_id, resume=True)
    assert not store.pausing(run_id)
    store.finish(run_id, "failed", "It died.")
    assert not store.get(run_id).paused
    store.claim(run_id)
    assert not store.get(run_id).paused


def test_a_pause_after_a_resume_in_one_breath_counts(store, run_id):
    store.claim(run_id)
    store.control(run_id, resume=True)
    store.control(run_id, noise_level=0.3, pause=True)
    assert store.take_controls(run_id) == {"noise_level": 0.3, "pause": True}


def test_a_wish_that_cannot_be_met_is_refused(store, run_id):
    with pytest.raises(InputError, match="is not running: it is created"):
        store.control(run_id, pause=True)
    store.claim(run_id)
    with pytest.raises(InputError, match="latent_dims cannot be changed while a run trains"):
        store.control(run_id, latent_dims=5)
    with pytest.raises(InputError, match="noise_level must be a number from 0 to 2"):
        store.control(run_id, noise_level=7)
    with pytest.raises(InputError, match="Unknown setting 'loudness'"):
        store.control(run_id, loudness=1)
    assert store.take_controls(run_id) == {}


def test_wishes_of_an_earlier_attempt_do_not_stop_the_next(store, run_id):
    store.claim(run_id)
    store.control(run_id, stop=True)
    store.finish(run_id, "failed", "It died before it saw the wish.")
    store.claim(run_id)
    assert store.take_controls(run_id) == {}


def test_a_stop_between_the_start_and_the_first_step_counts(store, run_id, monkeypatch):
    monkeypatch.setattr(store.launcher, "start", lambda run: SimpleNamespace(pid=os.getpid(), wait=lambda: 0))
    store.start(run_id)
    store.control(run_id, stop=True)
    store.claim(run_id)
    assert store.take_controls(run_id) == {"stop": True}


def test_a_run_stopped_before_it_began_is_stopped(store, run_id):
    store.control(run_id, stop=True)
    assert store.get(run_id).status == "stopped"


def test_a_pause_stands_until_it_is_resumed_and_not_for_the_next_attempt(store, run_id):
    store.claim(run_id)
    assert store.requests_in_force(run_id) == set()
    store.control(run_id, pause=True)
    store.control(run_id, noise_level=0.3)
    assert store.requests_in_force(run_id) == {"pause"}
    store.take_controls(run_id)
    assert store.requests_in_force(run_id) == {"pause"}, "taken, and still standing"
    store.control(run_id, resume=True)
    store.control(run_id, stop=True)
    assert store.requests_in_force(run_id) == {"stop"}
    store.finish(run_id, "stopped")
    store.claim(run_id)
    assert store.requests_in_force(run_id) == set()


def test_a_process_that_takes_up_its_run_keeps_the_time_of_the_start(store, run_id, monkeypatch):
    monkeypatch.setattr(store.launcher, "start", lambda run: SimpleNamespace(pid=os.getpid(), wait=lambda: 0))
    store.start(run_id)
    begun = store.get(run_id).started
    assert store.claim(run_id).started == begun
    store.finish(run_id, "failed", "It died.")
    assert store.claim(run_id).started > begun


# What people say of runs -----------------------------------------------------------------------------------


def test_names_notes_and_stars_lie_in_the_folder_too(store, run_id, tmp_path):
    store.rename(run_id, "Better name")
    store.annotate(run_id, " two\nlines ")
    store.star(run_id)
    assert store.find("Better").id == run_id
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(run_id), other.folder(run_id))
    for run in (store.get(run_id), other.get(run_id)):
        assert (run.name, run.note, run.starred) == ("Better name", "two\nlines", True)
    store.star(run_id, False)
    store.rename(run_id, run_id)
    assert (store.get(run_id).name, store.get(run_id).starred) == (run_id, False)


def test_a_name_or_a_note_that_cannot_be_leaves_the_old_one(store, dataset, config, run_id):
    store.create(dataset, config, name="taken")
    for name in ("taken", "", "a\nb", "x" * 81):
        with pytest.raises(InputError):
            store.rename(run_id, name)
    for note in ("x" * 2001, "a\x00b"):
        with pytest.raises(InputError, match=r"up to 2,000 letters\."):
            store.annotate(run_id, note)
    assert (store.get(run_id).name, store.get(run_id).note) == (run_id, "")


# The index -------------------------------------------------------------------------------------------------


def test_an_older_index_is_brought_up_to_date_with_its_runs(store, run_id, monkeypatch):
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN star INTEGER",))
    )
    assert Store(store.home).get(run_id).status == "created"
    assert sql(store, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


def test_the_index_of_the_first_version_opens_with_its_runs(store, run_id, tmp_path, monkeypatch):
    store.append(run_id, NOTE)
    store.control(run_id, stop=True)
    run = store.get(run_id)
    columns = "id, name, status, reason, pid, process, claimed, created, started, ended, heartbeat, device"
    columns += ", dataset, config, last_seq"
    old = sql(store, f"SELECT {columns} FROM runs")
    store.close()
    for path in store.home.glob("dsc.sqlite*"):
        path.unlink()
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
    first = schema.connect(store.home / "dsc.sqlite", 5.0)
    first.executemany(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * 15)})", old)
    first.close()
    monkeypatch.undo()
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    assert Store(store.home).get(run_id) == run


def test_an_index_of_the_first_version_keeps_its_runs_and_learns_the_new_columns(store, run_id, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(store.folder(run_id), old / "runs" / run_id)
    with sqlite3.connect(old / "dsc.sqlite") as db:
        for statement in schema.MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
        db.execute(
            "INSERT INTO runs (id, name, status, created, dataset, config) VALUES (?, 'old', 'done', 1, '{}', '{}')",
            (run_id,),
        )
    db.close()
    run = Store(old).get(run_id)
    assert (run.name, run.status, run.note, run.starred, run.queued) == ("old", "done", "", False, None)


def test_an_index_of_a_later_version_is_left_alone(store, run_id):
    sql(store, "PRAGMA user_version = 99")
    with pytest.raises(RunError, match="written by a later version"):
        Store(store.home)
    assert sql(store, "SELECT count(*) FROM runs") == [(1,)]


def test_a_migration_that_fails_changes_nothing(store, run_id, monkeypatch):
    steps = ("ALTER TABLE runs ADD COLUMN star INTEGER", "SELECT * FROM nowhere")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, steps))
    with pytest.raises(RunError):
        Store(store.home)
    monkeypatch.undo()
    assert Store(store.home).get(run_id).status == "created"


def test_a_workspace_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        RunError, match=r"The workspace .* cannot be written \(.*\); set DSC_HOME to a folder\."
    ):
        Store(tmp_path / "file" / "home")


def test_a_full_disk_is_told_in_a_sentence_by_the_index_too(store, run_id):
    store.index.connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(RunError) as error:
        [store.append(run_id, progress(step)) for step in range(1, 2000)]
    assert str(error.value) == failures.DISK_FULL
    store.index.connection.execute("PRAGMA max_page_count = 100000")
    assert store.append(run_id, NOTE) == len(store.events(run_id))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("K is too large."), "K is too large."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "The disk is full"),
        (MemoryError(), "ran out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "ran out of memory"),
        (KeyboardInterrupt(), "interrupted from the keyboard"),
        (ValueError("bad\nthing"), r"unexpected error (ValueError: bad thing); see the log."),
    ],
)
def test_every_failure_is_one_sentence(error, words):
    text = failures.sentence(error)
    assert words in text
    assert "\n" not in text
    assert text.endswith(".")

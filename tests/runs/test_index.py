"""The index when something happens to its file: held by another program, damaged, deleted or replaced."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import Store, execute, queue, schema
from dsc_core.runs.artifacts.labels import labels_frame

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("PRAGMA locking_mode = EXCLUSIVE")
held.execute("BEGIN EXCLUSIVE")
held.execute("CREATE TABLE IF NOT EXISTS held (a)")
print("held", flush=True)
sys.stdin.read()
"""
NAMING = """
import sys
from dsc_core.errors import InputError
from dsc_core.runs import Store
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    store.rename(sys.argv[2], "the best")
    print("named")
except InputError:
    print("refused")
"""
ROOT = Path(__file__).resolve().parents[2]


def started(code, *arguments):
    """A Python process, once it has said its first word."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout.readline()
    return process


@pytest.fixture
def history(store, done):
    """The workspace of a run with events, a request that waits, a setting, and a second run in the queue."""
    queue.set_concurrent_runs(store, 3)
    store.index.add_request(done, {"noise_level": 0.7})
    return store


def facts(store):
    """What must not get lost."""
    return {
        "runs": [(run.id, run.status, run.name, run.ended) for run in store.list()],
        "events": {run.id: store.events(run.id) for run in store.list()},
        "requests": {run.id: store.index.requests(run.id) for run in store.list()},
        "setting": queue.concurrent_runs(store),
    }


def damage(path, page, seed=0):
    """Overwrite a page of the database, the first being 0, with noise."""
    with open(path, "r+b") as file:
        file.seek(4096 * page)
        file.write(np.random.default_rng(seed).bytes(4096))


def test_an_index_that_another_program_holds_is_waited_for_once(history, monkeypatch):
    history.close()
    monkeypatch.setattr(schema, "OPENING", 0.3)
    holder = started(HOLD, history.home / "dsc.sqlite")
    try:
        with pytest.raises(RunError, match="locked by another program"):
            Store(history.home, patience=0.3)
    finally:
        holder.communicate()
    assert len(Store(history.home).list()) == 1


def test_every_statement_on_a_held_index_is_a_sentence(history):
    other = Store(history.home, patience=0.1)
    with sqlite3.connect(history.home / "dsc.sqlite", isolation_level=None) as held:
        held.execute("BEGIN IMMEDIATE")
        assert len(other.list()) == 1, "reading waits for nobody"
        with pytest.raises(RunError, match="locked by another program"):
            other.star(other.list()[0].id)
        held.execute("ROLLBACK")


def test_damage_anywhere_in_the_file_is_found_on_opening_and_nothing_is_lost(history):
    for _ in range(300):
        history.append(history.list()[0].id, Event("progress", "joint", losses={"total": 1.0}))
    history.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    known = facts(history)
    history.close()
    path = history.home / "dsc.sqlite"
    whole = path.read_bytes()
    pages = len(whole) // 4096
    assert pages > 8
    for page in range(pages):
        path.write_bytes(whole)
        schema._sound.clear()
        damage(path, page, page)
        opened = Store(history.home)
        found = facts(opened)
        assert found["runs"] == known["runs"], page
        assert found["events"] == known["events"], page
        notice = opened.notice()
        if "may be lost" not in notice:
            assert found == known, page
        assert "damaged" in notice
        assert list(history.home.glob("damaged-*-dsc.sqlite"))
        opened.dismiss_notice()
        assert opened.notice() == ""
        opened.close()
        for left in history.home.glob("*dsc.sqlite*"):
            left.unlink()


def test_damage_under_a_running_server_is_mended(history):
    run_id = history.list()[0].id
    history.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for page in range(1, os.path.getsize(history.home / "dsc.sqlite") // 4096):
        damage(history.home / "dsc.sqlite", page)
    history.index.connection.execute("PRAGMA shrink_memory")
    assert [run.id for run in history.list()] == [run_id]
    assert history.append(run_id, Event("note", "joint", message="still here")) == len(history.events(run_id))
    assert "damaged" in history.notice()


def test_an_index_that_is_deleted_under_a_server_is_noticed_and_nothing_is_lost(history):
    known, other = facts(history), Store(history.home)
    other.list()
    for left in history.home.glob("dsc.sqlite*"):
        left.unlink()
    run_id = history.list()[0].id
    assert facts(history) == known
    assert "deleted" in history.notice()
    history.append(run_id, Event("note", "joint", message="from one"))
    other.append(run_id, Event("note", "joint", message="from the other"))
    assert facts(other) == facts(history) == facts(Store(history.home))
    assert [event.message for _, event in history.events(run_id)][-2:] == ["from one", "from the other"]


def test_an_index_that_is_replaced_by_an_older_one_gives_the_runs_as_their_folders_have_them(
    store, dataset, config, fake_training
):
    early = store.create(dataset, config, name="early")
    store.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(store.home / "dsc.sqlite", store.home / "backup")
    execute(store, early)
    late = store.create(dataset, config, name="late")
    events = store.events(early)
    os.replace(store.home / "backup", store.home / "dsc.sqlite")
    assert {run.id: run.status for run in store.list()} == {early: "done", late: "created"}
    assert store.events(early) == events
    assert len(labels_frame(store.get(early))) == 30
    assert "replaced" in store.notice()


def test_of_several_processes_that_give_one_name_at_once_one_gets_it(store, dataset, config):
    runs = [store.create(dataset, config) for _ in range(5)]
    processes = [started(NAMING, store.home, run_id) for run_id in runs]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    said = sorted(process.communicate()[0].strip() for process in processes)
    assert said == ["named", *4 * ["refused"]]
    assert sorted(run.name for run in store.list()).count("the best") == 1


def test_a_new_run_does_not_take_a_name_that_was_taken_meanwhile(store, dataset, config, monkeypatch):
    other = Store(store.home)
    make = Store._make_folder

    def slow(self, run, fill):
        monkeypatch.setattr(Store, "_make_folder", make)
        other.create(dataset, config, name="mine")
        make(self, run, fill)

    monkeypatch.setattr(Store, "_make_folder", slow)
    with pytest.raises(InputError, match="already"):
        store.create(dataset, config, name="mine")
    assert [run.name for run in store.list()] == ["mine"]
    assert not list((store.home / "runs").glob(".new-*"))


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_everything_written_has_the_permissions_of_the_umask(tmp_path, dataset, config, fake_training, mask):
    before = os.umask(mask)
    try:
        store = Store(tmp_path / "shared")
        run_id = store.create(dataset, config)
        execute(store, run_id)
        store.star(run_id)
        wrong = {
            str(path.relative_to(store.home)): oct(stat.S_IMODE(path.stat().st_mode))
            for path in store.home.rglob("*")
            if stat.S_IMODE(path.stat().st_mode) != (0o777 if path.is_dir() else 0o666) & ~mask
        }
        store.close()
    finally:
        os.umask(before)
    assert wrong == {}

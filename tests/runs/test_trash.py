"""Deleting runs: into the trash, whole and back again, until it is emptied."""

import errno
import os
import subprocess
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from dsc_core.cli.main import main
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import Store, failures, load_run, queue, reserve, trash
from dsc_core.runs.files import size_of

DISK = 16 << 20  # bytes of a disk that is filled


def test_a_deleted_run_comes_back_whole(store, done):
    store.rename(done, "Mine")
    store.annotate(done, "a note")
    store.star(done)
    before, events, labels = store.get(done), store.events(done), load_run(done).labels.copy()
    held = size_of(store.folder(done))
    trash.delete(store, done)
    assert store.list() == []
    with pytest.raises(InputError, match="There is no run"):
        store.get(done)
    (gone,) = trash.trashed(store)
    assert (gone.id, gone.name, gone.samples) == (done, "Mine", 30)
    assert gone.size >= held > 0
    assert trash.restore(store, done) == done
    assert store.get(done) == before
    assert store.events(done) == events
    assert (load_run(done).labels == labels).all()
    assert trash.trashed(store) == []


def test_a_run_that_trains_is_not_deleted(store, run_id):
    store.claim(run_id)
    with pytest.raises(InputError, match=r"is training; stop it first"):
        trash.delete(store, run_id)
    assert store.get(run_id).status == "running"
    assert store.folder(run_id).is_dir()


def test_a_deleted_run_does_not_start_from_the_queue_and_comes_back_not_started(
    store, dataset, config, run_id
):
    store.claim(run_id)
    waiting = store.create(dataset, config)
    queue.enqueue(store, waiting)
    trash.delete(store, waiting)
    store.finish(run_id, "done")
    assert queue.advance(store) == []
    trash.restore(store, waiting)
    assert store.get(waiting).status == "created"


def test_a_name_given_away_meanwhile_stays_with_its_new_run(store, dataset, config):
    first = store.create(dataset, config, name="Mine")
    trash.delete(store, first)
    second = store.create(dataset, config, name="Mine")
    trash.restore(store, first)
    assert (store.get(first).name, store.get(second).name) == (first, "Mine")
    assert store.find("Mine").id == second


def test_a_folder_that_cannot_be_moved_leaves_the_run_where_it_was(store, run_id, monkeypatch):
    store.append(run_id, Event("note", "joint", message="here"))

    def refused(source, target):
        raise PermissionError(13, "Permission denied")

    # write_json moves its file with os.replace as well, so only the folder's move is refused.
    monkeypatch.setattr(trash, "os", SimpleNamespace(replace=refused, utime=os.utime))
    with pytest.raises(RunError, match=r"could not be deleted: Permission denied\.$"):
        trash.delete(store, run_id)
    assert store.get(run_id).status == "created"
    assert [event.message for _, event in store.events(run_id)] == ["here"]


def test_only_emptying_frees_the_disk_and_only_the_trash(store, dataset, config, run_id):
    kept = store.create(dataset, config)
    trash.delete(store, run_id)
    held = size_of(store.home / "trash")
    assert trash.empty(store) == held > 0
    assert trash.trashed(store) == []
    assert list((store.home / "trash").iterdir()) == []
    assert [run.id for run in store.list()] == [kept]
    with pytest.raises(InputError, match=r"There is no run .* in the trash"):
        trash.restore(store, run_id)
    assert trash.empty(store) == 0


@pytest.mark.parametrize("name", ["..", "../runs", "", ".", "/etc", "nothing"])
def test_only_what_lies_in_the_trash_can_be_brought_back(store, run_id, name):
    trash.delete(store, run_id)
    with pytest.raises(InputError, match=r"There is no run .* in the trash"):
        trash.restore(store, name)


def test_a_run_deleted_in_one_process_is_gone_in_the_other(store, run_id):
    other = Store(store.home)
    assert other.get(run_id)
    trash.delete(store, run_id)
    assert other.list() == []
    with pytest.raises(RunError, match="no longer in the workspace"):
        other.append(run_id, Event("note", "joint", message="late"))


def test_the_size_of_a_folder_counts_what_is_below_and_follows_no_link(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"x" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"x" * 5)
    (tmp_path / "big").write_bytes(b"x" * 1000)
    os.symlink(tmp_path / "big", tmp_path / "a" / "link")
    link = os.lstat(tmp_path / "a" / "link").st_size
    assert size_of(tmp_path / "a") == 15 + link
    assert size_of(tmp_path / "nowhere") == 0


def fill(store, patch):
    """Leave no space on the disk: no file can be written, and the index cannot be changed."""

    def refused(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_change(*_):
        raise RunError(failures.DISK_FULL)

    patch.setattr(trash, "write_json", refused)
    patch.setattr(store.index, "_write", no_change)


def test_on_a_full_disk_a_run_is_deleted_and_comes_back_or_is_gone_for_good(
    store, dataset, config, monkeypatch
):
    first, second = (store.create(dataset, config, name=name) for name in ("one", "two"))
    store.append(first, Event("note", "joint", message="here"))
    fill(store, monkeypatch)
    trash.delete(store, first)
    trash.delete(store, second)
    assert store.list() == []
    assert {run.id for run in trash.trashed(store)} == {first, second}
    assert all(time.time() - run.deleted < 60 for run in trash.trashed(store))
    trash.restore(store, first)
    assert [event.message for _, event in store.events(first)] == ["here"]
    monkeypatch.undo()
    assert trash.empty(store) > 0
    assert store.index.run(second) is None
    assert [run.id for run in store.list()] == [first]


def test_a_queued_run_that_was_deleted_on_a_full_disk_never_starts(
    store, dataset, config, run_id, monkeypatch
):
    store.claim(run_id)
    waiting = store.create(dataset, config)
    queue.enqueue(store, waiting)
    with monkeypatch.context() as full:
        fill(store, full)
        trash.delete(store, waiting)
    assert queue.waiting(store) == []
    store.finish(run_id, "done")
    assert queue.advance(store) == []
    trash.restore(store, waiting)
    assert store.get(waiting).status == "created"


def test_a_reserve_is_kept_and_given_back_once(tmp_path):
    reserve.keep(tmp_path)
    assert (tmp_path / reserve.FILE).stat().st_size == reserve.SIZE
    assert reserve.release(tmp_path)
    assert not reserve.release(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with little space; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    try:
        mounted = not subprocess.run(mount, capture_output=True).returncode
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_without_a_free_byte_is_freed_by_the_command_line(small_disk, dataset, config, monkeypatch):
    store = Store(small_disk / "home")
    run_id = store.create(dataset, config)
    store.close()
    monkeypatch.setenv("DSC_HOME", str(small_disk / "home"))
    with suppress(OSError), open(small_disk / "filling", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert os.statvfs(small_disk).f_bavail == 0
    assert main(["delete", run_id, "--yes"]) == 0
    assert main(["trash", "--empty", "--yes"]) == 0
    assert not list((small_disk / "home" / "runs").iterdir())
    assert os.statvfs(small_disk).f_bavail > 0

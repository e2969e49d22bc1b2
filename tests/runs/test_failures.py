"""Errors as one sentence, and what is no damage although it cannot be read."""

import errno

import pytest

from dsc_core.data import load_dataset
from dsc_core.errors import RunError, UnreadableError, why_unreadable
from dsc_core.runs import checkpoints, execute, failures


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), failures.OUT_OF_MEMORY),
        (RuntimeError("std::bad_alloc"), failures.OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), failures.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), failures.OUT_OF_MEMORY),
        (ImportError("libx.so: failed to map segment from shared object"), failures.OUT_OF_MEMORY),
        (RuntimeError("can't start new thread"), failures.OUT_OF_MEMORY),
        (OSError(errno.EMFILE, "Too many open files", "labels.parquet"), failures.TOO_MANY_FILES),
        (OSError(errno.ENFILE, "Too many open files in system"), failures.TOO_MANY_FILES),
        (OSError(errno.ENOSPC, "No space left on device"), failures.DISK_FULL),
    ],
)
def test_what_a_machine_runs_out_of_has_a_sentence(error, sentence):
    assert failures.sentence(error) == sentence


def test_the_machine_is_to_blame_where_it_refuses_and_the_file_where_it_is_wrong():
    refused = ValueError("not readable")
    refused.__cause__ = OSError(errno.EACCES, "Permission denied")
    assert why_unreadable(refused) == "permission denied"
    assert why_unreadable(OSError(errno.EMFILE, "x")) == "too many open files"
    assert why_unreadable(MemoryError()) == "the computer ran out of memory"
    for damage in (ValueError("bad"), FileNotFoundError(errno.ENOENT, "x"), EOFError()):
        assert why_unreadable(damage) == ""


def refuse(*_):
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_checkpoint_that_cannot_be_read_just_now_is_no_damaged_one(
    store, run_id, fake_training, monkeypatch
):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    with pytest.raises(RunError):
        execute(store, run_id)
    kept = [one.name for one in store.checkpoints(run_id)]
    monkeypatch.setenv("FAKE", "")
    with monkeypatch.context() as scarce:
        scarce.setattr(checkpoints, "digest", refuse)  # called once both files are read
        sentence = "The checkpoint of epoch 1 cannot be read: too many open files."
        with pytest.raises(UnreadableError) as error:
            execute(store, run_id)
        assert str(error.value) == checkpoints.outlook(store.folder(run_id)) == sentence
    assert [one.name for one in store.checkpoints(run_id)] == kept
    assert checkpoints.outlook(store.folder(run_id)) == "Resuming continues after epoch 1 of 3."
    assert execute(store, run_id)["status"] == "done"


def test_a_data_set_that_cannot_be_read_just_now_is_not_to_be_deleted(store, run_id, monkeypatch):
    key = store.get(run_id).dataset["key"]
    with monkeypatch.context() as scarce:
        scarce.setattr("dsc_core.data.store._read", refuse)
        with pytest.raises(UnreadableError, match=r"^The stored data set .* cannot be read: too many open"):
            load_dataset(key, store.home)
    assert len(load_dataset(key, store.home)) == 30

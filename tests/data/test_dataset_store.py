"""The workspace's copy: it comes back as it was, under a key that only its content decides."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dsc_core.data import Dataset, Note, content_key, load_dataset, open_dataset, store_dataset
from dsc_core.errors import RunError

RNG = np.random.default_rng(0)
IMAGES = Dataset(
    name="pictures",
    samples=RNG.integers(0, 256, (30, 3, 8, 9), dtype=np.uint8),
    ids=np.array([f"a/{i} é.png" for i in range(30)]),
    labels=np.array(["cat", "dog", "cow"] * 10),
    kind="image",
    scaling=(0.0, 1 / 255),
    skipped=(("b.png", "The file is broken."),),
    notes=(Note("resized", 12, 40, about="8×8"), Note("skipped", 3)),
)
TABLE = Dataset(
    name="table",
    samples=RNG.normal(size=(20, 4)).astype(np.float32),
    ids=np.arange(20).astype(str),
    labels=np.arange(20) % 4,
    kind="table",
    preprocessing={"source": "table", "columns": [{"name": "ö", "mean": 0.1}]},
)


@pytest.mark.parametrize(
    "dataset", [IMAGES, TABLE, replace(IMAGES, labels=None)], ids=["images", "table", "bare"]
)
def test_a_data_set_comes_back_as_it_was(dataset, tmp_path):
    loaded = load_dataset(store_dataset(dataset, tmp_path), tmp_path)
    assert isinstance(loaded.samples, np.memmap)
    assert not loaded.samples.flags.writeable
    assert loaded.samples.dtype == dataset.samples.dtype
    assert np.array_equal(loaded.samples, dataset.samples)
    assert loaded.ids.tolist() == dataset.ids.tolist()
    if dataset.labels is None:
        assert loaded.labels is None
    else:
        assert loaded.labels.tolist() == dataset.labels.tolist()
    for name in ("name", "kind", "scaling", "skipped", "notes", "preprocessing"):
        assert getattr(loaded, name) == getattr(dataset, name)
    assert content_key(loaded) == content_key(dataset)


def test_the_key_is_the_content_in_any_process_and_memory_layout():
    turned = replace(IMAGES, samples=np.asfortranarray(IMAGES.samples))
    swapped = replace(TABLE, samples=TABLE.samples.astype(">f4"))
    assert content_key(turned) == content_key(IMAGES)
    assert content_key(swapped) == content_key(TABLE)
    code = "from dsc_core.data import *; print(content_key(open_dataset('digits')))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == content_key(open_dataset("digits"))


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    "change",
    [
        {"samples": changed(IMAGES.samples, (29, 2, 7, 8), IMAGES.samples[29, 2, 7, 8] ^ 1)},
        {"samples": IMAGES.samples[::-1]},
        {"samples": IMAGES.samples.reshape(30, 3, 9, 8)},
        {"ids": changed(IMAGES.ids, 4, "other")},
        {"labels": changed(IMAGES.labels, 4, "other")},
        {"labels": None},
        {"scaling": (0.0, 1.0)},
        {"name": "other"},
        {"skipped": ()},
    ],
)
def test_every_change_of_content_changes_the_key(change):
    assert content_key(replace(IMAGES, **change)) != content_key(IMAGES)


@pytest.mark.parametrize("labels", [None, np.arange(30) % 4, IMAGES.labels])
def test_rows_kept_in_pieces_are_the_same_and_so_is_the_key(labels, tmp_path, monkeypatch):
    from dsc_core.data import store

    ids = np.array([f"ö{'x' * i}.png" for i in range(30)])
    dataset = replace(IMAGES, labels=labels, ids=ids)
    key = store_dataset(dataset, tmp_path / "whole")
    for rows in (1, 7, 30):
        monkeypatch.setattr(store, "ROWS_AT_ONCE", rows)
        assert store_dataset(dataset, tmp_path / str(rows)) == key
        loaded = load_dataset(key, tmp_path / str(rows))
        assert loaded.ids.dtype == ids.dtype
        assert np.array_equal(loaded.ids, ids)
        assert labels is None or (
            np.array_equal(loaded.labels, labels) and loaded.labels.dtype == labels.dtype
        )


def test_labels_that_only_look_alike_differ():
    numbers = replace(IMAGES, labels=np.arange(30))
    assert content_key(numbers) != content_key(replace(numbers, labels=np.arange(30).astype(str)))


def test_what_is_there_is_not_written_again(tmp_path):
    key = store_dataset(IMAGES, tmp_path)
    file = tmp_path / "data" / key / "samples.npy"
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert store_dataset(IMAGES, tmp_path) == key
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert [path.name for path in (tmp_path / "data").iterdir()] == [key]


def test_a_copy_that_lacks_a_file_is_written_anew(tmp_path):
    key = store_dataset(IMAGES, tmp_path)
    (tmp_path / "data" / key / "rows.parquet").unlink()
    with pytest.raises(RunError, match="damaged"):
        load_dataset(key, tmp_path)
    assert store_dataset(IMAGES, tmp_path) == key
    assert len(load_dataset(key, tmp_path)) == 30


@pytest.mark.parametrize("name", ["samples.npy", "rows.parquet", "dataset.json"])
@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"x" * len(data)]
)
def test_a_damaged_copy_is_one_sentence(tmp_path, name, spoil):
    key = store_dataset(IMAGES, tmp_path)
    file = tmp_path / "data" / key / name
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(RunError, match="damaged: delete its folder"):
        load_dataset(key, tmp_path)


@pytest.mark.parametrize("key", ["0" * 32, "../../etc", "", "ABC", "/etc"])
def test_a_key_that_is_none_leads_nowhere(tmp_path, key):
    (tmp_path / "data").mkdir()
    with pytest.raises(RunError, match="no data set"):
        load_dataset(key, tmp_path)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(RunError, match="No space left"):
        store_dataset(IMAGES, tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_faster_process_is_as_good(tmp_path, monkeypatch):
    real = os.replace

    def beaten(source, target):
        os.mkdir(target)
        for name in os.listdir(source):
            real(os.path.join(source, name), os.path.join(target, name))
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr("dsc_core.data.store.os.replace", beaten)
    key = store_dataset(IMAGES, tmp_path)
    assert len(load_dataset(key, tmp_path)) == 30


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_the_umask_says_who_can_read_the_copy_and_nothing_is_executable(tmp_path, mask):
    before = os.umask(mask)
    try:
        folder = tmp_path / "data" / store_dataset(IMAGES, tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~mask
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o666 & ~mask}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("name", "\ud800"),
        ("scaling", [0, "x"]),
        ("scaling", [float("nan"), 1]),
        ("scaling", [1]),
        ("kind", "sound"),
        ("shape", 3),
        ("samples", "many"),
        ("samples", 10**30),
        ("skipped", [["a", 5]]),
        ("notes", [{"kind": "unheard of"}]),
        ("notes", 5),
        ("preprocessing", [1]),
    ],
)
def test_a_wrong_value_in_a_copy_is_one_sentence(tmp_path, field, value):
    key = store_dataset(IMAGES, tmp_path)
    file = tmp_path / "data" / key / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(RunError, match="damaged: delete its folder"):
        load_dataset(key, tmp_path)


@pytest.mark.parametrize("name", ["samples.npy", "rows.parquet", "dataset.json"])
@pytest.mark.parametrize("how", ["folder", "pipe", "loop", "deep"])
def test_something_else_in_place_of_a_file_is_one_sentence(tmp_path, name, how):
    key = store_dataset(IMAGES, tmp_path)
    file = tmp_path / "data" / key / name
    file.unlink()
    if how == "deep":
        file.write_text("[" * 100_000 + "]" * 100_000)
    else:
        {"folder": file.mkdir, "pipe": lambda: os.mkfifo(file), "loop": lambda: file.symlink_to(file)}[how]()
    with pytest.raises(RunError, match="damaged: delete its folder"):
        load_dataset(key, tmp_path)

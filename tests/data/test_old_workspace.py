"""Data sets and imports that version 0.1.0 wrote still open."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dsc_core.data import check_trainable, is_stored, load_dataset, open_dataset, store_dataset
from dsc_core.data.importing import _read

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "workspace-0.1.0.zip"
KEYS = (
    "258c00b89aebb393ab2fa3d7c7de40b8",
    "5869168fed5d3b51374b892e453596cc",
    "8d025dd60ae3c3d4e462d35ddec63403",
)


@pytest.fixture
def home(tmp_path):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize("key", KEYS)
def test_a_data_set_opens(home, key):
    dataset = load_dataset(key, home)
    stored = json.loads((home / "data" / key / "dataset.json").read_text())
    assert len(dataset) == stored["samples"] == len(set(dataset.ids))
    assert list(dataset.shape) == stored["shape"]
    assert [str(note) for note in dataset.notes] == stored["notes"]
    assert np.isfinite(dataset.values()).all()
    check_trainable(dataset, 2)


@pytest.mark.parametrize("key", KEYS)
def test_its_key_is_still_the_hash_of_its_content(home, key, tmp_path):
    assert store_dataset(load_dataset(key, home), tmp_path / "other") == key


def test_the_earlier_import_is_known(home):
    (record,) = (home / "imports").iterdir()
    assert is_stored(_read(record), home)


@pytest.mark.parametrize("key", KEYS)
def test_new_data_are_read_like_it(home, key, tmp_path):
    dataset = load_dataset(key, home)
    if dataset.kind == "image":
        np.save(tmp_path / "new.npy", np.asarray(dataset.samples))
        again = open_dataset(tmp_path / "new.npy", like=dataset.describe())
    elif dataset.preprocessing["source"] == "table":
        dataset.table(slice(None)).to_csv(tmp_path / "new.csv", index=False)
        again = open_dataset(tmp_path / "new.csv", like=dataset.describe())
    else:
        np.save(tmp_path / "new.npy", dataset.table(slice(None)).to_numpy())
        again = open_dataset(tmp_path / "new.npy", like=dataset.describe())
    assert np.allclose(again.values(), dataset.values(), atol=1e-4)

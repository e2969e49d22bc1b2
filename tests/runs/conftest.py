"""A small data set, a store in a folder of its own, and a training that takes no time."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_core.analysis import umap_map
from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.runs import Store, film_process, launcher, saving

sys.path.insert(0, str(Path(__file__).parent))

from tests.runs import fakes


@pytest.fixture(autouse=True)
def a_checkpoint_after_every_epoch(monkeypatch):
    """These trainings take no time, and tests continue them from any epoch."""
    monkeypatch.setattr(saving, "SAVE_EVERY", 0.0)


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    labels = np.repeat(["ant", "bee", "=cat"], 10)
    samples = rng.integers(0, 100, (30, 1, 8, 8)).astype(np.uint8)
    samples += (np.repeat([0, 70, 140], 10)[:, None, None, None]).astype(np.uint8)
    ids = np.array([f"image-{i}.png" for i in range(29)] + ["=1+1"])
    return Dataset("Three Kinds", samples, ids, labels, "image", (0.0, 1 / 255))


@pytest.fixture
def config():
    # The fakes have no model that could build a graph of images: theirs is of the codes alone.
    return Config().replace(clusters=3, device="cpu", second_view="none")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def run_id(store, dataset, config):
    return store.create(dataset, config)


@pytest.fixture
def fake_training(monkeypatch):
    """`fakes` in place of training and of UMAP, here and in the worker processes."""
    fakes.install(
        lambda name, module: monkeypatch.setitem(sys.modules, name, module),
        lambda parent, name, module: monkeypatch.setattr(parent, name, module, raising=False),
    )
    monkeypatch.setattr(umap_map, "project", fakes.no_map)
    monkeypatch.setattr(film_process, "command", fakes.film_command)
    monkeypatch.setenv("FAKE", "")
    monkeypatch.setattr(launcher, "worker_command", lambda run_id: [sys.executable, fakes.__file__, run_id])
    return fakes


@pytest.fixture
def done(store, run_id, fake_training):
    """The id of a run that has been trained."""
    from dsc_core.runs import execute

    execute(store, run_id)
    return run_id

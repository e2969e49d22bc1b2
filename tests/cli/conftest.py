"""A command line with training faked, and small data for it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_core.cli.main import main
from tests.runs import fakes

ROOT = Path(__file__).resolve().parents[2]
FAKES = ROOT / "tests" / "runs" / "fakes.py"


@pytest.fixture(autouse=True)
def a_checkpoint_after_every_epoch(monkeypatch):
    """These trainings take no time, and are continued from any epoch."""
    monkeypatch.setattr("dsc_core.runs.saving.SAVE_EVERY", 0.0)


@pytest.fixture
def blobs(tmp_path):
    """60 grey images in three kinds, as an .npz with labels; the path as a string."""
    rng = np.random.default_rng(0)
    labels = np.repeat([4, 5, 9], 20)
    images = (rng.integers(0, 40, (60, 8, 8)) + np.repeat([0, 100, 200], 20)[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "blobs.npz", x=images, y=labels)
    np.save(tmp_path / "bare.npy", images)
    return str(tmp_path / "blobs.npz")


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Calls the command line with training faked; gives (exit code, standard output, standard error)."""
    from dsc_core.analysis import umap_map
    from dsc_core.runs import launcher

    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    fakes.install(
        lambda name, module: monkeypatch.setitem(sys.modules, name, module),
        lambda parent, name, module: monkeypatch.setattr(parent, name, module, raising=False),
    )
    monkeypatch.setattr(umap_map, "project", fakes.no_map)
    monkeypatch.setattr(launcher, "worker_command", lambda run_id: [sys.executable, str(FAKES), run_id])

    def call(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        return code, *capfd.readouterr()

    return call

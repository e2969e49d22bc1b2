"""A run that takes a fraction of a second, and everything that it leaves."""

import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.runs import Store

CONFIG = Config(
    clusters=3,
    epochs=1,
    joint_epochs=1,
    evaluate_every=1,
    batch=30,
    joint_batch=30,
    spectral_width=16,
    latent_dims=3,
    spectral_dims=3,
    neighbours=3,
    least_steps=0,
    tolerance=0.0,
    device="cpu",
    map_every=0,
)
PAUSES = ("Paused.", "Resumed.")
# Fields of events that tell of the time.
VOLATILE = ("seconds", "images_per_second", "remaining", "paused", "back_to", "parts")


def create(home, config=CONFIG):
    """A workspace with one run of 60 digits that has not begun; the id of the run."""
    digits = load_digits(n_class=3)
    images = digits.images[:60, None].astype(np.uint8)
    ids, labels = np.arange(60).astype(str), digits.target[:60]
    dataset = Dataset("digits", images, ids, labels, "image", (0.0, 1 / 16))
    if config.encoder == "none":
        rows = images.reshape(60, -1).astype(np.float32)
        dataset = Dataset("digits", rows, ids, labels, "table", (0.0, 1 / 16))
    store = Store(home)
    run_id = store.create(dataset, config)
    store.close()
    return run_id


def copy(template, home):
    """A fresh copy of a workspace."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)


def outcome(home, run_id):
    """Everything that a run leaves, but for times: its labels, events, summary, arrays and the names of its files."""
    store = Store(home)
    run = store.get(run_id)
    assert run.status == "done", (run.status, run.reason, (run.folder / "log.txt").read_text())
    events = [event for _, event in store.events(run_id)]
    numbers = [number for number, _ in store.events(run_id)]
    assert numbers == sorted(set(numbers))
    store.close()
    told = [asdict(event) for event in events if event.back_to is None and event.message not in PAUSES]
    for event in told:
        for name in VOLATILE:
            del event[name]
    files = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    files = {name for name in files if not name.startswith(("events-", "checkpoints/", "frames/"))}
    arrays = {name: np.load(run.folder / name).tobytes() for name in sorted(files) if name.endswith(".npy")}
    weights = (run.folder / "model" / "model.safetensors").read_bytes()
    frame = pd.read_parquet(run.folder / "labels.parquet")
    return {"events": told, "files": files, "arrays": arrays, "weights": weights, "labels": frame.to_csv()}


def same(found, expected):
    """Whether two outcomes agree; AssertionError with the part in which they do not."""
    for part, value in expected.items():
        assert found[part] == value, part
